package dev.darkroom.cuda;

import dev.darkroom.tensor.Tensor;
import org.jspecify.annotations.Nullable;

/**
 * What happens to the sums of a matrix product before they are rounded: {@code activation(sum + bias) + residual + perChannel}.
 *
 * @param bias       f32 [out]
 * @param residual   of the result's shape and type
 * @param perChannel [n, out] of the result's type, the same for every row of an image
 */
record Epilogue(
        @Nullable Tensor bias,
        Activation activation,
        @Nullable Tensor residual,
        @Nullable Tensor perChannel) {
    /** Names and numbers are those of {@code kernels/epilogue.cuh}. */
    enum Activation {
        NONE(0),
        GELU(1),
        QUICK_GELU(2),
        SILU(3);

        private final int number;

        Activation(int number) {
            this.number = number;
        }

        int number() {
            return number;
        }
    }

    /** The bias alone. */
    static Epilogue of(@Nullable Tensor bias) {
        return new Epilogue(bias, Activation.NONE, null, null);
    }

    /** Whether nothing happens. */
    boolean isEmpty() {
        return bias == null && activation == Activation.NONE && residual == null && perChannel == null;
    }

    Epilogue activated(Activation by) {
        return new Epilogue(bias, by, residual, perChannel);
    }

    Epilogue plus(Tensor addend) {
        return new Epilogue(bias, activation, addend, perChannel);
    }

    Epilogue plusPerChannel(Tensor addend) {
        return new Epilogue(bias, activation, residual, addend);
    }
}
