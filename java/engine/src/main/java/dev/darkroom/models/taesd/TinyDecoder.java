package dev.darkroom.models.taesd;

import dev.darkroom.nn.Conv2d;
import dev.darkroom.nn.Parameters;
import dev.darkroom.tensor.Affine;
import dev.darkroom.tensor.Conv2dWeight;
import dev.darkroom.tensor.DType;
import dev.darkroom.tensor.Ops;
import dev.darkroom.tensor.Shape;
import dev.darkroom.tensor.Tensor;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/** From latents in the U-Net's scale to a picture. */
final class TinyDecoder {
    private static final float MAGNITUDE = 3; // latents are squashed to ±3

    /** Beyond it the hyperbolic tangent is 1 in f32, and e^x is far from infinite. */
    private static final float SATURATED = 16;

    private final int imageChannels;
    private final List<Layer> layers = new ArrayList<>();

    TinyDecoder(Parameters p, TinyConfig config) {
        imageChannels = config.imageChannels();
        int width = config.decoderWidth();
        Parameters list = p.at("layers"); // numbered through, with the blocks, activations and enlargements
        Conv2d first = Conv2d.same(list.at(0), config.latentChannels(), width, 3);
        layers.add((ops, x) -> Layer.relu(ops, first.forward(ops, x)));
        int number = 2;
        int levels = config.decoderBlocks().size();
        for (int level = 0; level < levels; level++) {
            for (int j = 0; j < config.decoderBlocks().get(level); j++) {
                layers.add(new TinyBlock(list.at(number++), width));
            }
            if (level < levels - 1) {
                Conv2d conv = Conv2d.withoutBias(
                        list.at(number + 1), width, width, 3, Conv2dWeight.Geometry.afterUpsample(3));
                layers.add((ops, x) -> conv.upsampled(ops, x, 2 * x.dim(1), 2 * x.dim(2)));
                number += 2;
            }
        }
        layers.add(Conv2d.same(list.at(number), width, imageChannels, 3)::forward);
    }

    /** z [n, h, w, latentChannels] in any type → picture, about -1 … 1, in {@code dtype}. */
    Tensor forward(Ops ops, Tensor z, DType dtype) {
        Tensor squashed = ops.scoped("squash", s -> s.cast(squashed(s, s.cast(z, DType.F32)), dtype));
        Tensor picture = Layer.all(ops, layers, squashed); // from 0 to 1
        float[] ones = new float[imageChannels];
        Arrays.fill(ones, -1);
        return ops.add(ops.scale(picture, 2), ops.cast(ops.upload(Shape.of(imageChannels), ones), dtype));
    }

    /**
     * 3 · tanh(z / 3), all f32.
     *
     * <p>No device has that function, and a latent is small: tanh(y) = d / √(d² + 1) with d = sinh(y), which is what a layer norm with an epsilon of 1
     * makes of (d, -d), whose mean is 0 and whose variance is d².
     */
    private static Tensor squashed(Ops ops, Tensor z) {
        Tensor y = ops.clip(ops.scale(z, 1 / MAGNITUDE), -SATURATED, SATURATED);
        Tensor up = ops.scale(ops.exp(y), 0.5f);
        Tensor down = ops.scale(ops.exp(ops.scale(y, -1)), 0.5f);
        Tensor sinh = ops.add(up, ops.scale(down, -1)).reshape(-1, 1);
        Affine gain = new Affine(ops.upload(Shape.of(2), MAGNITUDE, MAGNITUDE), ops.upload(Shape.of(2), 0f, 0f));
        Tensor pairs = ops.layerNorm(ops.concatChannels(sinh, ops.scale(sinh, -1)), gain, /* epsilon= */ 1);
        return ops.sliceChannels(pairs, 0, 1).reshape(z.shape().toArray());
    }
}
