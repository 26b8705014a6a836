package dev.darkroom.models.unet;

import dev.darkroom.nn.Attention;
import dev.darkroom.tensor.Tensor;
import java.util.Iterator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** What a U-Net needs to know of the text, computed once per picture: keys and values of every cross-attention. */
public final class Conditioning {
    private final int images;
    private final Map<Attention, Attention.KeysValues> keysValues;
    private final @Nullable Tensor addedTime;

    Conditioning(int images, Map<Attention, Attention.KeysValues> keysValues, @Nullable Tensor addedTime) {
        this.images = images;
        this.keysValues = keysValues;
        this.addedTime = addedTime;
    }

    Attention.KeysValues of(Attention attention) {
        Attention.KeysValues found = keysValues.get(attention);
        if (found == null) {
            throw new IllegalArgumentException("this conditioning was made by another network");
        }
        return found;
    }

    /** Number of texts. */
    public int images() {
        return images;
    }

    /** Keys and values, in an order that depends on the network alone: what {@link #with} takes copies of. */
    public List<Tensor> tensors() {
        return keysValues.values().stream()
                .flatMap(each -> each.tensors().stream())
                .toList();
    }

    /** This conditioning with copies of its {@link #tensors}, or with those of another, in their place. */
    public Conditioning with(List<Tensor> tensors) {
        Iterator<Tensor> next = tensors.iterator();
        Map<Attention, Attention.KeysValues> replaced = new LinkedHashMap<>();
        keysValues.forEach((attention, context) -> replaced.put(attention, context.with(next)));
        return new Conditioning(images, replaced, addedTime);
    }

    /**
     * This conditioning with more to attend to beside the text, as pictures by IP-Adapters.
     *
     * @param others for each of the network's attentions that look at the text, in the order of their use, keys and values of as many images
     */
    public Conditioning and(List<Attention.KeysValues> others) {
        if (others.size() != keysValues.size()) {
            throw new IllegalArgumentException(others.size() + " contexts for a U-Net of " + keysValues.size()
                    + " attentions that look at the text");
        }
        Iterator<Attention.KeysValues> next = others.iterator();
        Map<Attention, Attention.KeysValues> extended = new LinkedHashMap<>();
        keysValues.forEach((attention, context) -> extended.put(attention, context.and(next.next())));
        return new Conditioning(images, extended, addedTime);
    }

    /** What SDXL adds to the time embedding, [n, timeWidth]; null for other models. */
    @Nullable
    Tensor addedTime() {
        return addedTime;
    }
}
