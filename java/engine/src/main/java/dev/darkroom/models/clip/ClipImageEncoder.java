package dev.darkroom.models.clip;

import dev.darkroom.nn.Conv2d;
import dev.darkroom.nn.LayerNorm;
import dev.darkroom.nn.Linear;
import dev.darkroom.nn.Parameters;
import dev.darkroom.tensor.DType;
import dev.darkroom.tensor.Ops;
import dev.darkroom.tensor.Shape;
import dev.darkroom.tensor.Tensor;
import java.util.List;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;

/** CLIP's image encoder, a vision transformer: squares of the picture are its tokens (Dosovitskiy et al. 2021; Radford et al. 2021, section 2.4). */
public final class ClipImageEncoder {
    /**
     * What the encoder says of a picture; its tokens are the class token and then the patches, row by row: t = 1 + patches.
     *
     * @param hiddenStates layers + 1 tensors [n, t, width]: the normalised embeddings, then the output of each layer, not normalised
     * @param pooled       [n, width]: the normalised output of the last layer at the class token
     * @param projected    [n, projection]: the image embedding, not of unit length; null for encoders without a projection
     */
    public record Output(
            List<Tensor> hiddenStates,
            Tensor pooled,
            @Nullable Tensor projected) {}

    private final ClipVisionConfig config;
    private final DType dtype;
    private final Tensor classToken;
    private final Conv2d patches;
    private final Tensor positions;
    private final LayerNorm firstNorm;
    private final ClipTransformer transformer;
    private final LayerNorm finalNorm;
    private final @Nullable Linear projection;

    /** An image encoder whose parameters are {@code p}, with names under {@code vision_model}, checked against {@code config}. */
    public ClipImageEncoder(Parameters p, ClipVisionConfig config) {
        this.config = config;
        this.dtype = p.dtype();
        Parameters model = p.at("vision_model");
        Parameters embeddings = model.at("embeddings");
        int width = config.width();
        classToken = embeddings.tensor("class_embedding", width).reshape(1, width);
        patches = Conv2d.patches(embeddings.at("patch_embedding"), ClipVisionConfig.CHANNELS, width, config.patch());
        positions = embeddings.at("position_embedding").tensor("weight", config.tokens(), width);
        firstNorm = new LayerNorm(model.at("pre_layrnorm"), width, config.epsilon()); // sic
        transformer = new ClipTransformer(model.at("encoder"), config.sizes(), /* causal= */ false);
        finalNorm = new LayerNorm(model.at("post_layernorm"), width, config.epsilon());
        projection = config.projection() == 0
                ? null
                : Linear.withoutBias(p.at("visual_projection"), width, config.projection());
    }

    public ClipVisionConfig config() {
        return config;
    }

    /** The type the network computes in. */
    public DType dtype() {
        return dtype;
    }

    /**
     * pixels [n, imageSize, imageSize, 3], as the model's preprocessing leaves them, → what the encoder says of them.
     *
     * @throws IllegalArgumentException when the pictures have another size
     */
    public Output encode(Ops ops, Tensor pixels) {
        int n = pixels.dim(0);
        Shape taken = Shape.of(n, config.imageSize(), config.imageSize(), ClipVisionConfig.CHANNELS);
        if (!pixels.shape().equals(taken) || n == 0) {
            throw new IllegalArgumentException("image encoder: takes pictures [n, " + config.imageSize() + ", "
                    + config.imageSize() + ", 3], given " + pixels.shape());
        }
        List<Tensor> states =
                ops.scopedAll("vision_model", s -> transformer.forward(s, firstNorm.forward(s, embed(s, pixels))));
        Tensor pooled = ops.scoped("pooled", s -> {
            Tensor last = states.get(states.size() - 1).reshape(n * config.tokens(), config.width());
            int[] classRows =
                    IntStream.range(0, n).map(i -> i * config.tokens()).toArray();
            return finalNorm.forward(s, s.embedding(s.upload(Shape.of(n), classRows), last));
        });
        return new Output(states, pooled, projection == null ? null : projection.forward(ops, pooled));
    }

    /** pixels [n, h, w, 3] → [n, t, width]: class token and patches, each with the embedding of its position. */
    private Tensor embed(Ops ops, Tensor pixels) {
        return ops.scoped("embeddings", s -> {
            int n = pixels.dim(0);
            Tensor squares = patches.forward(s, s.cast(pixels, dtype));
            int perImage = config.tokens() - 1;
            Tensor table = s.concatRows(classToken, squares.reshape(n * perImage, config.width()));
            int[] rows = IntStream.range(0, n * config.tokens())
                    .map(i -> i % config.tokens() == 0 ? 0 : i - i / config.tokens()) // row 0 is the class token
                    .toArray();
            return s.embeddingAdd(s.upload(Shape.of(n, config.tokens()), rows), table, positions);
        });
    }
}
