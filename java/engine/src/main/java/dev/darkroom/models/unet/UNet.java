package dev.darkroom.models.unet;

import dev.darkroom.nn.Attention;
import dev.darkroom.nn.Conv2d;
import dev.darkroom.nn.GroupNorm;
import dev.darkroom.nn.Linear;
import dev.darkroom.nn.Parameters;
import dev.darkroom.nn.TimestepEmbedding;
import dev.darkroom.tensor.DType;
import dev.darkroom.tensor.Ops;
import dev.darkroom.tensor.Shape;
import dev.darkroom.tensor.Tensor;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.IdentityHashMap;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** Predicts noise, velocity or picture from noisy latents, a time and a text (Rombach et al. 2022; Podell et al. 2023 for SDXL). */
public final class UNet {
    private final UNetConfig config;
    private final DType dtype;
    private final TimestepEmbedding timeEmbedding;
    private final @Nullable Linear guidanceProjection;
    private final @Nullable TimestepEmbedding addedEmbedding;
    private final Conv2d convIn;
    private final List<DownBlock> down = new ArrayList<>();
    private final MidBlock mid;
    private final List<UpBlock> up = new ArrayList<>();
    private final GroupNorm normOut;
    private final Conv2d convOut;
    private final List<Attention> crossAttentions = new ArrayList<>();

    /** A U-Net whose parameters are {@code p}, checked against {@code config}. */
    public UNet(Parameters p, UNetConfig config) {
        this.config = config;
        this.dtype = p.dtype();
        int finest = config.channels().get(0);
        convIn = Conv2d.same(p.at("conv_in"), config.inChannels(), finest, config.kernelIn());
        timeEmbedding = new TimestepEmbedding(p.at("time_embedding"), finest, config.timeWidth());
        guidanceProjection = config.guidanceWidth() == 0
                ? null
                : Linear.withoutBias(p.at("time_embedding").at("cond_proj"), config.guidanceWidth(), finest);
        addedEmbedding = config.addedTimeWidth() == 0
                ? null
                : new TimestepEmbedding(p.at("add_embedding"), config.addedWidth(), config.timeWidth());
        for (int level = 0; level < config.levels(); level++) {
            DownBlock block = new DownBlock(p.at("down_blocks").at(level), config, level);
            down.add(block);
            block.attentions().forEach(each -> each.crossAttentions(crossAttentions::add));
        }
        mid = new MidBlock(p.at("mid_block"), config);
        mid.attention().crossAttentions(crossAttentions::add);
        for (int index = 0; index < config.levels(); index++) {
            UpBlock block = new UpBlock(p.at("up_blocks").at(index), config, index);
            up.add(block);
            block.attentions().forEach(each -> each.crossAttentions(crossAttentions::add));
        }
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

    /** context [n, s, contextWidth] → what every step needs of it, owned by the scope of {@code ops}. */
    public Conditioning condition(Ops ops, Tensor context) {
        return condition(ops, context, null);
    }

    /**
     * As {@link #condition(Ops, Tensor)}, for SDXL.
     *
     * @param pooled [n, c], the pooled embedding of the second text encoder
     * @param sizes  f32 [n, k]: original height and width, crop top and left, target height and width
     */
    public Conditioning condition(Ops ops, Tensor context, Tensor pooled, Tensor sizes) {
        TimestepEmbedding embedding = addedEmbedding;
        if (embedding == null) {
            throw new IllegalArgumentException("this U-Net takes no pooled text and sizes; only SDXL's do");
        }
        return condition(ops, context, ops.scoped("add_embedding", s -> {
            Tensor sinusoids = s.timeEmbedding(
                    sizes.reshape(-1), config.addedTimeWidth(), config.cosFirst(), config.frequencyShift());
            Tensor flat = sinusoids.reshape(sizes.dim(0), -1); // [n, k * addedTimeWidth]
            return embedding.forward(s, s.concatChannels(pooled, s.cast(flat, dtype)));
        }));
    }

    private Conditioning condition(Ops ops, Tensor context, @Nullable Tensor addedTime) {
        if ((addedTime == null) != (addedEmbedding == null)) {
            throw new IllegalArgumentException(
                    "this U-Net needs the pooled text and the sizes as well: it is an SDXL one");
        }
        IdentityHashMap<Attention, Attention.KeysValues> keysValues = new IdentityHashMap<>();
        for (Attention attention : crossAttentions) {
            keysValues.put(attention, attention.keysValues(ops, context));
        }
        return new Conditioning(keysValues, addedTime);
    }

    /** guidance f32 [n] → f32 [n, guidanceWidth], for distilled models (Meng et al. 2023): sinusoids of 1000 · (guidance - 1). */
    public Tensor guidanceEmbedding(Ops ops, float... guidance) {
        float[] scaled = new float[guidance.length];
        for (int i = 0; i < scaled.length; i++) {
            scaled[i] = (guidance[i] - 1) * 1000;
        }
        // Sines first and a shift of 1, unlike the time embedding.
        return ops.timeEmbedding(ops.upload(Shape.of(scaled.length), scaled), config.guidanceWidth(), false, 1);
    }

    /** As {@link #forward(Ops, Tensor, Tensor, Conditioning, Tensor)}, without a guidance embedding. */
    public Tensor forward(Ops ops, Tensor x, Tensor time, Conditioning conditioning) {
        return forward(ops, x, time, conditioning, null);
    }

    /**
     * One prediction.
     *
     * @param x            [n, h, w, inChannels] in any floating type
     * @param time         f32 [n], may be fractional
     * @param conditioning of n texts
     * @param guidance     f32 [n, guidanceWidth] from {@link #guidanceEmbedding}, or null
     * @return [n, h, w, outChannels] in the network's type
     */
    public Tensor forward(Ops ops, Tensor x, Tensor time, Conditioning conditioning, @Nullable Tensor guidance) {
        return ops.scoped("unet", s -> {
            Tensor siluTime = siluTime(s, time, conditioning, guidance);
            Tensor h = s.scoped("conv_in", t -> convIn.forward(t, t.cast(x, dtype)));
            Deque<Tensor> skips = new ArrayDeque<>(List.of(h));
            for (int i = 0; i < down.size(); i++) {
                DownBlock block = down.get(i);
                Tensor current = h;
                List<Tensor> left =
                        s.scopedAll("down_blocks." + i, t -> block.forward(t, current, siluTime, conditioning));
                left.forEach(skips::push);
                h = left.get(left.size() - 1);
            }
            Tensor lowest = h;
            h = s.scoped("mid_block", t -> mid.forward(t, lowest, siluTime, conditioning));
            h = s.iterate("up_blocks", up.size(), h, (t, i, value) -> up.get(i)
                    .forward(t, value, skips, siluTime, conditioning));
            return convOut.forward(s, normOut.silu(s, h));
        });
    }

    private Tensor siluTime(Ops ops, Tensor time, Conditioning conditioning, @Nullable Tensor guidance) {
        Tensor embedded = ops.scoped("time_embedding", s -> {
            // Sinusoids in f32 whatever the network's type: times up to 1000 need more digits than bf16 has.
            Tensor sinusoids = s.cast(
                    s.timeEmbedding(time, config.channels().get(0), config.cosFirst(), config.frequencyShift()), dtype);
            if (guidanceProjection != null && guidance != null) {
                sinusoids = guidanceProjection.add(s, s.cast(guidance, dtype), sinusoids);
            }
            return timeEmbedding.forward(s, sinusoids);
        });
        Tensor added = conditioning.addedTime();
        return ops.silu(added == null ? embedded : ops.add(embedded, added));
    }
}
