package dev.darkroom.pipeline;

import dev.darkroom.image.Picture;

/**
 * A picture that guides the steps by a network of its own, a ControlNet or a T2I-Adapter.
 *
 * @param net      where the network lies: a diffusers folder, a .safetensors file, or org/name of the local Hugging Face cache
 * @param picture  what it is shown, as it was trained on: edges, depths, a pose …; of another size than the request's it is resized
 * @param strength how much it counts: 1 as it was trained, 0 not at all
 * @param start    the share of the steps after which it begins to count, 0 … 1
 * @param end      the share of the steps after which it counts no more, 0 … 1
 * @param guess    whether only predictions with the prompt are guided, and the coarse levels more than the fine ones (a ControlNet's guess mode)
 */
public record Control(String net, Picture picture, double strength, double start, double end, boolean guess) {
    /** A picture that counts as it was trained, in all steps. */
    public Control(String net, Picture picture) {
        this(net, picture, 1, 0, 1, false);
    }

    /** Whether it counts in call {@code index} of {@code calls} of the model. */
    boolean counts(int index, int calls) {
        return (double) index / calls >= start && (double) (index + 1) / calls <= end;
    }

    Control resized(int width, int height) {
        return new Control(net, picture.resize(width, height), strength, start, end, guess);
    }
}
