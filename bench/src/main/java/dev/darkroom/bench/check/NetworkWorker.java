package dev.darkroom.bench.check;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.darkroom.cuda.PinnedCopy;
import dev.darkroom.device.CudaSurvey;
import dev.darkroom.device.Devices;
import dev.darkroom.pipeline.Darkroom;
import dev.darkroom.pipeline.Estimate;
import dev.darkroom.pipeline.InvalidRequestException;
import dev.darkroom.pipeline.NetworkBench;
import dev.darkroom.pipeline.Request;
import dev.darkroom.tensor.DType;
import dev.darkroom.tensor.DeviceLostException;
import dev.darkroom.tensor.MemoryStatistics;
import dev.darkroom.tensor.OutOfDeviceMemoryException;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * Times the engine's networks as it is asked to, a JSON object a line on its input, an answer a line on its output.
 *
 * <pre>
 * {"op": "open", "model": FOLDER, "device": "cuda:0", "dtype": "f16"}      -> load_seconds, description
 * {"op": "text" | "unet" | "vae" | "picture", "batch": 2, "size": 512, ...repeats} -> seconds of each pass, flops of one
 * {"op": "memory", "batch": 1}                                             -> bytes of the pool and of the device
 * {"op": "copy", "device": "cuda:0"}                                       -> bytes_per_second from pinned memory
 * {"op": "close"}
 * </pre>
 *
 * <p>Repeats are {@code warmup}, {@code repeat} and {@code budget}: no pass begins after so many seconds. An answer has {@code skipped} where memory is too
 * small, {@code failed} where something else went wrong, and then {@code lost} where the device was.
 */
final class NetworkWorker implements AutoCloseable {
    private final ObjectMapper mapper = new ObjectMapper();
    private @Nullable Darkroom darkroom;
    private long freeBefore;

    private NetworkWorker() {}

    public static void main(String[] arguments) throws IOException {
        try (BufferedReader questions = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
                NetworkWorker worker = new NetworkWorker()) {
            for (String line = questions.readLine(); line != null; line = questions.readLine()) {
                System.out.println(worker.answer((ObjectNode) worker.mapper.readTree(line)));
            }
        }
    }

    private ObjectNode answer(ObjectNode question) {
        ObjectNode answer = mapper.createObjectNode();
        try {
            switch (question.path("op").asText()) {
                case "open" -> open(question, answer);
                case "close" -> close();
                case "copy" ->
                    answer.put(
                            "bytes_per_second",
                            PinnedCopy.bytesPerSecond(question.path("device").asText()));
                case "memory" -> memory(question, answer);
                default -> time(question, answer);
            }
        } catch (OutOfDeviceMemoryException | InvalidRequestException e) {
            answer.put("skipped", e.getMessage());
        } catch (RuntimeException e) {
            e.printStackTrace();
            answer.put("failed", String.valueOf(e.getMessage()))
                    .put("lost", e instanceof DeviceLostException);
        }
        return answer;
    }

    private void open(ObjectNode question, ObjectNode answer) {
        String device = question.path("device").asText();
        freeBefore = freeBytes(device);
        darkroom = Darkroom.builder(question.path("model").asText())
                .device(device)
                .dtype(DType.parse(question.path("dtype").asText()))
                .open();
        answer.put("load_seconds", darkroom.loadSeconds())
                .put("description", darkroom.device().description())
                .put("dtype", darkroom.dtype().toString());
    }

    private Darkroom opened() {
        if (darkroom == null) {
            throw new IllegalStateException("no model is open");
        }
        return darkroom;
    }

    private void time(ObjectNode question, ObjectNode answer) {
        Darkroom model = opened();
        int batch = question.path("batch").asInt();
        String part = question.path("op").asText();
        NetworkBench.Repeats repeats = new NetworkBench.Repeats(
                question.path("warmup").asInt(2),
                question.path("repeat").asInt(1),
                question.path("budget").asDouble(Double.POSITIVE_INFINITY));
        boolean guided = part.equals("unet") || part.equals("text"); // two of each picture
        Request request = request(question, guided ? Math.max(1, batch / 2) : batch);
        Estimate estimate = model.estimate(request);
        requireRoom(model, estimate);
        int height = model.latentHeight(request);
        int width = model.latentWidth(request);
        double[] seconds = switch (part) {
            case "text" -> model.networks().text(batch, repeats);
            case "unet" -> model.networks().unet(batch, height, width, repeats);
            case "vae" -> model.networks().vaeDecode(batch, height, width, repeats);
            case "picture" -> pictures(model, request, repeats);
            default -> throw new IllegalArgumentException("there is no op \"" + part + "\"");
        };
        answer.put("flops", flops(part, batch, estimate, request.steps()));
        ArrayNode all = answer.putArray("seconds");
        for (double each : seconds) {
            all.add(each);
        }
    }

    private static Request request(ObjectNode question, int pictures) {
        return Request.of("a lighthouse at dusk")
                .steps(question.path("steps").asInt(20))
                .guidance(7.5)
                .count(pictures)
                .size(question.path("size").asInt(0), question.path("size").asInt(0)) // 0: the model's own
                .seed(1)
                .build();
    }

    /** Of one pass; the estimate is of whole pictures, guided. */
    private static long flops(String part, int batch, Estimate estimate, int steps) {
        return switch (part) {
            case "text" -> estimate.textFlops();
            case "unet" -> estimate.stepFlops();
            case "vae" -> batch * estimate.decodeFlops();
            default -> estimate.textFlops() + steps * estimate.stepFlops() + batch * estimate.decodeFlops();
        };
    }

    private static void requireRoom(Darkroom model, Estimate estimate) {
        long limit = model.device().pool().limit();
        if (estimate.peakBytes() > limit) {
            throw new OutOfDeviceMemoryException(
                    "it takes " + estimate.peakBytes() + " bytes, and the device had " + limit + " free",
                    estimate.peakBytes());
        }
    }

    private static double[] pictures(Darkroom model, Request request, NetworkBench.Repeats repeats) {
        for (int i = 0; i < repeats.warmup(); i++) {
            model.generate(request);
        }
        List<Double> seconds = new ArrayList<>();
        double sum = 0;
        while (seconds.isEmpty() || seconds.size() < repeats.timed() && sum < repeats.seconds()) {
            long begun = System.nanoTime();
            model.generate(request);
            seconds.add((System.nanoTime() - begun) / 1e9);
            sum += seconds.get(seconds.size() - 1);
        }
        return seconds.stream().mapToDouble(Double::doubleValue).toArray();
    }

    private void memory(ObjectNode question, ObjectNode answer) {
        Darkroom model = opened();
        MemoryStatistics memory = model.device().pool().statistics();
        Estimate estimate = model.estimate(request(question, question.path("batch").asInt(1)));
        answer.put("weight_bytes", estimate.weightBytes())
                .put("predicted_peak_bytes", estimate.peakBytes())
                .put("peak_bytes", memory.peak())
                .put("peak_reserved_bytes", memory.peakReserved())
                .put("taken_of_the_device_bytes", freeBefore - freeBytes(model.device().name()));
    }

    /** Memory that is free on the device; other processes count as well. */
    private static long freeBytes(String device) {
        return Devices.surveyCuda().gpus().stream()
                .filter(gpu -> gpu.name().equals(device))
                .mapToLong(CudaSurvey.Card::freeBytes)
                .findFirst()
                .orElse(0);
    }

    @Override
    public void close() {
        if (darkroom != null) {
            darkroom.close();
            darkroom = null;
        }
    }
}
