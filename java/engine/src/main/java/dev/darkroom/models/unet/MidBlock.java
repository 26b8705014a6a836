package dev.darkroom.models.unet;

import dev.darkroom.nn.Parameters;
import dev.darkroom.nn.ResnetBlock;
import dev.darkroom.nn.SpatialTransformer;
import dev.darkroom.tensor.Ops;
import dev.darkroom.tensor.Tensor;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** The coarsest level's middle: a residual block, then, where it looks at the text, a transformer and another residual block. */
final class MidBlock {
    private final ResnetBlock first;
    private final @Nullable SpatialTransformer attention;
    private final @Nullable ResnetBlock last;

    MidBlock(Parameters p, UNetConfig config) {
        int level = config.levels() - 1;
        int channels = config.channels().get(level);
        first = Blocks.resnet(p.at("resnets").at(0), channels, channels, config);
        List<Integer> depths = config.depths().get(level);
        attention =
                config.midCross() ? Blocks.transformer(p.at("attentions").at(0), level, depths.get(0), config) : null;
        last = config.midCross() ? Blocks.resnet(p.at("resnets").at(1), channels, channels, config) : null;
    }

    List<ResnetBlock> resnets() {
        return last == null ? List.of(first) : List.of(first, last);
    }

    List<SpatialTransformer> attentions() {
        return attention == null ? List.of() : List.of(attention);
    }

    /** x [n, h, w, c] → the same shape. */
    Tensor forward(Ops ops, Tensor x, TimeTable.Time time, Conditioning conditioning) {
        Tensor h = first.forward(ops, x, time.of(first));
        return attention == null || last == null
                ? h
                : last.forward(ops, attention.forward(ops, h, conditioning::of), time.of(last));
    }
}
