package dev.darkroom.models.unet;

import dev.darkroom.nn.Attention;
import dev.darkroom.tensor.Tensor;
import java.util.IdentityHashMap;
import org.jspecify.annotations.Nullable;

/** What a U-Net needs to know of the text, computed once per picture: keys and values of every cross-attention. */
public final class Conditioning {
    private final IdentityHashMap<Attention, Attention.KeysValues> keysValues;
    private final @Nullable Tensor addedTime;

    Conditioning(IdentityHashMap<Attention, Attention.KeysValues> keysValues, @Nullable Tensor addedTime) {
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

    /** What SDXL adds to the time embedding, [n, timeWidth]; null for other models. */
    @Nullable
    Tensor addedTime() {
        return addedTime;
    }
}
