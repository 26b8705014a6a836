package dev.darkroom.models.adapter;

import dev.darkroom.models.unet.Conditioning;
import dev.darkroom.models.unet.UNetConfig;
import dev.darkroom.nn.Attention;
import dev.darkroom.nn.LayerNorm;
import dev.darkroom.nn.Linear;
import dev.darkroom.nn.Parameters;
import dev.darkroom.tensor.Ops;
import dev.darkroom.tensor.Shape;
import dev.darkroom.tensor.Tensor;
import dev.darkroom.weights.WeightSource;
import dev.darkroom.weights.WeightsException;
import java.util.ArrayList;
import java.util.List;

/**
 * Lets a U-Net attend to pictures beside the text (Ye et al. 2023): the embedding of a picture becomes a few tokens, for which every cross-attention has keys
 * and values of its own.
 */
public final class IpAdapter {
    private static final float EPSILON = 1e-5f;

    /**
     * The anatomy of an IP-Adapter, told from its tensors: such files have no config.
     *
     * @param embeddingWidth channels of a picture's embedding
     * @param tokens         how many tokens it becomes
     * @param contextWidth   channels of a token
     */
    public record Config(int embeddingWidth, int tokens, int contextWidth) {
        /** @throws WeightsException when the tensors are not those of an IP-Adapter, or of one of another kind */
        public static Config of(WeightSource weights) {
            String kind = weights.has("image_proj.latents")
                    ? "an IP-Adapter Plus, whose resampler is not supported"
                    : weights.has("image_proj.proj.0.weight") ? "an IP-Adapter for faces, which is not supported" : "";
            if (!kind.isEmpty() || !weights.has("image_proj.proj.weight")) {
                throw new WeightsException(
                        weights.describe() + " is " + (kind.isEmpty() ? "no IP-Adapter" : kind) + "; give one that has"
                                + " the tensors image_proj.proj, image_proj.norm and ip_adapter.1.to_k_ip, as ip-adapter_sd15");
            }
            Shape projection = weights.get("image_proj.proj.weight").shape();
            int width = weights.get("image_proj.norm.weight").shape().dim(0);
            return new Config(projection.dim(1), projection.dim(0) / width, width);
        }
    }

    private record Projections(Linear key, Linear value) {}

    private final Config config;
    private final Linear projection;
    private final LayerNorm norm;
    private final List<Projections> projections = new ArrayList<>(); // in the order of the U-Net's text attentions

    /**
     * An IP-Adapter for a U-Net of this anatomy.
     *
     * @throws WeightsException naming the tensor whose shape shows that it was made for another U-Net
     */
    public IpAdapter(Parameters p, Config config, UNetConfig unet) {
        this.config = config;
        int width = config.contextWidth();
        Parameters image = p.at("image_proj");
        projection = Linear.withBias(image.at("proj"), config.embeddingWidth(), config.tokens() * width);
        norm = new LayerNorm(image.at("norm"), width, EPSILON);
        List<Integer> inner = unet.textAttentionWidths();
        List<Integer> numbers = numbers(unet);
        for (int i = 0; i < inner.size(); i++) {
            Parameters own = p.at("ip_adapter").at(2 * numbers.get(i) + 1);
            projections.add(new Projections(
                    Linear.withoutBias(own.at("to_k_ip"), width, inner.get(i)),
                    Linear.withoutBias(own.at("to_v_ip"), width, inner.get(i))));
        }
    }

    /**
     * For each text attention in the order of its use (down, middle, up) its number in a file, which counts down, up, middle, and the self-attentions
     * before each as well.
     */
    private static List<Integer> numbers(UNetConfig unet) {
        if (unet.onlyCross().contains(true)) {
            throw new IllegalArgumentException(
                    "this U-Net's first attentions look at the text too (only_cross_attention); IP-Adapters know no such U-Nets");
        }
        int down = 0;
        int up = 0;
        for (int level = 0; level < unet.levels(); level++) {
            down += unet.downCross().get(level) ? sum(unet.depths().get(level)) : 0;
            up += unet.upCross().get(level) ? sum(unet.upDepths().get(level)) : 0;
        }
        int middle = unet.midCross() ? unet.depths().get(unet.levels() - 1).get(0) : 0;
        List<Integer> numbers = new ArrayList<>();
        for (int i = 0; i < down + middle + up; i++) {
            numbers.add(i < down ? i : i < down + middle ? i + up : i - middle);
        }
        return numbers;
    }

    private static int sum(List<Integer> values) {
        return values.stream().mapToInt(value -> value).sum();
    }

    public Config config() {
        return config;
    }

    /** embeddings [n, m, embeddingWidth] of m pictures for each image → [n, m · tokens, contextWidth]. */
    public Tensor tokens(Ops ops, Tensor embeddings) {
        Tensor tokens = ops.scoped(
                "image_proj",
                s -> norm.forward(
                        s, projection.forward(s, embeddings).reshape(-1, config.tokens(), config.contextWidth())));
        return tokens.reshape(embeddings.dim(0), -1, config.contextWidth()); // no copy
    }

    /**
     * {@code texts} with pictures beside them, owned by the scope of {@code ops}.
     *
     * @param tokens [n, s, contextWidth], for each text what its picture became; several pictures' side by side
     * @param scale  how much they count beside the text
     */
    public Conditioning beside(Ops ops, Conditioning texts, Tensor tokens, double scale) {
        List<Attention.KeysValues> all = new ArrayList<>();
        for (Projections each : projections) {
            // scale · softmax(q kᵀ) v = softmax(q kᵀ) (scale · v)
            Tensor values = ops.scoped("to_v_ip", s -> s.scale(each.value().forward(s, tokens), (float) scale));
            all.add(new Attention.KeysValues(each.key().forward(ops, tokens), values));
        }
        return texts.and(all);
    }
}
