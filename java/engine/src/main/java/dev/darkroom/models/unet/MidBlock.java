package dev.darkroom.models.unet;

import dev.darkroom.nn.Parameters;
import dev.darkroom.nn.ResnetBlock;
import dev.darkroom.nn.SpatialTransformer;
import dev.darkroom.tensor.Ops;
import dev.darkroom.tensor.Tensor;
import java.util.List;

/** The coarsest level's middle: a residual block, then a transformer and another residual block. */
final class MidBlock {
    private final ResnetBlock first;
    private final SpatialTransformer attention;
    private final ResnetBlock last;

    MidBlock(Parameters p, UNetConfig config) {
        int level = config.levels() - 1;
        int channels = config.channels().get(level);
        first = Blocks.resnet(p.at("resnets").at(0), channels, channels, config);
        List<Integer> depths = config.depths().get(level);
        attention = Blocks.transformer(p.at("attentions").at(0), level, depths.get(0), config);
        last = Blocks.resnet(p.at("resnets").at(1), channels, channels, config);
    }

    List<ResnetBlock> resnets() {
        return List.of(first, last);
    }

    SpatialTransformer attention() {
        return attention;
    }

    /** x [n, h, w, c] → the same shape. */
    Tensor forward(Ops ops, Tensor x, TimeTable.Time time, Conditioning conditioning) {
        Tensor h = first.forward(ops, x, time.of(first));
        return last.forward(ops, attention.forward(ops, h, conditioning::of), time.of(last));
    }
}
