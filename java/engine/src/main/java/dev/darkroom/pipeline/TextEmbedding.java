package dev.darkroom.pipeline;

import dev.darkroom.models.unet.Conditioner;
import dev.darkroom.models.unet.Conditioning;
import dev.darkroom.models.unet.UNet;
import dev.darkroom.tensor.Ops;
import dev.darkroom.tensor.Shape;
import dev.darkroom.tensor.Tensor;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * What the text encoders say of n texts, before a U-Net makes keys and values of it.
 *
 * @param context [n, t, c], an embedding for each token; the channels of SDXL's two encoders lie side by side
 * @param pooled  [n, p], SDXL's embedding of the whole text; null for other models
 */
record TextEmbedding(Tensor context, @Nullable Tensor pooled) {
    /** Number of texts. */
    int texts() {
        return context.dim(0);
    }

    /** These texts, then {@code others}. */
    TextEmbedding followedBy(Ops ops, TextEmbedding others) {
        Tensor left = pooled;
        Tensor right = others.pooled;
        return new TextEmbedding(
                ops.concatRows(context, others.context),
                left == null || right == null ? null : ops.concatRows(left, right));
    }

    /** The texts from {@code from} on; no copy. */
    TextEmbedding from(int from) {
        return new TextEmbedding(context.rows(from, texts()), pooled == null ? null : pooled.rows(from, texts()));
    }

    /** As many texts without a meaning: zeros, as SDXL has them where no negative prompt is given. */
    TextEmbedding zeros(Ops ops) {
        return new TextEmbedding(ops.scale(context, 0), pooled == null ? null : ops.scale(pooled, 0));
    }

    /**
     * What {@code unet} needs of these texts in every step.
     *
     * @param sizes one for each text; only SDXL's U-Nets look at them
     */
    Conditioning conditioning(Ops ops, UNet unet, List<MicroConditioning> sizes) {
        return conditioning(ops, unet.conditioner(), sizes);
    }

    /** The same for a network that has a U-Net's parts. */
    Conditioning conditioning(Ops ops, Conditioner network, List<MicroConditioning> sizes) {
        if (pooled == null || network.config().addedWidth() == 0) {
            return network.condition(ops, ops.cast(context, network.dtype()));
        }
        int count = (network.config().addedWidth() - pooled.dim(1))
                / network.config().addedTimeWidth();
        float[] numbers = new float[texts() * count];
        for (int i = 0; i < texts(); i++) {
            System.arraycopy(sizes.get(i).numbers(count), 0, numbers, i * count, count);
        }
        Tensor uploaded = ops.upload(Shape.of(texts(), count), numbers);
        return network.condition(ops, ops.cast(context, network.dtype()), ops.cast(pooled, network.dtype()), uploaded);
    }
}
