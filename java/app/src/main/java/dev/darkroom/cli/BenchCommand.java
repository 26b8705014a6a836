package dev.darkroom.cli;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.darkroom.device.Devices;
import dev.darkroom.pipeline.Darkroom;
import dev.darkroom.pipeline.Estimate;
import dev.darkroom.pipeline.NetworkBench;
import dev.darkroom.pipeline.Request;
import dev.darkroom.tensor.Bytes;
import dev.darkroom.tensor.Device;
import dev.darkroom.tensor.MemoryStatistics;
import dev.darkroom.tensor.RecordingStatistics;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Locale;
import java.util.concurrent.Callable;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;

/** Times a model's parts. */
@Command(
        name = "bench",
        mixinStandardHelpOptions = true,
        sortOptions = false,
        description = "Times loading, text, a step and decoding, with operations per second and peak memory.")
final class BenchCommand implements Callable<Integer> {
    @Mixin
    private final ModelOptions model = new ModelOptions();

    /** What is timed. */
    enum Part {
        ALL,
        LOAD,
        TEXT,
        UNET,
        VAE
    }

    @Option(
            names = "--part",
            defaultValue = "all",
            description = "One of ${COMPLETION-CANDIDATES}. Default: ${DEFAULT-VALUE}.")
    private Part part = Part.ALL;

    @Option(
            names = {"-W", "--width"},
            defaultValue = "0",
            description = "Width in pixels. Default: the model's own.")
    private int width;

    @Option(
            names = {"-H", "--height"},
            defaultValue = "0",
            description = "Height in pixels. Default: the model's own.")
    private int height;

    @Option(
            names = {"-b", "--batch-count"},
            defaultValue = "1",
            description = "Pictures at once. Default: ${DEFAULT-VALUE}.")
    private int count;

    @Option(
            names = "--steps",
            defaultValue = "20",
            description = "Steps that the total is given for. Default: ${DEFAULT-VALUE}.")
    private int steps;

    @Option(
            names = "--repeat",
            defaultValue = "5",
            description = "How often each part is timed. Default: ${DEFAULT-VALUE}.")
    private int repeat;

    @Option(
            names = "--warmup",
            defaultValue = "2", // the first loads kernels, the second is recorded
            description = "How often each part runs before. Default: ${DEFAULT-VALUE}.")
    private int warmup;

    @Option(
            names = "--tune",
            paramLabel = "FILE",
            arity = "0..1",
            fallbackValue = "",
            description = {
                "Time our own kernels, cuBLAS and cuDNN on each product of these networks, and write down which is fastest;",
                "to FILE, or to where it is looked for when the GPU is opened. Only with --device cuda."
            })
    private @Nullable String tune;

    @Option(names = "--json", description = "Write one JSON object.")
    private boolean json;

    @Spec
    private CommandSpec spec = CommandSpec.create();

    @Override
    public Integer call() {
        NetworkBench.Repeats repeats = NetworkBench.Repeats.of(warmup, repeat);
        ObjectNode report = new ObjectMapper().createObjectNode();
        try (Darkroom darkroom = model.open()) {
            Request request = Request.of("a bench")
                    .size(width, height)
                    .steps(steps)
                    .count(count)
                    .build();
            Estimate estimate = darkroom.estimate(request);
            report.put("device", darkroom.device().name())
                    .put("description", darkroom.device().description());
            report.put("dtype", darkroom.dtype().toString())
                    .put("model", darkroom.model().location());
            report.put("load_seconds", darkroom.loadSeconds());
            NetworkBench networks = darkroom.networks();
            int h = darkroom.latentHeight(request);
            int w = darkroom.latentWidth(request);
            double text = time(report, Part.TEXT, estimate.textFlops(), () -> networks.text(2 * count, repeats));
            double step = time(report, Part.UNET, estimate.stepFlops(), () -> networks.unet(2 * count, h, w, repeats));
            if (report.has("unet")) {
                RecordingStatistics runs = darkroom.device().recordings();
                report.putObject("step_runs")
                        .put("direct", runs.direct())
                        .put("recorded", runs.recorded())
                        .put("replayed", runs.replayed());
            }
            double decode = time(report, Part.VAE, estimate.decodeFlops(), () -> networks.vaeDecode(1, h, w, repeats));
            if (part == Part.ALL) {
                report.put("total_seconds", darkroom.loadSeconds() + text + steps * step + count * decode);
            }
            if (tune != null) {
                tune(report, darkroom.device(), tune);
            }
            report.put("predicted_peak_bytes", estimate.peakBytes());
            MemoryStatistics memory = darkroom.device().pool().statistics();
            report.putObject("pool")
                    .put("live_bytes", memory.live())
                    .put("cached_bytes", memory.cached())
                    .put("peak_bytes", memory.peak())
                    .put("peak_reserved_bytes", memory.peakReserved())
                    .put("requested_bytes", memory.requested())
                    .put("fragmentation", memory.fragmentation())
                    .put("allocations", memory.allocations())
                    .put("reservations", memory.reservations());
        }
        report.put("process_peak_bytes", processPeak());
        print(report);
        return 0;
    }

    private void tune(ObjectNode report, Device device, String file) {
        ArrayNode products = report.putArray("tuned");
        Path table = Devices.tune(device, file.isEmpty() ? null : Path.of(file), products::add);
        report.put("table", table.toString());
    }

    /** Times one part, if it is asked for; returns the median in seconds. */
    private double time(ObjectNode report, Part what, long flops, Supplier<double[]> passes) {
        if (part != Part.ALL && part != what) {
            return 0;
        }
        double[] seconds = passes.get();
        Arrays.sort(seconds);
        double median = (seconds[(repeat - 1) / 2] + seconds[repeat / 2]) / 2;
        report.putObject(what.name().toLowerCase(Locale.ROOT))
                .put("n", repeat)
                .put("median_seconds", median)
                .put("min_seconds", seconds[0])
                .put("p95_seconds", seconds[(int) Math.ceil(0.95 * repeat) - 1])
                .put("flops", flops)
                .put("flops_per_second", flops / median);
        return median;
    }

    private void print(ObjectNode report) {
        if (json) {
            spec.commandLine().getOut().println(report);
            return;
        }
        line(
                "device",
                report.path("device").asText() + ": "
                        + report.path("description").asText() + ", "
                        + report.path("dtype").asText());
        line(
                "load",
                String.format(Locale.ROOT, "%.3f s", report.path("load_seconds").asDouble()));
        for (Part each : new Part[] {Part.TEXT, Part.UNET, Part.VAE}) {
            JsonNode timed = report.path(each.name().toLowerCase(Locale.ROOT));
            if (!timed.isMissingNode()) {
                line(
                        each == Part.UNET ? "step" : each == Part.VAE ? "decode" : "text",
                        String.format(
                                Locale.ROOT,
                                "%.4f s median of %d, %.4f min, %.4f p95, %.1f GFLOP/s",
                                timed.path("median_seconds").asDouble(),
                                timed.path("n").asInt(),
                                timed.path("min_seconds").asDouble(),
                                timed.path("p95_seconds").asDouble(),
                                timed.path("flops_per_second").asDouble() / 1e9));
            }
        }
        JsonNode runs = report.path("step_runs");
        if (runs.path("recorded").asInt() > 0) {
            line(
                    "recording",
                    runs.path("replayed") + " steps were replayed, " + runs.path("recorded") + " recorded, "
                            + runs.path("direct") + " run directly");
        }
        if (report.has("total_seconds")) {
            line(
                    "total",
                    String.format(
                            Locale.ROOT,
                            "%.2f s for %d steps",
                            report.path("total_seconds").asDouble(),
                            steps));
        }
        report.path("tuned").forEach(product -> line("tuned", product.asText()));
        if (report.has("table")) {
            line("table", report.path("table").asText());
        }
        line(
                "peak memory",
                Bytes.format(report.path("process_peak_bytes").asLong()) + " of the process, "
                        + poolBytes(report, "peak_bytes") + " of tensors, "
                        + poolBytes(report, "peak_reserved_bytes") + " of the pool, "
                        + Bytes.format(report.path("predicted_peak_bytes").asLong()) + " predicted for a request");
        line(
                "pool",
                poolBytes(report, "live_bytes") + " live, " + poolBytes(report, "requested_bytes") + " requested, "
                        + poolBytes(report, "cached_bytes") + " cached, "
                        + String.format(
                                Locale.ROOT,
                                "%.1f %% fragmentation, %d allocations from %d reservations",
                                100 * report.at("/pool/fragmentation").asDouble(),
                                report.at("/pool/allocations").asLong(),
                                report.at("/pool/reservations").asLong()));
    }

    private static String poolBytes(ObjectNode report, String field) {
        return Bytes.format(report.path("pool").path(field).asLong());
    }

    private void line(String what, String value) {
        spec.commandLine().getOut().println(String.format(Locale.ROOT, "%-12s %s", what, value));
    }

    /** The most memory this process ever had resident, as the kernel counts it; 0 where it does not say. */
    private static long processPeak() {
        Path status = Path.of("/proc/self/status");
        if (!Files.isReadable(status)) {
            return 0;
        }
        try {
            return Files.readAllLines(status).stream()
                    .filter(line -> line.startsWith("VmHWM:"))
                    .mapToLong(line -> 1024 * Long.parseLong(line.replaceAll("\\D", "")))
                    .findFirst()
                    .orElse(0);
        } catch (IOException e) {
            throw new UncheckedIOException(status + " cannot be read", e);
        }
    }
}
