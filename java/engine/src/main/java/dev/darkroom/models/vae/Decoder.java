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

/** From latents to a picture. */
final class Decoder {
    private record Level(
            List<ResnetBlock> resnets, @Nullable Conv2d upsampler) {
        Tensor forward(Ops ops, Tensor x) {
            Tensor h = Blocks.forward(ops, resnets, x);
            return upsampler == null ? h : upsampler.upsampled(ops, h, 2 * h.dim(1), 2 * h.dim(2));
        }
    }

    private final Conv2d convIn;
    private final MidBlock mid;
    private final List<Level> levels = new ArrayList<>();
    private final GroupNorm normOut;
    private final Conv2d convOut;

    Decoder(Parameters p, VaeConfig config) {
        List<Integer> channels = config.channels();
        int in = channels.get(channels.size() - 1);
        convIn = Conv2d.same(p.at("conv_in"), config.latentChannels(), in, 3);
        mid = new MidBlock(p.at("mid_block"), in, config);
        for (int i = 0; i < channels.size(); i++) {
            int out = channels.get(channels.size() - 1 - i);
            Parameters block = p.at("up_blocks").at(i);
            List<ResnetBlock> resnets =
                    Blocks.resnets(block.at("resnets"), config.layers() + 1, in, out, config.groups());
            Conv2d upsampler = i == channels.size() - 1
                    ? null
                    : new Conv2d(
                            block.at("upsamplers").at(0).at("conv"),
                            out,
                            out,
                            3,
                            Conv2dWeight.Geometry.afterUpsample(3));
            levels.add(new Level(resnets, upsampler));
            in = out;
        }
        normOut = new GroupNorm(p.at("conv_norm_out"), in, config.groups(), Blocks.EPSILON);
        convOut = Conv2d.same(p.at("conv_out"), in, config.imageChannels(), 3);
    }

    /** z [n, h, w, latentChannels] → [n, h * downscale, w * downscale, imageChannels]. */
    Tensor forward(Ops ops, Tensor z) {
        Tensor h = ops.scoped("conv_in", s -> convIn.forward(s, z));
        Tensor middle = ops.scoped("mid_block", s -> mid.forward(s, h));
        Tensor finest = ops.iterate("up_blocks", levels.size(), middle, (s, i, value) -> levels.get(i)
                .forward(s, value));
        return convOut.forward(ops, normOut.silu(ops, finest));
    }
}
