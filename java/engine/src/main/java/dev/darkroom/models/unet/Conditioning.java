package dev.darkroom.models.unet;

import dev.darkroom.nn.Attention;
import dev.darkroom.tensor.Tensor;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/** What a U-Net needs to know of the text, computed once per picture: keys and values of every cross-attention. */
public final class Conditioning {
    private final Map<Attention, Attention.KeysValues> keysValues;
    private final @Nullable Tensor addedTime;

    Conditioning(Map<Attention, Attention.KeysValues> keysValues, @Nullable Tensor addedTime) {
        this.keysValues = keysValues;
        this.addedTime = addedTime;
    }

    Attention.KeysValues of(Attention attention) {
        Attention.KeysValues found = keysValues.get(attention);
        if (found == null) {
            throw new IllegalArgumentException("this conditioning was made by another U-Net");
        }
        return found;
    }

    /** Number of texts. */
    int images() {
        return keysValues.values().iterator().next().keys().dim(0);
    }

    /** Keys and values, in an order that depends on the network alone: what {@link #with} takes copies of. */
    public List<Tensor> tensors() {
        return keysValues.values().stream()
                .flatMap(each -> Stream.of(each.keys(), each.values()))
                .toList();
    }

    /** This conditioning with copies of its {@link #tensors}, or with those of another, in their place. */
    public Conditioning with(List<Tensor> tensors) {
        Map<Attention, Attention.KeysValues> replaced = new LinkedHashMap<>();
        int next = 0;
        for (Attention attention : keysValues.keySet()) {
            replaced.put(attention, new Attention.KeysValues(tensors.get(next), tensors.get(next + 1)));
            next += 2;
        }
        return new Conditioning(replaced, addedTime);
    }

    /** What SDXL adds to the time embedding, [n, timeWidth]; null for other models. */
    @Nullable
    Tensor addedTime() {
        return addedTime;
    }
}
