package dev.darkroom.reference;

import com.fasterxml.jackson.databind.JsonNode;
import dev.darkroom.tensor.ChannelOrder;
import dev.darkroom.tensor.DType;
import dev.darkroom.tensor.Device;
import dev.darkroom.tensor.HostTensor;
import dev.darkroom.tensor.Ops;
import dev.darkroom.tensor.Shape;
import dev.darkroom.tensor.Tensor;
import dev.darkroom.weights.SafetensorsFile;
import dev.darkroom.weights.WeightsException;
import java.util.Set;
import java.util.TreeSet;
import java.util.function.Consumer;

/** What groups check with: the set, a device and a type, and where the outcomes go. */
final class Check {
    private final ReferenceSet set;
    private final Device device;
    private final DType dtype;
    private final Consumer<CaseResult> results;

    Check(ReferenceSet set, Device device, DType dtype, Consumer<CaseResult> results) {
        this.set = set;
        this.device = device;
        this.dtype = dtype;
        this.results = results;
    }

    ReferenceSet set() {
        return set;
    }

    Device device() {
        return device;
    }

    DType dtype() {
        return dtype;
    }

    /** Runs a case; what cannot be loaded or computed is a failed case, and the others go on. */
    void attempt(String group, String file, Runnable body) {
        try {
            body.run();
        } catch (WeightsException | IllegalArgumentException | IllegalStateException e) {
            report(CaseResult.exact(group, file, "", false, String.valueOf(e.getMessage())));
        }
    }

    void report(CaseResult result) {
        results.accept(result);
    }

    /** The tensors of a file of {@code group}. */
    Values values(String group, String file) {
        return new Values(SafetensorsFile.open(set.file(group, file)));
    }

    /** Uploads values [n, c, h, w] as an f32 feature map [n, h, w, c]. */
    static Tensor uploadImage(Ops ops, HostTensor nchw) {
        Shape s = nchw.shape();
        float[] values = ChannelOrder.toChannelsLast(nchw.toFloats(), s.dim(0), s.dim(1), s.dim(2), s.dim(3));
        return ops.upload(Shape.of(s.dim(0), s.dim(2), s.dim(3), s.dim(1)), values);
    }

    /** A feature map [n, h, w, c] as values [n, c, h, w]; other tensors as they are. */
    static float[] download(Tensor x) {
        float[] values = x.toHost();
        return x.shape().rank() == 4
                ? ChannelOrder.toChannelsFirst(values, x.dim(0), x.dim(1), x.dim(2), x.dim(3))
                : values;
    }

    /** The tensors of a case, by name. */
    record Values(SafetensorsFile file) {
        boolean has(String name) {
            return file.has(name);
        }

        Set<String> names() {
            return new TreeSet<>(file.names());
        }

        HostTensor get(String name) {
            return file.get(name);
        }

        float[] floats(String name) {
            return file.get(name).toFloats();
        }

        /** The values of an i64 tensor. */
        long[] longs(String name) {
            HostTensor tensor = file.get(name);
            long[] values = new long[Math.toIntExact(tensor.shape().count())];
            tensor.read(bytes -> bytes.asLongBuffer().get(values));
            return values;
        }

        /** Token ids [n, t]. */
        int[][] ids(String name) {
            Shape shape = file.get(name).shape();
            long[] values = longs(name);
            int[][] ids = new int[shape.dim(0)][shape.dim(1)];
            for (int i = 0; i < values.length; i++) {
                ids[i / shape.dim(1)][i % shape.dim(1)] = Math.toIntExact(values[i]);
            }
            return ids;
        }
    }

    /** Compares results of one file of the set. */
    final class Case {
        private final String group;
        private final String file;
        private final JsonNode entry;
        private final Tolerance tolerance;

        Case(String group, String file, JsonNode entry, Tolerance tolerance) {
            this.group = group;
            this.file = file;
            this.entry = entry;
            this.tolerance = tolerance;
        }

        /** Whether {@code actual} agrees with tensor {@code name} of the case, without reporting it. */
        boolean agrees(String name, float[] actual, float[] expected) {
            return actual.length == expected.length
                    && Comparison.of(actual, expected).max() <= limit(name);
        }

        /** Reports whether {@code actual} agrees; {@code detail} is what to say when it does not. */
        void compare(String name, float[] actual, float[] expected, String detail) {
            if (actual.length != expected.length) {
                String sizes = "the result has " + actual.length + " values, the reference " + expected.length;
                report(CaseResult.exact(group, file, name, false, sizes));
                return;
            }
            Comparison difference = Comparison.of(actual, expected);
            boolean pass = difference.max() <= limit(name); // false for NaN
            CaseResult.Status status = pass ? CaseResult.Status.PASS : CaseResult.Status.FAIL;
            report(new CaseResult(
                    group, file, name, status, difference.max(), difference.rms(), limit(name), pass ? "" : detail));
        }

        void compare(String name, float[] actual, float[] expected) {
            compare(name, actual, expected, "");
        }

        private double limit(String name) {
            return tolerance.of(dtype, entry, name);
        }
    }
}
