package dev.darkroom.models.unet;

import dev.darkroom.nn.Conv2d;
import dev.darkroom.nn.Parameters;
import dev.darkroom.nn.ResnetBlock;
import dev.darkroom.nn.SpatialTransformer;
import dev.darkroom.tensor.Conv2dWeight;
import dev.darkroom.tensor.Ops;
import dev.darkroom.tensor.Shape;
import dev.darkroom.tensor.Tensor;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** One level on the way up: residual blocks on what came and a skip connection side by side, then twice the size. */
final class UpBlock {
    private final List<ResnetBlock> resnets = new ArrayList<>();
    private final List<SpatialTransformer> attentions;
    private final @Nullable Conv2d upsampler;

    /** @param index 0 for the coarsest block */
    UpBlock(Parameters p, UNetConfig config, int index) {
        int level = config.levels() - 1 - index;
        int out = config.channels().get(level);
        int previous = level == config.levels() - 1 ? out : config.channels().get(level + 1);
        int below =
                level == 0 ? out : config.channels().get(level - 1); // what the level's first skip connection came from
        int layers = config.layers().get(level) + 1;
        for (int j = 0; j < layers; j++) {
            int skip = j == layers - 1 ? below : out;
            resnets.add(Blocks.resnet(p.at("resnets").at(j), (j == 0 ? previous : out) + skip, out, config));
        }
        attentions = config.upCross().get(index)
                ? Blocks.transformers(
                        p.at("attentions"), level, config.upDepths().get(index), config)
                : List.of();
        upsampler = level == 0
                ? null
                : new Conv2d(p.at("upsamplers").at(0).at("conv"), out, out, 3, Conv2dWeight.Geometry.afterUpsample(3));
    }

    List<ResnetBlock> resnets() {
        return resnets;
    }

    List<SpatialTransformer> attentions() {
        return attentions;
    }

    /**
     * x [n, h, w, previous] → [n, h', w', out].
     *
     * @param skips takes its own from it, and the size of its result from the next
     */
    Tensor forward(Ops ops, Tensor x, SkipConnections skips, TimeTable.Time time, Conditioning conditioning) {
        Tensor h = ops.iterate(
                "layers",
                resnets.size(),
                x,
                (s, j, value) -> Blocks.layer(s, j, resnets, attentions, value, skips.take(s), time, conditioning));
        Shape next = skips.next();
        if (upsampler == null || next == null) {
            return h;
        }
        return upsampler.upsampled(ops, h, next.dim(1), next.dim(2)); // the skip's size: twice ours, or one less
    }
}
