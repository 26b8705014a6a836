package dev.darkroom.models.unet;

import dev.darkroom.nn.Conv2d;
import dev.darkroom.nn.Parameters;
import dev.darkroom.tensor.DType;
import dev.darkroom.tensor.Ops;
import dev.darkroom.tensor.Tensor;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** The half of a U-Net that a ControlNet has a copy of (Zhang et al. 2023, figure 3): first convolution, way down, middle. */
public final class ContractingPath {
    /**
     * What it leaves.
     *
     * @param skips the skip connections, the first convolution's first
     * @param mid   the middle's result
     */
    public record Left(List<Tensor> skips, Tensor mid) {}

    private final DType dtype;
    private final Conv2d convIn;
    private final Conditioner conditioner;
    private final List<DownBlock> down = new ArrayList<>();
    private final MidBlock mid;

    /** The half whose parameters are {@code p}, checked against {@code config}. */
    public ContractingPath(Parameters p, UNetConfig config) {
        dtype = p.dtype();
        convIn = Conv2d.same(
                p.at("conv_in"), config.inChannels(), config.channels().get(0), config.kernelIn());
        conditioner = new Conditioner(p, config);
        for (int level = 0; level < config.levels(); level++) {
            DownBlock block = new DownBlock(p.at("down_blocks").at(level), config, level);
            down.add(block);
            conditioner.serve(block.resnets(), block.attentions());
        }
        mid = new MidBlock(p.at("mid_block"), config);
        conditioner.serve(mid.resnets(), mid.attentions());
    }

    /** Makes what {@link #forward} takes of texts and times. */
    public Conditioner conditioner() {
        return conditioner;
    }

    /** The type it computes in. */
    public DType dtype() {
        return dtype;
    }

    /** Channels of the skip connections, in the order of {@link Left#skips}. */
    public static List<Integer> skipChannels(UNetConfig config) {
        List<Integer> channels = new ArrayList<>(List.of(config.channels().get(0)));
        for (int level = 0; level < config.levels(); level++) {
            int left = config.layers().get(level) + (level == config.levels() - 1 ? 0 : 1);
            for (int j = 0; j < left; j++) {
                channels.add(config.channels().get(level));
            }
        }
        return channels;
    }

    /**
     * One pass.
     *
     * @param x         [n, h, w, inChannels] in any floating type
     * @param hint      added to the first convolution's result: its shape, or [1, h, w, c], the same for all images; null for none
     * @param additions features that enter the way down; residuals are for whoever goes up
     */
    public Left forward(
            Ops ops,
            Tensor x,
            @Nullable Tensor hint,
            TimeTable.Time time,
            Conditioning conditioning,
            Additions additions) {
        Tensor h = ops.scoped("conv_in", s -> first(s, s.cast(x, dtype), hint));
        List<Tensor> skips = new ArrayList<>(List.of(h));
        for (int i = 0; i < down.size(); i++) {
            int level = i;
            Tensor current = h;
            skips.addAll(ops.scopedAll("down_blocks." + i, s -> down.get(level)
                    .forward(s, current, time, conditioning, additions.features(level))));
            h = skips.get(skips.size() - 1);
        }
        Tensor lowest = h;
        Tensor middle = ops.scoped("mid_block", s -> mid.forward(s, lowest, time, conditioning));
        return new Left(skips, Additions.toAll(ops, middle, additions.features(down.size())));
    }

    private Tensor first(Ops ops, Tensor x, @Nullable Tensor hint) {
        if (hint == null) {
            return convIn.forward(ops, x);
        }
        return hint.dim(0) == x.dim(0)
                ? convIn.add(ops, x, hint)
                : Additions.toAll(ops, convIn.forward(ops, x), List.of(hint));
    }
}
