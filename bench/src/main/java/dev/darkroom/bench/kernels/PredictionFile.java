package dev.darkroom.bench.kernels;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.darkroom.prebuild.KernelResources;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;

/** Writes what every operation of the networks is predicted to take: a record for the H200, and a page with forward passes on further GPUs. */
final class PredictionFile {
    private static final ObjectMapper MAPPER = new ObjectMapper();
    static final String HOW = "counted from launches, ptxas' registers and published rates; nothing here was measured";
    private static final List<String> COLUMNS = List.of(
            "operation",
            "uses",
            "kernel",
            "launches",
            "grid",
            "threads",
            "shared_bytes",
            "blocks_per_multiprocessor",
            "limited_by",
            "occupancy_percent",
            "waves",
            "balance_percent",
            "gflop",
            "mb",
            "predicted_us",
            "floor_us",
            "share_percent",
            "registers_known");

    private final Options options;

    /** An operation of the networks on a GPU. */
    record Line(ShapeList.Row row, Prediction prediction) {}

    PredictionFile(Options options) {
        this.options = options;
    }

    /** Writes the record, and the page where {@code --page} asks for it. */
    void write(Path file) throws IOException {
        KernelResources resources = KernelResources.read(options.resources);
        List<ShapeList.Row> rows = options.rows();
        Map<Gpu, List<Line>> lines = new EnumMap<>(Gpu.class);
        for (Gpu gpu : Gpu.values()) {
            lines.put(gpu, predict(gpu, resources, rows));
        }
        List<Line> recorded = lines.getOrDefault(Gpu.H200, List.of());
        Files.writeString(file, record(resources, recorded));
        System.out.println(file + ": " + recorded.size() + " operations");
        if (options.page != null) {
            Files.writeString(options.page, PredictionPage.text(resources.compiler(), lines));
        }
    }

    private static List<Line> predict(Gpu gpu, KernelResources resources, List<ShapeList.Row> rows) {
        List<Line> lines = new ArrayList<>();
        try (Predictor predictor = new Predictor(gpu, resources)) {
            for (ShapeList.Row row : rows) {
                Prediction prediction = predictor.predict(row.call());
                if (prediction != null) {
                    lines.add(new Line(row, prediction));
                }
            }
        }
        return lines;
    }

    /** The sums of a forward pass, in microseconds: predicted and floor. */
    static Map<String, double[]> passes(List<Line> lines) {
        Map<String, double[]> passes = new TreeMap<>();
        for (Line line : lines) {
            line.row.uses().forEach((pass, count) -> {
                double[] sums = passes.computeIfAbsent(pass, name -> new double[2]);
                sums[0] += count * line.prediction.microseconds();
                sums[1] += count * line.prediction.floor();
            });
        }
        return passes;
    }

    private String record(KernelResources resources, List<Line> lines) {
        ObjectNode head = MAPPER.createObjectNode();
        head.put(
                        "what",
                        "predicted times of kernels on an H200, over every distinct operation of the published networks")
                .put("how", HOW + "; see bench/PREDICTIONS.md")
                .put("dtype", options.dtype.toString())
                .put("registers", resources.compiler());
        Gpu gpu = Gpu.H200;
        head.putObject("gpu")
                .put("multiprocessors", gpu.multiprocessors)
                .put("ceiling_tflops", gpu.matrixRate / 1e12)
                .put("mma_tflops", gpu.mmaRate / 1e12)
                .put("copy_tbs", gpu.bandwidth / 1e12);
        ObjectNode sums = head.putObject("passes_ms");
        passes(lines)
                .forEach((pass, us) ->
                        sums.putArray(pass).add(Timing.rounded(us[0] / 1e3)).add(Timing.rounded(us[1] / 1e3)));
        COLUMNS.forEach(head.putArray("columns")::add);
        StringBuilder text = new StringBuilder(head.toString());
        text.setLength(text.length() - 1);
        text.append(",\n\"rows\":[");
        String separator = "\n";
        for (Line line : lines) {
            text.append(separator).append(row(line));
            separator = ",\n";
        }
        return text.append("\n]}\n").toString();
    }

    private static ArrayNode row(Line line) {
        Prediction p = line.prediction;
        ArrayNode row = MAPPER.createArrayNode();
        row.add(p.call().id())
                .add(line.row.uses().toString().replaceAll("[{}]", ""))
                .add(p.main().function() + " of " + p.main().variant())
                .add(p.launches().size())
                .add(p.main().x() + "x" + p.main().y() + "x" + p.main().z())
                .add(p.main().threads())
                .add(p.main().sharedBytes())
                .add(p.occupancy().blocks())
                .add(p.occupancy().limit())
                .add(Math.round(100 * p.occupancy().warps()))
                .add(Timing.rounded(p.occupancy().waves()))
                .add(Math.round(100 * p.occupancy().balance()))
                .add(Timing.rounded(p.call().flops() / 1e9))
                .add(Timing.rounded(p.call().bytes() / 1e6))
                .add(Timing.rounded(p.microseconds()))
                .add(Timing.rounded(p.floor()))
                .add(Math.round(100 * p.share()))
                .add(p.known());
        return row;
    }
}
