package dev.darkroom.reference;

import dev.darkroom.sampling.TorchCpuRandom;
import dev.darkroom.tensor.Ops;
import dev.darkroom.tensor.Philox;
import dev.darkroom.tensor.Scope;
import dev.darkroom.tensor.Shape;
import dev.darkroom.tensor.Tensor;
import java.util.Arrays;
import java.util.SortedSet;
import java.util.TreeSet;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;

/** Random numbers of torch, by generator, seed and count: tensors are named GENERATOR/SEED/COUNT. Those of its CUDA devices are drawn on the device. */
final class RngGroup implements Group {
    private static final double TOLERANCE = 1e-6; // processors and GPUs differ in the last bits of log and cos
    private static final double HALF_TOLERANCE = 1e-3; // one step of an f16 near 2
    private static final int SEQUENCE_CALLS = 3;

    @Override
    public String name() {
        return "rng";
    }

    @Override
    public void run(Check check) {
        for (String file : check.set().files(name()).keySet()) {
            Check.Values values = check.values(name(), file);
            for (String tensor : values.names()) {
                if (tensor.startsWith("philox_words/")) {
                    compareWords(check, file, tensor, values.longs(tensor));
                } else {
                    compare(check, file, tensor, values);
                }
            }
        }
    }

    private void compare(Check check, String file, String tensor, Check.Values values) {
        float[] expected = values.floats(tensor);
        String[] parts = tensor.split("/");
        float[] actual = parts.length == 3
                ? draw(check, parts[0], Long.parseLong(parts[1]), counts(values, parts), expected.length)
                : null;
        if (actual == null) {
            check.report(CaseResult.skipped(name(), file + " " + tensor, "a generator that is not known here"));
            return;
        }
        double limit = parts[0].equals("cpu_half") ? HALF_TOLERANCE : TOLERANCE;
        Comparison difference = Comparison.of(actual, expected);
        boolean pass = difference.max() <= limit;
        check.report(new CaseResult(
                name(),
                file,
                tensor,
                pass ? CaseResult.Status.PASS : CaseResult.Status.FAIL,
                difference.max(),
                difference.rms(),
                limit,
                ""));
    }

    /** The counts that a generator was asked for with a seed. */
    private static SortedSet<Integer> counts(Check.Values values, String[] parts) {
        SortedSet<Integer> counts = new TreeSet<>();
        for (String name : values.names()) {
            String[] other = name.split("/");
            if (other.length == 3
                    && other[0].equals(parts[0])
                    && other[1].equals(parts[1])
                    && other[2].matches("\\d+")) {
                counts.add(Integer.parseInt(other[2]));
            }
        }
        return counts;
    }

    private static float @Nullable [] draw(
            Check check, String generator, long seed, SortedSet<Integer> counts, int size) {
        TorchCpuRandom cpu = new TorchCpuRandom(seed);
        return switch (generator) {
            case "cpu" -> cpu.normal(size);
            case "cpu_sequence" -> sequence(cpu, counts, size / SEQUENCE_CALLS);
            case "cpu_half" -> cpu.normalHalf(size);
            case "cpu_double" -> floats(cpu.normalDouble(size));
            case "cpu_uniform" -> cpu.uniform(size);
            case "cuda" -> drawOnDevice(check, seed, 0, size);
            case "cuda_second_call" -> drawOnDevice(check, seed, 1, size);
            default -> null;
        };
    }

    private void compareWords(Check check, String file, String tensor, long[] expected) {
        long seed = Long.parseLong(tensor.substring(tensor.indexOf('/') + 1));
        long[] actual = IntStream.range(0, expected.length / 4)
                .mapToObj(element -> Philox.words(seed, 0, element))
                .flatMapToLong(Arrays::stream)
                .toArray();
        check.report(CaseResult.exact(
                name(), file, tensor, Arrays.equals(actual, expected), "the words are " + Arrays.toString(actual)));
    }

    private static float[] drawOnDevice(Check check, long seed, int draw, int size) {
        try (Scope scope = Scope.open(check.device(), "rng")) {
            Ops ops = check.device().ops(scope);
            Tensor stream = ops.upload(Shape.of(1, 3), (int) seed, (int) (seed >>> 32), draw);
            return ops.normal(stream, 1, size, 1).toHost();
        }
    }

    /** Three calls of each count up to {@code last}, smallest first, on one generator; what the last three gave. */
    private static float[] sequence(TorchCpuRandom random, SortedSet<Integer> counts, int last) {
        float[] all = new float[SEQUENCE_CALLS * last];
        for (int count : counts.headSet(last + 1)) {
            for (int call = 0; call < SEQUENCE_CALLS; call++) {
                System.arraycopy(random.normal(count), 0, all, call * count, count);
            }
        }
        return all;
    }

    private static float[] floats(double[] values) {
        float[] floats = new float[values.length];
        for (int i = 0; i < floats.length; i++) {
            floats[i] = (float) values[i];
        }
        return floats;
    }
}
