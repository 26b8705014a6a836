package dev.darkroom.models.controlnet;

import dev.darkroom.models.unet.Additions;
import dev.darkroom.models.unet.Conditioner;
import dev.darkroom.models.unet.Conditioning;
import dev.darkroom.models.unet.ContractingPath;
import dev.darkroom.models.unet.Residuals;
import dev.darkroom.models.unet.TimeTable;
import dev.darkroom.nn.Linear;
import dev.darkroom.nn.Parameters;
import dev.darkroom.tensor.DType;
import dev.darkroom.tensor.Ops;
import dev.darkroom.tensor.Tensor;
import java.util.ArrayList;
import java.util.List;

/**
 * Guides a U-Net by a picture (Zhang et al. 2023): a copy of its way down and middle looks at the latents and the picture, and what it leaves is added, through
 * 1 × 1 convolutions that training began with zeros, to what the U-Net's own leave.
 */
public final class ControlNet {
    private final ControlNetConfig config;
    private final ConditioningEmbedding embedding;
    private final ContractingPath wayDown;
    private final List<Linear> zeroConvolutions = new ArrayList<>();
    private final Linear zeroConvolutionMid;

    /** A ControlNet whose parameters are {@code p}, checked against {@code config}. */
    public ControlNet(Parameters p, ControlNetConfig config) {
        this.config = config;
        List<Integer> channels = config.unet().channels();
        embedding = new ConditioningEmbedding(p.at("controlnet_cond_embedding"), config, channels.get(0));
        wayDown = new ContractingPath(p, config.unet());
        List<Integer> skips = ContractingPath.skipChannels(config.unet());
        for (int i = 0; i < skips.size(); i++) {
            zeroConvolutions.add(Linear.withBias(p.at("controlnet_down_blocks").at(i), skips.get(i), skips.get(i)));
        }
        int coarsest = channels.get(channels.size() - 1);
        zeroConvolutionMid = Linear.withBias(p.at("controlnet_mid_block"), coarsest, coarsest);
    }

    public ControlNetConfig config() {
        return config;
    }

    /** The type the network computes in. */
    public DType dtype() {
        return wayDown.dtype();
    }

    /** Makes what {@link #forward} takes of texts and times. */
    public Conditioner conditioner() {
        return wayDown.conditioner();
    }

    /** picture [n, h · downscale, w · downscale, channels] in 0 … 1 → the hint [n, h, w, c] that every step takes. */
    public Tensor hint(Ops ops, Tensor picture) {
        return ops.scoped("controlnet", s -> embedding.forward(s, s.cast(picture, dtype())));
    }

    /**
     * What it adds to the U-Net's activations.
     *
     * @param x            [n, h, w, c], what the U-Net sees
     * @param hint         from {@link #hint}, of n images or of one that all share
     * @param time         from {@link #conditioner}
     * @param conditioning of n texts
     * @param strength     factor of all residuals
     * @param guess        whether residual i of k is multiplied by 10^(i / (k - 1) - 1) besides, the middle's last: for pictures without a prompt
     */
    public Residuals forward(
            Ops ops,
            Tensor x,
            Tensor hint,
            TimeTable.Time time,
            Conditioning conditioning,
            double strength,
            boolean guess) {
        List<Tensor> all = ops.scopedAll("controlnet", s -> {
            ContractingPath.Left left = wayDown.forward(s, x, hint, time, conditioning, Additions.NONE);
            List<Tensor> residuals = new ArrayList<>();
            int last = zeroConvolutions.size();
            for (int i = 0; i < last; i++) {
                Tensor skip = left.skips().get(i);
                residuals.add(scaled(s, zeroConvolutions.get(i), skip, factor(strength, guess, i)));
            }
            residuals.add(scaled(s, zeroConvolutionMid, left.mid(), factor(strength, guess, last)));
            return residuals;
        });
        int last = all.size() - 1;
        return new Residuals(all.subList(0, last), all.get(last));
    }

    private float factor(double strength, boolean guess, int index) {
        return (float) (guess ? strength * Math.pow(10, (double) index / zeroConvolutions.size() - 1) : strength);
    }

    private static Tensor scaled(Ops ops, Linear convolution, Tensor x, float factor) {
        return factor == 1
                ? convolution.forward(ops, x)
                : ops.scoped("zero", s -> s.scale(convolution.forward(s, x), factor));
    }
}
