package dev.darkroom.tensor;

import java.util.List;

/**
 * A computation that is run again and again on tensors of the same shapes, made by {@link Ops#recording}.
 *
 * <p>A device that can replays what the computation queued, without the computation itself: whatever differs between runs must be in the tensors it is
 * given, and it may not wait.
 */
@FunctionalInterface
public interface Recording {
    /** What is recorded. */
    @FunctionalInterface
    interface Body {
        /**
         * The computation.
         *
         * @param ops       in a scope of its own, which keeps nothing but the results
         * @param constants as given to {@link Ops#recording}, or copies
         * @param inputs    as given to {@link Recording#run}, or copies
         */
        List<Tensor> apply(Ops ops, List<Tensor> constants, List<Tensor> inputs);
    }

    /** Runs it on {@code inputs}; the results are owned by the scope of {@code ops}. */
    List<Tensor> run(Ops ops, List<Tensor> inputs);
}
