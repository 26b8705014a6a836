package dev.darkroom.cuda;

import dev.darkroom.tensor.Conv2dWeight;
import dev.darkroom.tensor.DType;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.stream.Collectors;

/**
 * What one image asks of a matrix product or a convolution: the key by which a {@link ServingTable} decides who computes it. Batches are no part
 * of it, so that an image is computed in the same way in every batch.
 *
 * @param height  of the input; of a product of tokens the number of rows, and the width 1
 * @param dtype   of operands and result
 */
record Product(
        Kind kind,
        DType dtype,
        int height,
        int width,
        int in,
        int out,
        int kernelHeight,
        int kernelWidth,
        int stride,
        int paddingBefore,
        int paddingAfter) {

    /** What is computed, and the sizes by which tables tell such products apart. */
    enum Kind {
        /** Tokens by a weight; a convolution by a kernel of one pixel too. */
        LINEAR("rows", "in", "out"),
        /** The product of two such products, one of them through GELU. */
        GEGLU("rows", "in", "out"),
        CONVOLUTION(
                "height",
                "width",
                "in",
                "out",
                "kernel-height",
                "kernel-width",
                "stride",
                "padding-before",
                "padding-after");

        private final List<String> sizes;

        Kind(String... sizes) {
            this.sizes = List.of(sizes);
        }

        /** Names for {@link Product#size}. */
        List<String> sizes() {
            return sizes;
        }

        /** As tables spell it. */
        @Override
        public String toString() {
            return name().toLowerCase(Locale.ROOT);
        }

        static Kind parse(String text) {
            return Arrays.stream(values())
                    .filter(kind -> kind.toString().equals(text))
                    .findFirst()
                    .orElseThrow(() -> new IllegalArgumentException("there is no operation \"" + text + "\"; known are "
                            + Arrays.stream(values()).map(Kind::toString).collect(Collectors.joining(", "))));
        }
    }

    /** Vector loads of libraries may depend on addresses; pieces of this size keep those of all images alike. */
    private static final int ALIGNMENT = 16;

    /** The product of {@code rows} rows of {@code in} channels by a weight [out, in]. */
    static Product linear(DType dtype, int rows, int in, int out) {
        return new Product(Kind.LINEAR, dtype, rows, 1, in, out, 1, 1, 1, 0, 0);
    }

    /** Two such products, the second being the gate of the first. */
    static Product geglu(DType dtype, int rows, int in, int out) {
        return new Product(Kind.GEGLU, dtype, rows, 1, in, out, 1, 1, 1, 0, 0);
    }

    /** The convolution of a map by a kernel [out, kernelHeight, kernelWidth, in]. */
    static Product convolution(
            DType dtype,
            int height,
            int width,
            int in,
            int out,
            int kernelHeight,
            int kernelWidth,
            Conv2dWeight.Geometry geometry) {
        return new Product(
                Kind.CONVOLUTION,
                dtype,
                height,
                width,
                in,
                out,
                kernelHeight,
                kernelWidth,
                geometry.stride(),
                geometry.padBefore(),
                geometry.padAfter());
    }

    /** A size by one of the names of its kind. */
    int size(String name) {
        return switch (name) {
            case "rows", "height" -> height;
            case "width" -> width;
            case "in" -> in;
            case "out" -> out;
            case "kernel-height" -> kernelHeight;
            case "kernel-width" -> kernelWidth;
            case "stride" -> stride;
            case "padding-before" -> paddingBefore;
            case "padding-after" -> paddingAfter;
            default -> throw new IllegalArgumentException("a " + kind + " has no " + name);
        };
    }

    int outputHeight() {
        return (height + paddingBefore + paddingAfter - kernelHeight) / stride + 1;
    }

    int outputWidth() {
        return (width + paddingBefore + paddingAfter - kernelWidth) / stride + 1;
    }

    /** Products that are summed for a result. */
    int depth() {
        return kernelHeight * kernelWidth * in;
    }

    /** Elements of one image's input. */
    long inputs() {
        return (long) height * width * in;
    }

    /** Elements of one image's result. */
    long outputs() {
        return (long) outputHeight() * outputWidth() * out;
    }

    /** Why no library can serve it; empty where one may. */
    String problem() {
        boolean alike = inputs() * dtype.bytes() % ALIGNMENT == 0 && outputs() * dtype.bytes() % ALIGNMENT == 0;
        return alike ? "" : "an image's input and result must each be a multiple of " + ALIGNMENT + " bytes";
    }

    /** As a table has it. */
    @Override
    public String toString() {
        return kind + " " + dtype
                + kind.sizes().stream()
                        .map(name -> " " + name + "=" + size(name))
                        .collect(Collectors.joining());
    }
}
