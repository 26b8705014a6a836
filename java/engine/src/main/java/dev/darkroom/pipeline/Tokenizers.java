package dev.darkroom.pipeline;

import dev.darkroom.tokenizer.ClipTokenizer;
import dev.darkroom.weights.ModelFiles;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/** The tokenizers of a model. */
public final class Tokenizers {
    private Tokenizers() {}

    /** A tokenizer for each text encoder: the folder's, else the built-in one with the padding of its family. */
    public static List<ClipTokenizer> of(ModelFiles model) {
        List<ClipTokenizer> tokenizers = new ArrayList<>();
        for (String encoder : Networks.textEncoderNames(model)) {
            String name = encoder.replace("text_encoder", "tokenizer");
            Optional<Path> folder = model.has(name) ? model.component(name).folder() : Optional.empty();
            tokenizers.add(folder.map(ClipTokenizer::open)
                    .orElseGet(() -> padsWithZero(model, encoder) ? ClipTokenizer.openClip() : ClipTokenizer.clip()));
        }
        return tokenizers;
    }

    /** OpenCLIP's encoders, which are told by their activation, pad with id 0. */
    private static boolean padsWithZero(ModelFiles model, String encoder) {
        return model.config(encoder).path("hidden_act").asText().equals("gelu");
    }
}
