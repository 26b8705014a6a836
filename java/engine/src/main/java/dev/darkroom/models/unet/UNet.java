package dev.darkroom.models.unet;

import dev.darkroom.nn.Conv2d;
import dev.darkroom.nn.GroupNorm;
import dev.darkroom.nn.Parameters;
import dev.darkroom.tensor.DType;
import dev.darkroom.tensor.Ops;
import dev.darkroom.tensor.Tensor;
import java.util.ArrayList;
import java.util.List;
import java.util.OptionalDouble;

/** Predicts noise, velocity or picture from noisy latents, a time and a text (Rombach et al. 2022; Podell et al. 2023 for SDXL). */
public final class UNet {
    private final UNetConfig config;
    private final DType dtype;
    private final ContractingPath wayDown;
    private final Conditioner conditioner;
    private final List<UpBlock> up = new ArrayList<>();
    private final GroupNorm normOut;
    private final Conv2d convOut;

    /** A U-Net whose parameters are {@code p}, checked against {@code config}. */
    public UNet(Parameters p, UNetConfig config) {
        this.config = config;
        this.dtype = p.dtype();
        wayDown = new ContractingPath(p, config);
        conditioner = wayDown.conditioner();
        for (int index = 0; index < config.levels(); index++) {
            UpBlock block = new UpBlock(p.at("up_blocks").at(index), config, index);
            up.add(block);
            conditioner.serve(block.resnets(), block.attentions());
        }
        int finest = config.channels().get(0);
        normOut = new GroupNorm(p.at("conv_norm_out"), finest, config.groups(), config.epsilon());
        convOut = Conv2d.same(p.at("conv_out"), finest, config.outChannels(), config.kernelOut());
    }

    public UNetConfig config() {
        return config;
    }

    /** The type the network computes in. */
    public DType dtype() {
        return dtype;
    }

    /** Makes what {@link #forward} takes of texts and times. */
    public Conditioner conditioner() {
        return conditioner;
    }

    /** See {@link Conditioner#condition(Ops, Tensor)}. */
    public Conditioning condition(Ops ops, Tensor context) {
        return conditioner.condition(ops, context);
    }

    /** See {@link Conditioner#condition(Ops, Tensor, Tensor, Tensor)}. */
    public Conditioning condition(Ops ops, Tensor context, Tensor pooled, Tensor sizes) {
        return conditioner.condition(ops, context, pooled, sizes);
    }

    /** As {@link #times(Ops, float[][], Conditioning, OptionalDouble)}, for models that do not take guidance as an input. */
    public TimeTable times(Ops ops, float[][] times, Conditioning conditioning) {
        return times(ops, times, conditioning, OptionalDouble.empty());
    }

    /** See {@link Conditioner#times}. */
    public TimeTable times(Ops ops, float[][] times, Conditioning conditioning, OptionalDouble guidance) {
        return conditioner.times(ops, times, conditioning, guidance);
    }

    /** As {@link #forward(Ops, Tensor, TimeTable.Time, Conditioning, Additions)}, with nothing added. */
    public Tensor forward(Ops ops, Tensor x, TimeTable.Time time, Conditioning conditioning) {
        return forward(ops, x, time, conditioning, Additions.NONE);
    }

    /**
     * One prediction.
     *
     * @param x            [n, h, w, inChannels] in any floating type
     * @param time         from this network's {@link #times}
     * @param conditioning of n texts
     * @param additions    what other networks add to the activations
     * @return [n, h, w, outChannels] in the network's type
     */
    public Tensor forward(Ops ops, Tensor x, TimeTable.Time time, Conditioning conditioning, Additions additions) {
        return ops.scoped("unet", s -> {
            ContractingPath.Left left = wayDown.forward(s, x, null, time, conditioning, additions);
            SkipConnections skips = new SkipConnections(left.skips(), additions.residuals());
            Tensor middle = left.mid();
            for (Residuals each : additions.residuals()) {
                middle = Additions.toLast(s, middle, each.mid());
            }
            Tensor finest = s.iterate("up_blocks", up.size(), middle, (t, i, value) -> up.get(i)
                    .forward(t, value, skips, time, conditioning));
            return convOut.forward(s, normOut.silu(s, finest));
        });
    }
}
