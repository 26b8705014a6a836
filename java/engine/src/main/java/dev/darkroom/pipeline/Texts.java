package dev.darkroom.pipeline;

import java.util.Collections;
import java.util.List;

/**
 * The texts of a job's images, one for each, as the text encoders get them.
 *
 * @param first    for the first or only text encoder
 * @param second   for SDXL's second one; most requests say the same to both
 * @param clipSkip layer that embeddings are taken from: 1 for the model's own, 2 for the one before it, as AUTOMATIC1111 counts
 */
public record Texts(List<String> first, List<String> second, int clipSkip) {
    /** The same texts for all encoders. */
    public static Texts of(List<String> texts, int clipSkip) {
        return new Texts(texts, texts, clipSkip);
    }

    /** One text for all images. */
    static Texts repeated(String first, String second, int images, int clipSkip) {
        return new Texts(Collections.nCopies(images, first), Collections.nCopies(images, second), clipSkip);
    }

    /** As many empty texts. */
    Texts empty() {
        return repeated("", "", first.size(), clipSkip);
    }

    /** What encoder {@code index} of {@code encoders} gets; the refiner's only encoder is SDXL's second. */
    List<String> of(int index, int encoders) {
        return encoders == 2 && index == 1 ? second : first;
    }

    /** The texts of image {@code index} alone. */
    Texts only(int index) {
        return new Texts(List.of(first.get(index)), List.of(second.get(index)), clipSkip);
    }
}
