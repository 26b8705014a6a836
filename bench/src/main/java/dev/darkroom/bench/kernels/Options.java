package dev.darkroom.bench.kernels;

import dev.darkroom.bench.kernels.OpCall.Kind;
import dev.darkroom.bench.kernels.ShapeList.Known;
import dev.darkroom.tensor.DType;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.List;
import java.util.Locale;
import org.jspecify.annotations.Nullable;

/** The command line of {@link KernelBench}. */
final class Options {
    static final String USAGE = """
            usage: KernelBench --device cuda[:N] --out FILE.json [options]
                   KernelBench --list-shapes FILE.json [options]
                   KernelBench --predict FILE.json --resources bench/records/resources.json [--page FILE.md]
              --short            very small shapes, one of each kind or of each operation that --ops names, and three timings: for trying
              --limit SECONDS    begin no further row after this long
              --models LIST      of sd15,sd21,sdxl; all
              --batches LIST     rows of the U-Net, where 2 is one picture with guidance, and pictures of the VAE; 2,1,32,8
              --ops LIST         of attention,product,convolution,group_norm,layer_norm,other, or names of operations; all
              --dtype TYPE       f16, bf16 or f32; f16
              --repeat N         timings of each; 20
              --commit ID        what was measured, for the record
            """;

    private static final long LARGE_BYTES = 4L << 30;

    @Nullable
    String device;

    @Nullable
    Path out;

    @Nullable
    Path shapes;

    @Nullable
    Path prediction;

    @Nullable
    Path page;

    Path resources = Path.of("bench/records/resources.json");
    boolean isShort;
    double limit = Double.POSITIVE_INFINITY;
    List<Known> models = List.of(Known.values());
    List<Integer> batches = List.of(2, 1, 32, 8); // what matters most comes first
    List<String> ops = List.of();
    DType dtype = DType.F16;
    int repeat = 20;
    String commit = "";

    /** @throws IllegalArgumentException when an argument is none; says which and what is known */
    static Options parse(String... arguments) {
        Options options = new Options();
        List<String> rest = new ArrayList<>(Arrays.asList(arguments));
        while (!rest.isEmpty()) {
            String name = rest.remove(0);
            if (name.equals("--short")) {
                options.isShort = true;
            } else if (rest.isEmpty()) {
                throw new IllegalArgumentException("\"" + name + "\" is no option, or lacks its value\n" + USAGE);
            } else {
                options.set(name, rest.remove(0));
            }
        }
        if (options.shapes == null && options.prediction == null && (options.device == null || options.out == null)) {
            throw new IllegalArgumentException("give --device and --out, --list-shapes, or --predict\n" + USAGE);
        }
        return options;
    }

    private void set(String name, String value) {
        switch (name) {
            case "--device" -> device = value;
            case "--out" -> out = Path.of(value);
            case "--list-shapes" -> shapes = Path.of(value);
            case "--predict" -> prediction = Path.of(value);
            case "--page" -> page = Path.of(value);
            case "--resources" -> resources = Path.of(value);
            case "--limit" -> limit = positive(name, value);
            case "--models" -> models = parts(value).map(Known::parse).toList();
            case "--batches" ->
                batches = parts(value).map(batch -> (int) positive(name, batch)).toList();
            case "--ops" -> ops = parts(value).map(Options::op).toList();
            case "--dtype" -> dtype = floating(value);
            case "--repeat" -> repeat = (int) positive(name, value);
            case "--commit" -> commit = value;
            default -> throw new IllegalArgumentException("there is no option \"" + name + "\"\n" + USAGE);
        }
    }

    private static java.util.stream.Stream<String> parts(String list) {
        return Arrays.stream(list.split(",", -1));
    }

    private static double positive(String name, String value) {
        try {
            double number = Double.parseDouble(value);
            if (number >= 1 && number <= 1_000_000) {
                return number;
            }
        } catch (NumberFormatException e) {
            throw new IllegalArgumentException(name + ": \"" + value + "\" is no number", e);
        }
        throw new IllegalArgumentException(name + ": " + value + " is not between 1 and 1000000");
    }

    private static DType floating(String value) {
        DType dtype = DType.parse(value);
        if (!dtype.isFloating()) {
            throw new IllegalArgumentException("--dtype " + value + ": networks compute in f32, f16 or bf16");
        }
        return dtype;
    }

    private static String op(String name) {
        if (Arrays.stream(Kind.values()).noneMatch(kind -> spelled(kind).equals(name)) && !OpCall.isKnown(name)) {
            throw new IllegalArgumentException("--ops: there is no \"" + name + "\"; known are "
                    + Arrays.stream(Kind.values()).map(Options::spelled).toList() + " and the operations of Ops");
        }
        return name;
    }

    private static String spelled(Kind kind) {
        return kind.name().toLowerCase(Locale.ROOT);
    }

    /** Whether a call is asked for. */
    boolean wants(OpCall call) {
        return ops.isEmpty() || ops.contains(call.operation()) || ops.contains(spelled(call.kind()));
    }

    /** The rows that are asked for, in the order of batches, models and calls; those come last that are so large that memory may not do. */
    List<ShapeList.Row> rows() {
        ShapeList list = new ShapeList(dtype);
        if (isShort) {
            list.addSmall();
            return ops.isEmpty()
                    ? list.typical()
                    : list.smallest().stream().filter(row -> wants(row.call())).toList();
        }
        batches.forEach(batch -> models.forEach(model -> list.add(model, batch)));
        return list.rows().stream()
                .filter(row -> wants(row.call()))
                .sorted(Comparator.comparing(row -> row.call().bytes() > LARGE_BYTES)) // keeps the order otherwise
                .toList();
    }
}
