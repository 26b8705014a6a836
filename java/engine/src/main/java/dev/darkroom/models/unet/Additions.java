package dev.darkroom.models.unet;

import dev.darkroom.tensor.Ops;
import dev.darkroom.tensor.Tensor;
import java.util.List;

/**
 * What other networks add to a U-Net's activations.
 *
 * @param residuals of ControlNets, for the skip connections and the middle: they do not reach the way down
 * @param features  of T2I-Adapters, [1, h, w, c] for each level and perhaps one more for the middle, the same for all images: they enter the way down
 */
public record Additions(List<Residuals> residuals, List<List<Tensor>> features) {
    public static final Additions NONE = new Additions(List.of(), List.of());

    /** The features for level {@code level}; for the middle, {@code level} is the number of levels. */
    List<Tensor> features(int level) {
        return features.stream()
                .filter(each -> level < each.size())
                .map(each -> each.get(level))
                .toList();
    }

    /** x [n, h, w, c] + each feature [1, h, w, c]. */
    static Tensor toAll(Ops ops, Tensor x, List<Tensor> features) {
        Tensor sum = x;
        for (Tensor feature : features) {
            sum = ops.add(sum, feature.reshape(feature.dim(1), feature.dim(2), feature.dim(3)));
        }
        return sum;
    }

    /** x [n, h, w, c] with {@code residual} [m, h, w, c] added to its last m images. */
    static Tensor toLast(Ops ops, Tensor x, Tensor residual) {
        int n = x.dim(0);
        int others = n - residual.dim(0);
        return others == 0
                ? ops.add(x, residual)
                : ops.scoped("last", s -> s.concatRows(x.rows(0, others), s.add(x.rows(others, n), residual)));
    }
}
