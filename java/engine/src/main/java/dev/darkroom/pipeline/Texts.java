package dev.darkroom.pipeline;

import dev.darkroom.prompt.PromptRules;
import java.util.Collections;
import java.util.List;

/**
 * The texts of a job's images, one for each, as the text encoders get them.
 *
 * @param first    for the first or only text encoder
 * @param second   for SDXL's second one; most requests say the same to both
 * @param clipSkip layer that embeddings are taken from: 1 for the model's own, 2 for the one before it, as AUTOMATIC1111 counts
 * @param rules    how the texts are read
 */
public record Texts(List<String> first, List<String> second, int clipSkip, PromptRules rules) {
    /** The same plain texts for all encoders. */
    public static Texts of(List<String> texts, int clipSkip) {
        return new Texts(texts, texts, clipSkip);
    }

    /** Plain texts. */
    public Texts(List<String> first, List<String> second, int clipSkip) {
        this(first, second, clipSkip, PromptRules.PLAIN);
    }

    /** One plain text for all images. */
    static Texts repeated(String first, String second, int images, int clipSkip) {
        return new Texts(Collections.nCopies(images, first), Collections.nCopies(images, second), clipSkip);
    }

    /** As many empty texts. */
    Texts empty() {
        return repeated("", "", first.size(), clipSkip);
    }

    /** The same texts, read by other rules. */
    Texts readBy(PromptRules newRules) {
        return new Texts(first, second, clipSkip, newRules);
    }

    /** Number of images. */
    int images() {
        return first.size();
    }

    /** Other texts, read as these are. */
    Texts with(List<String> newFirst, List<String> newSecond) {
        return new Texts(newFirst, newSecond, clipSkip, rules);
    }

    /** What encoder {@code index} of {@code encoders} gets; the refiner's only encoder is SDXL's second. */
    List<String> of(int index, int encoders) {
        return encoders == 2 && index == 1 ? second : first;
    }

    /** The texts of image {@code index} alone. */
    Texts only(int index) {
        return with(List.of(first.get(index)), List.of(second.get(index)));
    }
}
