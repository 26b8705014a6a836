package dev.darkroom.models.unet;

import dev.darkroom.tensor.Ops;
import dev.darkroom.tensor.Shape;
import dev.darkroom.tensor.Tensor;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** What the way down has left for the way up, last first. What ControlNets add to a connection is added when it is taken: the sum lives no longer. */
final class SkipConnections {
    private final List<Tensor> left;
    private final List<Residuals> residuals;
    private int count;

    /** @param left in the order of their making */
    SkipConnections(List<Tensor> left, List<Residuals> residuals) {
        for (Residuals each : residuals) {
            if (each.skips().size() != left.size()) {
                throw new IllegalArgumentException(
                        each.skips().size() + " residuals for a U-Net of " + left.size() + " skip connections");
            }
        }
        this.left = left;
        this.residuals = residuals;
        this.count = left.size();
    }

    /** Takes the next connection, [n, h, w, c]. */
    Tensor take(Ops ops) {
        int index = --count;
        Tensor skip = left.get(index);
        for (Residuals each : residuals) {
            skip = Additions.toLast(ops, skip, each.skips().get(index));
        }
        return skip;
    }

    /** The shape of the connection that {@link #take} gives next; null when none is left. */
    @Nullable
    Shape next() {
        return count == 0 ? null : left.get(count - 1).shape();
    }
}
