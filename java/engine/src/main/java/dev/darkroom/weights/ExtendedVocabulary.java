package dev.darkroom.weights;

import dev.darkroom.tensor.DType;
import dev.darkroom.tensor.HostTensor;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;

/** A text encoder's weights with more tokens: rows below its token embeddings, whose ids follow the vocabulary's last. */
public final class ExtendedVocabulary implements WeightSource {
    private static final String EMBEDDINGS = "embeddings.token_embedding.weight";

    private final WeightSource base;
    private final List<HostTensor> rows;

    /**
     * @param base the encoder's weights
     * @param rows the new embeddings, [n, width] each, in the order of their ids
     */
    public ExtendedVocabulary(WeightSource base, List<HostTensor> rows) {
        this.base = base;
        this.rows = List.copyOf(rows);
    }

    @Override
    public Set<String> names() {
        return base.names();
    }

    @Override
    public boolean has(String name) {
        return base.has(name);
    }

    @Override
    public HostTensor get(String name) {
        HostTensor tensor = base.get(name);
        if (!name.endsWith(EMBEDDINGS) || rows.isEmpty()) {
            return tensor;
        }
        List<HostTensor> parts = new ArrayList<>();
        parts.add(TensorViews.as(tensor, DType.F32));
        rows.forEach(part -> parts.add(TensorViews.as(part, DType.F32)));
        return TensorViews.joined(parts);
    }

    @Override
    public String describe() {
        return base.describe();
    }
}
