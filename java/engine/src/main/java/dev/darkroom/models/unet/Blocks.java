package dev.darkroom.models.unet;

import dev.darkroom.nn.Parameters;
import dev.darkroom.nn.ResnetBlock;
import dev.darkroom.nn.SpatialTransformer;
import dev.darkroom.tensor.Ops;
import dev.darkroom.tensor.Tensor;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** What the ways down and up have in common. */
final class Blocks {
    private Blocks() {}

    static ResnetBlock resnet(Parameters p, int in, int out, UNetConfig config) {
        return new ResnetBlock(p, in, out, config.timeWidth(), config.groups(), config.epsilon());
    }

    /** A transformer for each of {@code depths}, at the width of {@code level}. */
    static List<SpatialTransformer> transformers(Parameters p, int level, List<Integer> depths, UNetConfig config) {
        List<SpatialTransformer> transformers = new ArrayList<>();
        for (int j = 0; j < depths.size(); j++) {
            transformers.add(transformer(p.at(j), level, depths.get(j), config));
        }
        return transformers;
    }

    static SpatialTransformer transformer(Parameters p, int level, int depth, UNetConfig config) {
        SpatialTransformer.Sizes sizes = new SpatialTransformer.Sizes(
                depth,
                config.contextWidths().get(level),
                config.heads().get(level),
                config.groups(),
                config.onlyCross().get(level));
        return new SpatialTransformer(p, config.channels().get(level), sizes);
    }

    /**
     * Residual block j, and transformer j where there is one.
     *
     * @param skip what lies beside x, or null
     */
    static Tensor layer(
            Ops ops,
            int j,
            List<ResnetBlock> resnets,
            List<SpatialTransformer> attentions,
            Tensor x,
            @Nullable Tensor skip,
            TimeTable.Time time,
            Conditioning conditioning) {
        return ops.scoped("layer." + j, s -> {
            ResnetBlock resnet = resnets.get(j);
            Tensor projected = time.of(resnet);
            Tensor h = skip == null ? resnet.forward(s, x, projected) : resnet.forward(s, x, skip, projected);
            return attentions.isEmpty() ? h : attentions.get(j).forward(s, h, conditioning::of);
        });
    }
}
