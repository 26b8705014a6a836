package dev.darkroom.models.unet;

import dev.darkroom.nn.Conv2d;
import dev.darkroom.nn.Parameters;
import dev.darkroom.nn.ResnetBlock;
import dev.darkroom.nn.SpatialTransformer;
import dev.darkroom.tensor.Conv2dWeight;
import dev.darkroom.tensor.Ops;
import dev.darkroom.tensor.Tensor;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** One level on the way down: residual blocks, each with a transformer where the level looks at the text, then half the size. */
final class DownBlock {
    private final List<ResnetBlock> resnets = new ArrayList<>();
    private final List<SpatialTransformer> attentions;
    private final @Nullable Conv2d downsampler;

    DownBlock(Parameters p, UNetConfig config, int level) {
        int out = config.channels().get(level);
        int in = level == 0 ? out : config.channels().get(level - 1);
        int layers = config.layers().get(level);
        for (int j = 0; j < layers; j++) {
            resnets.add(Blocks.resnet(p.at("resnets").at(j), j == 0 ? in : out, out, config));
        }
        attentions = config.downCross().get(level)
                ? Blocks.transformers(p.at("attentions"), level, config.depths().get(level), config)
                : List.of();
        downsampler = level == config.levels() - 1
                ? null
                : new Conv2d(p.at("downsamplers").at(0).at("conv"), out, out, 3, Conv2dWeight.Geometry.halving(1, 1));
    }

    List<ResnetBlock> resnets() {
        return resnets;
    }

    List<SpatialTransformer> attentions() {
        return attentions;
    }

    /**
     * x [n, h, w, in] → the skip connections it leaves, of which the last is its result.
     *
     * @param features of adapters, [1, h, w, out], added to the last transformer's result, or in a level without any to the level's result
     */
    List<Tensor> forward(Ops ops, Tensor x, TimeTable.Time time, Conditioning conditioning, List<Tensor> features) {
        List<Tensor> results = new ArrayList<>();
        Tensor h = x;
        for (int j = 0; j < resnets.size(); j++) {
            h = Blocks.layer(ops, j, resnets, attentions, h, null, time, conditioning);
            if (j == resnets.size() - 1 && (!attentions.isEmpty() || downsampler == null)) {
                h = Additions.toAll(ops, h, features);
            }
            results.add(h);
        }
        if (downsampler != null) {
            Tensor halved = downsampler.forward(ops, h);
            results.add(attentions.isEmpty() ? Additions.toAll(ops, halved, features) : halved);
        }
        return results;
    }
}
