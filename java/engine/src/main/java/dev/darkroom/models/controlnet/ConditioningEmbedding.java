package dev.darkroom.models.controlnet;

import dev.darkroom.nn.Conv2d;
import dev.darkroom.nn.Parameters;
import dev.darkroom.tensor.Conv2dWeight;
import dev.darkroom.tensor.Ops;
import dev.darkroom.tensor.Tensor;
import java.util.ArrayList;
import java.util.List;

/** From the control picture to a feature map of the latents' size: convolutions with SiLU between them (Zhang et al. 2023, eq. 9). */
final class ConditioningEmbedding {
    private final List<Conv2d> convolutions = new ArrayList<>();
    private final Conv2d last;

    /** @param out channels of the result: those of the U-Net's first convolution */
    ConditioningEmbedding(Parameters p, ControlNetConfig config, int out) {
        List<Integer> channels = config.embeddingChannels();
        convolutions.add(Conv2d.same(p.at("conv_in"), config.pictureChannels(), channels.get(0), 3));
        for (int level = 0; level + 1 < channels.size(); level++) {
            int in = channels.get(level);
            convolutions.add(Conv2d.same(p.at("blocks").at(2 * level), in, in, 3));
            Parameters halving = p.at("blocks").at(2 * level + 1);
            convolutions.add(new Conv2d(halving, in, channels.get(level + 1), 3, Conv2dWeight.Geometry.halving(1, 1)));
        }
        last = Conv2d.same(p.at("conv_out"), channels.get(channels.size() - 1), out, 3);
    }

    /** picture [n, h · downscale, w · downscale, channels] → [n, h, w, out]. */
    Tensor forward(Ops ops, Tensor picture) {
        return ops.scoped("cond_embedding", s -> {
            Tensor h = s.iterate(
                    "convolutions",
                    convolutions.size(),
                    picture,
                    (t, i, x) -> t.silu(convolutions.get(i).forward(t, x)));
            return last.forward(s, h);
        });
    }
}
