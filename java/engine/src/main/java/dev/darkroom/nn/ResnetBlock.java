package dev.darkroom.nn;

import dev.darkroom.tensor.Ops;
import dev.darkroom.tensor.Tensor;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/** Two convolutions on normalised, activated input, added to what came in (He et al. 2016); the time embedding enters between them. */
public final class ResnetBlock {
    private final GroupNorm norm1;
    private final Conv2d conv1;
    private final @Nullable Linear timeProjection;
    private final GroupNorm norm2;
    private final Conv2d conv2;
    private final @Nullable Linear shortcut;
    private final int out;

    /** @param timeWidth channels of the time embedding; 0 for a block without one, as in VAEs */
    public ResnetBlock(Parameters p, int in, int out, int timeWidth, int groups, float epsilon) {
        this.out = out;
        this.norm1 = new GroupNorm(p.at("norm1"), in, groups, epsilon);
        this.conv1 = Conv2d.same(p.at("conv1"), in, out, 3);
        this.timeProjection = timeWidth == 0 ? null : Linear.withBias(p.at("time_emb_proj"), timeWidth, out);
        this.norm2 = new GroupNorm(p.at("norm2"), out, groups, epsilon);
        this.conv2 = Conv2d.same(p.at("conv2"), out, out, 3);
        this.shortcut = in == out ? null : Linear.withBias(p.at("conv_shortcut"), in, out); // a 1 x 1 convolution
    }

    /** Channels of the result. */
    public int out() {
        return out;
    }

    /** siluTime [rows, timeWidth] → [rows, out], what {@link #forward} adds; for all steps at once. */
    public Tensor projectTime(Ops ops, Tensor siluTime) {
        return Objects.requireNonNull(timeProjection, "a block without a time embedding")
                .forward(ops, siluTime);
    }

    /** x [n, h, w, in], time [n, out] from {@link #projectTime}, or null → [n, h, w, out]. */
    public Tensor forward(Ops ops, Tensor x, @Nullable Tensor time) {
        Tensor h = ops.scoped("conv1", s -> convolve(s, norm1.silu(s, x), time));
        return ops.scoped("conv2", s -> {
            Tensor residual = shortcut == null ? x : shortcut.forward(s, x);
            return conv2.add(s, norm2.silu(s, h), residual);
        });
    }

    /** As {@link #forward(Ops, Tensor, Tensor)} of the channels of a followed by those of b, which need not be copied for it. */
    public Tensor forward(Ops ops, Tensor a, Tensor b, @Nullable Tensor time) {
        Tensor h = ops.scoped("conv1", s -> convolve(s, norm1.siluConcat(s, a, b), time));
        return ops.scoped("conv2", s -> {
            Tensor residual = shortcut == null ? s.concatChannels(a, b) : shortcut.concat(s, a, b);
            return conv2.add(s, norm2.silu(s, h), residual);
        });
    }

    private Tensor convolve(Ops ops, Tensor activated, @Nullable Tensor time) {
        return time == null ? conv1.forward(ops, activated) : conv1.addPerChannel(ops, activated, time);
    }
}
