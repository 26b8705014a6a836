package dev.darkroom.models.unet;

import dev.darkroom.nn.Attention;
import dev.darkroom.nn.Linear;
import dev.darkroom.nn.Parameters;
import dev.darkroom.nn.ResnetBlock;
import dev.darkroom.nn.SpatialTransformer;
import dev.darkroom.nn.TimestepEmbedding;
import dev.darkroom.tensor.DType;
import dev.darkroom.tensor.Ops;
import dev.darkroom.tensor.Shape;
import dev.darkroom.tensor.Tensor;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.OptionalDouble;
import org.jspecify.annotations.Nullable;

/**
 * What a network computes once per picture: of the text, keys and values of its cross-attentions; of the times of all steps, what its residual blocks add.
 */
public final class Conditioner {
    private final UNetConfig config;
    private final DType dtype;
    private final TimestepEmbedding timeEmbedding;
    private final @Nullable Linear guidanceProjection;
    private final @Nullable TimestepEmbedding addedEmbedding;
    private final List<Attention> crossAttentions = new ArrayList<>();
    private final List<ResnetBlock> resnets = new ArrayList<>();

    Conditioner(Parameters p, UNetConfig config) {
        this.config = config;
        this.dtype = p.dtype();
        int finest = config.channels().get(0);
        timeEmbedding = new TimestepEmbedding(p.at("time_embedding"), finest, config.timeWidth());
        guidanceProjection = config.guidanceWidth() == 0
                ? null
                : Linear.withoutBias(p.at("time_embedding").at("cond_proj"), config.guidanceWidth(), finest);
        addedEmbedding = config.addedTimeWidth() == 0
                ? null
                : new TimestepEmbedding(p.at("add_embedding"), config.addedWidth(), config.timeWidth());
    }

    /** Takes in a block's parts, in the order of their use. */
    void serve(List<ResnetBlock> blocks, List<SpatialTransformer> attentions) {
        resnets.addAll(blocks);
        attentions.forEach(each -> each.crossAttentions(crossAttentions::add));
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
            throw new IllegalArgumentException("this network takes no pooled text and sizes; only SDXL's do");
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
                    "this network needs the pooled text and the sizes as well: it is an SDXL one");
        }
        Map<Attention, Attention.KeysValues> keysValues = new LinkedHashMap<>();
        for (Attention attention : crossAttentions) {
            keysValues.put(attention, attention.keysValues(ops, context));
        }
        return new Conditioning(context.dim(0), keysValues, addedTime);
    }

    /**
     * What the residual blocks need of the times of all steps, owned by the scope of {@code ops}.
     *
     * @param times        for each step one time for all images, or one for each; may be fractional
     * @param conditioning of the images
     * @param guidance     the scale of guidance that a distilled model is told (Meng et al. 2023)
     */
    public TimeTable times(Ops ops, float[][] times, Conditioning conditioning, OptionalDouble guidance) {
        int images = conditioning.images();
        // What SDXL adds differs between images, even where their times do not.
        int rowsPerStep = conditioning.addedTime() == null ? times[0].length : images;
        float[] flat = new float[times.length * rowsPerStep];
        for (int i = 0; i < flat.length; i++) {
            float[] step = times[i / rowsPerStep];
            flat[i] = step[i % rowsPerStep % step.length];
        }
        Tensor siluTime = ops.scoped(
                "unet", s -> siluTime(s, s.upload(Shape.of(flat.length), flat), conditioning.addedTime(), guidance));
        return TimeTable.of(ops, resnets, siluTime, rowsPerStep, images);
    }

    /** time f32 [steps · n], added [n, timeWidth] or null → [steps · n, timeWidth]. */
    private Tensor siluTime(Ops ops, Tensor time, @Nullable Tensor added, OptionalDouble guidance) {
        Tensor embedded = ops.scoped("time_embedding", s -> {
            // Sinusoids in f32 whatever the network's type: times up to 1000 need more digits than bf16 has.
            Tensor sinusoids = s.cast(
                    s.timeEmbedding(time, config.channels().get(0), config.cosFirst(), config.frequencyShift()), dtype);
            if (guidanceProjection != null && guidance.isPresent()) {
                Tensor told = guidanceEmbedding(s, guidance.getAsDouble(), time.dim(0));
                sinusoids = guidanceProjection.add(s, s.cast(told, dtype), sinusoids);
            }
            return timeEmbedding.forward(s, sinusoids);
        });
        if (added == null) {
            return ops.silu(embedded);
        }
        Tensor bySteps = embedded.reshape(-1, added.dim(0), added.dim(1)); // [steps, n, timeWidth], no copy
        return ops.silu(ops.add(bySteps, added)).reshape(-1, added.dim(1));
    }

    /** f32 [rows, guidanceWidth], all the same: sinusoids of 1000 · (guidance - 1). */
    private Tensor guidanceEmbedding(Ops ops, double guidance, int rows) {
        float[] scaled = new float[rows];
        Arrays.fill(scaled, ((float) guidance - 1) * 1000);
        // Sines first and a shift of 1, unlike the time embedding.
        return ops.timeEmbedding(ops.upload(Shape.of(rows), scaled), config.guidanceWidth(), false, 1);
    }
}
