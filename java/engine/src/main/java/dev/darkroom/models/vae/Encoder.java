package dev.darkroom.models.vae;

import dev.darkroom.nn.Conv2d;
import dev.darkroom.nn.GroupNorm;
import dev.darkroom.nn.Parameters;
import dev.darkroom.nn.ResnetBlock;
import dev.darkroom.tensor.Conv2dWeight;
import dev.darkroom.tensor.Ops;
import dev.darkroom.tensor.Tensor;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** From a picture to mean and log-variance of its latents. */
final class Encoder {
    private record Level(
            List<ResnetBlock> resnets, @Nullable Conv2d downsampler) {
        Tensor forward(Ops ops, Tensor x) {
            Tensor h = Blocks.forward(ops, resnets, x);
            return downsampler == null ? h : downsampler.forward(ops, h);
        }
    }

    private final Conv2d convIn;
    private final List<Level> levels = new ArrayList<>();
    private final MidBlock mid;
    private final GroupNorm normOut;
    private final Conv2d convOut;

    Encoder(Parameters p, VaeConfig config) {
        List<Integer> channels = config.channels();
        convIn = Conv2d.same(p.at("conv_in"), config.imageChannels(), channels.get(0), 3);
        int in = channels.get(0);
        for (int i = 0; i < channels.size(); i++) {
            int out = channels.get(i);
            Parameters block = p.at("down_blocks").at(i);
            List<ResnetBlock> resnets = Blocks.resnets(block.at("resnets"), config.layers(), in, out, config.groups());
            // A row and a column of zeros below and to the right only, unlike the U-Net's.
            Conv2d downsampler = i == channels.size() - 1
                    ? null
                    : new Conv2d(
                            block.at("downsamplers").at(0).at("conv"),
                            out,
                            out,
                            3,
                            Conv2dWeight.Geometry.halving(0, 1));
            levels.add(new Level(resnets, downsampler));
            in = out;
        }
        mid = new MidBlock(p.at("mid_block"), in, config);
        normOut = new GroupNorm(p.at("conv_norm_out"), in, config.groups(), Blocks.EPSILON);
        convOut = Conv2d.same(p.at("conv_out"), in, 2 * config.latentChannels(), 3);
    }

    /** x [n, h, w, imageChannels] → [n, h', w', 2 * latentChannels]: mean, then log-variance. */
    Tensor forward(Ops ops, Tensor x) {
        Tensor h = ops.scoped("conv_in", s -> convIn.forward(s, x));
        h = ops.iterate(
                "down_blocks", levels.size(), h, (s, i, value) -> levels.get(i).forward(s, value));
        Tensor lowest = h;
        Tensor middle = ops.scoped("mid_block", s -> mid.forward(s, lowest));
        return convOut.forward(ops, normOut.silu(ops, middle));
    }
}
