package dev.darkroom.bench.kernels;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.darkroom.cuda.KernelTimer;
import dev.darkroom.device.DeviceUnavailableException;
import dev.darkroom.device.Devices;
import dev.darkroom.tensor.Device;
import dev.darkroom.tensor.DeviceException;
import dev.darkroom.tensor.DeviceLostException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.List;
import java.util.Locale;
import java.util.Objects;

/**
 * Times every distinct operation of the published networks by itself on a GPU, beside the largest matrix product, a copy, cuBLAS and cuDNN in the same
 * run; see bench/README.md.
 */
public final class KernelBench {
    private static final ObjectMapper MAPPER = new ObjectMapper();

    /** More than the L2 cache of any GPU (that of an H200 has 50 MB); as much as triton's do_bench takes. */
    private static final int FLUSH_BYTES = 256 << 20;

    private static final int SMALL_FLUSH_BYTES = 1 << 16;
    private static final int SHORT_REPEAT = 3;
    private static final String SOFTWARE_DEVICE = "software device"; // as tests/softcuda calls itself
    private static final int FAILED = 1;
    private static final int WRONG_ARGUMENTS = 2;
    private static final int DEVICE_LOST = 3;

    private final Options options;
    private final long started = System.nanoTime();

    private KernelBench(Options options) {
        this.options = options;
    }

    /** Ends with 0, with 1 when a row failed, with 2 for wrong arguments or no such device, with 3 when the device was lost. */
    public static void main(String[] arguments) throws IOException {
        int code;
        try {
            code = new KernelBench(Options.parse(arguments)).run();
        } catch (IllegalArgumentException | DeviceUnavailableException e) {
            System.err.println(e.getMessage());
            code = WRONG_ARGUMENTS;
        } catch (DeviceException e) { // while a device that was lost is closed
            System.err.println(e.getMessage());
            code = DEVICE_LOST;
        }
        System.exit(code);
    }

    /** As {@link #main}, for a command line in this process; returns what it would end with. */
    static int run(String... arguments) throws IOException {
        return run(Options.parse(arguments));
    }

    static int run(Options options) throws IOException {
        return new KernelBench(options).run();
    }

    private int run() throws IOException {
        if (options.prediction != null) {
            new PredictionFile(options).write(options.prediction);
            return 0;
        }
        if (options.shapes != null) {
            listShapes(options.shapes);
            return 0;
        }
        try (Device device = Devices.open(Objects.requireNonNull(options.device), 0);
                KernelTimer timer = new KernelTimer(device, options.isShort ? SMALL_FLUSH_BYTES : FLUSH_BYTES)) {
            return measure(device, timer, Objects.requireNonNull(options.out));
        }
    }

    private void listShapes(Path file) throws IOException {
        ObjectNode root = MAPPER.createObjectNode();
        root.put("what", "operations of the published networks with their shapes, for peers")
                .put("dtype", options.dtype.toString());
        List<ShapeList.Row> rows = options.rows();
        rows.forEach(row -> row.writeTo(root.withArray("rows").addObject()));
        Files.writeString(file, root + "\n");
        System.out.println(file + ": " + rows.size() + " operations");
    }

    private int measure(Device device, KernelTimer timer, Path file) throws IOException {
        int repeat = options.isShort ? Math.min(SHORT_REPEAT, options.repeat) : options.repeat;
        List<ShapeList.Row> rows = options.rows();
        if (rows.isEmpty()) {
            throw new IllegalArgumentException("no operation is called as --ops, --models and --batches ask");
        }
        Ceilings ceilings = Ceilings.measure(device, timer, options.dtype, repeat, options.isShort);
        int code;
        try (AppendedJson json = new AppendedJson(file, head(device, timer, ceilings, rows.size()))) {
            code = measure(new RowBench(device, timer, ceilings, repeat), rows, json);
        }
        KernelGoals.addTo(file, null);
        return code;
    }

    /** Times rows until all are done, the time is up or the device is lost; returns what the program ends with. */
    private int measure(RowBench bench, List<ShapeList.Row> rows, AppendedJson json) {
        int done = 0;
        int code = 0;
        String ended = "whole";
        for (ShapeList.Row row : rows) {
            if (1e-9 * (System.nanoTime() - started) > options.limit) {
                ended = "after " + done + " of " + rows.size() + " rows, by --limit";
                break;
            }
            ObjectNode node = MAPPER.createObjectNode();
            try {
                bench.measure(row, node);
            } catch (DeviceLostException e) {
                node.put("failed", e.getMessage());
                ended = "the device was lost";
                code = DEVICE_LOST;
            }
            json.append(node);
            System.out.println(line(node));
            if (code == DEVICE_LOST) {
                break;
            }
            done++;
            code = node.has("failed") ? FAILED : code;
        }
        json.finish(MAPPER.createObjectNode().put("ended", ended));
        return code;
    }

    private ObjectNode head(Device device, KernelTimer timer, Ceilings ceilings, int rows) {
        ObjectNode head = MAPPER.createObjectNode();
        head.put("what", "kernels by themselves, over every distinct operation of the published networks")
                .put("when", Instant.now().truncatedTo(ChronoUnit.SECONDS).toString())
                .put("commit", options.commit);
        if (options.isShort) {
            head.put("trial", "short shapes, whose times are no records");
        } else if (timer.gpu().equals(SOFTWARE_DEVICE)) {
            head.put("trial", "times of the software device, which say nothing of a GPU");
        }
        head.putObject("machine")
                .put("system", System.getProperty("os.name") + " " + System.getProperty("os.version"))
                .put("cores", Runtime.getRuntime().availableProcessors())
                .put("java", System.getProperty("java.vm.name") + " " + Runtime.version());
        head.put("device", device.name()).put("description", device.description());
        head.putObject("gpu").put("model", timer.gpu()).put("compute_capability", timer.capability());
        head.put("dtype", options.dtype.toString());
        head.put("method", "events around one call; L2 flushed before each; standard normal data; medians");
        head.put("row_count", rows);
        ceilings.writeTo(head.putObject("ceilings"));
        return head;
    }

    private static String line(ObjectNode node) {
        for (String reason : List.of("failed", "skipped")) {
            if (node.has(reason)) {
                return node.path("id").asText() + ": " + reason + ": "
                        + node.path(reason).asText();
            }
        }
        String library = node.has("library")
                ? String.format(
                        Locale.ROOT,
                        ", %.2f x %s",
                        node.at("/library/ratio").asDouble(),
                        node.at("/library/by").asText())
                : "";
        return String.format(
                Locale.ROOT,
                "%s: %.1f us, %.1f TFLOP/s, %.0f GB/s, %.0f %%%s",
                node.path("id").asText(),
                node.path("median_us").asDouble(),
                node.path("tflops").asDouble(),
                node.path("gbs").asDouble(),
                node.path("share_percent").asDouble(),
                library);
    }
}
