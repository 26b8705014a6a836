package dev.darkroom.models.taesd;

import dev.darkroom.nn.Conv2d;
import dev.darkroom.nn.Parameters;
import dev.darkroom.tensor.Conv2dWeight;
import dev.darkroom.tensor.Ops;
import dev.darkroom.tensor.Shape;
import dev.darkroom.tensor.Tensor;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/** From a picture to latents in the U-Net's scale. */
final class TinyEncoder {
    private final List<Layer> layers = new ArrayList<>();

    TinyEncoder(Parameters p, TinyConfig config) {
        int width = config.encoderWidth();
        Parameters list = p.at("layers"); // numbered through, with the blocks
        for (int level = 0; level < config.encoderBlocks().size(); level++) {
            Parameters own = list.at(layers.size());
            Conv2d first = level == 0
                    ? Conv2d.same(own, config.imageChannels(), width, 3)
                    : Conv2d.withoutBias(own, width, width, 3, Conv2dWeight.Geometry.halving(1, 1));
            layers.add(first::forward);
            for (int j = 0; j < config.encoderBlocks().get(level); j++) {
                layers.add(new TinyBlock(list.at(layers.size()), width));
            }
        }
        layers.add(Conv2d.same(list.at(layers.size()), width, config.latentChannels(), 3)::forward);
    }

    /** picture [n, h, w, c] in -1 … 1 → latents. */
    Tensor forward(Ops ops, Tensor picture) {
        int channels = picture.dim(3);
        float[] halves = new float[channels];
        Arrays.fill(halves, 0.5f);
        Tensor half = ops.cast(ops.upload(Shape.of(channels), halves), picture.dtype());
        return Layer.all(ops, layers, ops.add(ops.scale(picture, 0.5f), half)); // from 0 to 1
    }
}
