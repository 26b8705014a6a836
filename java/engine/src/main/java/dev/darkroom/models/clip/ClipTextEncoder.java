package dev.darkroom.models.clip;

import dev.darkroom.nn.LayerNorm;
import dev.darkroom.nn.Linear;
import dev.darkroom.nn.Parameters;
import dev.darkroom.tensor.DType;
import dev.darkroom.tensor.Ops;
import dev.darkroom.tensor.Shape;
import dev.darkroom.tensor.Tensor;
import java.util.Arrays;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** CLIP's text encoder, a transformer in which each token sees those before it (Radford et al. 2021, section 2.4). */
public final class ClipTextEncoder {
    /** The {@code eos_token_id} of old configurations, which means: pool at the position of the largest id. */
    private static final int LARGEST_ID = 2;

    /**
     * What the encoder says of a text.
     *
     * @param hiddenStates layers + 1 tensors [n, t, width]: the embeddings, then the output of each layer, none of them normalised
     * @param pooled       [n, width]: the normalised output of the last layer at the end-of-text token
     * @param projected    [n, projection]: the text embedding; null for encoders without a projection
     */
    public record Output(
            List<Tensor> hiddenStates,
            Tensor pooled,
            @Nullable Tensor projected) {}

    private final ClipTextConfig config;
    private final DType dtype;
    private final Tensor tokens;
    private final Tensor positions;
    private final ClipTransformer transformer;
    private final LayerNorm finalNorm;
    private final @Nullable Linear projection;

    /** A text encoder whose parameters are {@code p}, with names under {@code text_model}, checked against {@code config}. */
    public ClipTextEncoder(Parameters p, ClipTextConfig config) {
        this.config = config;
        this.dtype = p.dtype();
        Parameters model = p.at("text_model");
        Parameters embeddings = model.at("embeddings");
        tokens = embeddings.at("token_embedding").tensor("weight", config.vocabulary(), config.width());
        positions = embeddings.at("position_embedding").tensor("weight", config.positions(), config.width());
        transformer = new ClipTransformer(model.at("encoder"), config.sizes(), /* causal= */ true);
        finalNorm = new LayerNorm(model.at("final_layer_norm"), config.width(), config.epsilon());
        projection = config.projection() == 0
                ? null
                : Linear.withoutBias(p.at("text_projection"), config.width(), config.projection());
    }

    public ClipTextConfig config() {
        return config;
    }

    /** The type the network computes in. */
    public DType dtype() {
        return dtype;
    }

    /**
     * ids [n][t] → what the encoder says of them.
     *
     * @throws IllegalArgumentException when an id is not in the vocabulary or there are more tokens than positions
     */
    public Output encode(Ops ops, int[][] ids) {
        checkIds(ids);
        int n = ids.length;
        int t = ids[0].length;
        List<Tensor> states = ops.scopedAll(
                "text_model",
                s -> transformer.forward(
                        s, s.embeddingAdd(s.upload(Shape.of(n, t), flatten(ids)), tokens, positions.rows(0, t))));
        Tensor pooled = ops.scoped("pooled", s -> {
            Tensor last = normalised(s, states.get(states.size() - 1));
            return s.embedding(s.upload(Shape.of(n), endRows(ids)), last.reshape(n * t, config.width()));
        });
        return new Output(states, pooled, projection == null ? null : projection.forward(ops, pooled));
    }

    /** A hidden state [n, t, width] → the same shape, after the encoder's final normalisation. */
    public Tensor normalised(Ops ops, Tensor hiddenState) {
        return finalNorm.forward(ops, hiddenState);
    }

    private void checkIds(int[][] ids) {
        if (ids.length == 0 || ids[0].length == 0 || ids[0].length > config.positions()) {
            throw new IllegalArgumentException("text encoder: takes 1 to " + config.positions() + " tokens, given "
                    + (ids.length == 0 ? 0 : ids[0].length));
        }
        for (int[] row : ids) {
            for (int id : row) {
                if (id < 0 || id >= config.vocabulary() || row.length != ids[0].length) {
                    throw new IllegalArgumentException("text encoder: token id " + id + " of a row of " + row.length
                            + " tokens; ids are 0 to " + (config.vocabulary() - 1) + ", rows of equal length. "
                            + "Does the tokenizer belong to this model?");
                }
            }
        }
    }

    private int[] endRows(int[][] ids) {
        int[] rows = new int[ids.length];
        for (int i = 0; i < ids.length; i++) {
            rows[i] = i * ids[i].length + endPosition(ids[i]);
        }
        return rows;
    }

    private int endPosition(int[] row) {
        int end = config.endId() == LARGEST_ID ? Arrays.stream(row).max().getAsInt() : config.endId();
        int position = 0;
        while (position < row.length - 1 && row[position] != end) {
            position++;
        }
        return row[position] == end ? position : 0; // a row without an end pools its first token, as transformers does
    }

    private static int[] flatten(int[][] ids) {
        return Arrays.stream(ids).flatMapToInt(Arrays::stream).toArray();
    }
}
