package dev.darkroom.bench.kernels;

import dev.darkroom.bench.kernels.PredictionFile.Line;
import java.util.Comparator;
import java.util.List;
import java.util.Locale;
import java.util.Map;

/** The page bench/PREDICTIONS.md. */
final class PredictionPage {
    private static final List<String> DETAILED =
            List.of("sd15 unet b2", "sd15 unet b32", "sd15 vae-decode b1", "sd21 unet b2", "sdxl unet b2");
    private static final int LONGEST = 14; // operations of a pass that are shown

    private PredictionPage() {}

    /** The page for lines by GPU. */
    static String text(String compiler, Map<Gpu, List<Line>> lines) {
        StringBuilder text = new StringBuilder("""
                # Predicted times

                Nothing on this page was measured. It says what our kernels should take by counting, so that a measurement has something to be
                surprised by; it is written by

                    java -cp ... dev.darkroom.bench.kernels.KernelBench --predict predictions.json --page bench/PREDICTIONS.md

                which needs no GPU (bench/README.md). Every operation of the networks is sent through the engine's own choice of kernel, tile and grid
                (`KernelPlan`); registers and static shared memory are those of bench/records/resources.json (%s). From them follow occupancy, waves
                and how evenly blocks fall on multiprocessors. The time is the larger of two, and 2 us for each launch:

                - arithmetic of whole tiles at the rate of `mma.sync` (62.9 %% of Hopper's peak: Luo et al. 2024, arXiv 2402.13499), times the tile's share
                  as `ProductTile` weighs it, times the balance of blocks over multiprocessors, times resident warps over eight; attention adds one
                  exponential a score at 16 a cycle and multiprocessor, and 15 %% for waiting;
                - bytes, each moved once, at 92 %% of a copy, times multiprocessors that have work; each launch before the last reads the first operand once more.

                The floor is arithmetic at 790 TFLOP/s or bytes at 4.3 TB/s (H200, both measured through torch), whichever is longer, for each operation by
                itself. The share is floor over prediction; it passes 100 %% where a kernel does less than the operation's definition counts, as convolutions
                after upsampling do, which take 4/9 of the arithmetic. Caches are cold and operations do not overlap, as in `KernelBench`: a step from a CUDA graph
                should be faster where a small tensor stays in L2.

                ## Forward passes, ms predicted (floor)

                """.formatted(compiler));
        passes(text, lines);
        text.append("""

                Rates of GPUs other than the H200 are data sheets', dense f16 with f32 sums. Where registers of a function are not recorded for an architecture, they
                are left out of account.

                ## Where the time goes on an H200
                """);
        DETAILED.forEach(pass -> detail(text, pass, lines.getOrDefault(Gpu.H200, List.of())));
        return text.toString();
    }

    private static void passes(StringBuilder text, Map<Gpu, List<Line>> lines) {
        text.append("| pass |");
        lines.keySet()
                .forEach(gpu ->
                        text.append(' ').append(gpu.name().replace('_', ' ')).append(" |"));
        text.append("\n|---|").append("---|".repeat(lines.size())).append('\n');
        PredictionFile.passes(lines.getOrDefault(Gpu.H200, List.of())).keySet().forEach(pass -> {
            text.append("| ").append(pass).append(" |");
            lines.values().forEach(each -> {
                double[] us = PredictionFile.passes(each).getOrDefault(pass, new double[2]);
                text.append(String.format(Locale.ROOT, " %.3g (%.3g) |", us[0] / 1e3, us[1] / 1e3));
            });
            text.append('\n');
        });
    }

    private static void detail(StringBuilder text, String pass, List<Line> lines) {
        List<Line> longest = lines.stream()
                .filter(line -> line.row().uses(pass) > 0)
                .sorted(Comparator.comparingDouble(line -> -time(line, pass)))
                .toList();
        double all = longest.stream().mapToDouble(line -> time(line, pass)).sum();
        text.append("\n### ").append(pass).append("\n\n");
        text.append(
                "| operation | calls | us a call | of the pass | share of the ceiling | kernel | blocks a multiprocessor | waves | balance |\n");
        text.append("|---|---|---|---|---|---|---|---|---|\n");
        longest.stream().limit(LONGEST).forEach(line -> {
            Prediction p = line.prediction();
            text.append(String.format(
                    Locale.ROOT,
                    "| %s | %d | %.3g | %.1f %% | %.0f %% | %s | %d, by %s%s | %.2f | %.0f %% |%n",
                    p.call().id(),
                    line.row().uses(pass),
                    p.microseconds(),
                    100 * time(line, pass) / all,
                    100 * p.share(),
                    p.main().function() + " of " + p.main().variant().file(),
                    p.occupancy().blocks(),
                    p.occupancy().limit(),
                    p.known() ? "" : " (registers unknown)",
                    p.occupancy().waves(),
                    100 * p.occupancy().balance()));
        });
    }

    private static double time(Line line, String pass) {
        return line.row().uses(pass) * line.prediction().microseconds();
    }
}
