package dev.darkroom.weights;

import dev.darkroom.tensor.HostTensor;
import dev.darkroom.tensor.Shape;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * Learnt token embeddings (textual inversion, Gal et al. 2022) of AUTOMATIC1111 (.pt, .safetensors), diffusers or ComfyUI: some vectors that stand in
 * a prompt for a word.
 */
public final class TextualInversion {
    /** What AUTOMATIC1111 and ComfyUI call the vectors; any other key is diffusers' and the word itself. */
    private static final Set<String> KEYS = Set.of("string_to_param.*", "emb_params", "clip_l", "clip_g");

    private final Path path;
    private final String word;
    private final List<HostTensor> vectors;

    private TextualInversion(Path path, String word, List<HostTensor> vectors) {
        this.path = path;
        this.word = word;
        this.vectors = vectors;
    }

    /**
     * Opens a file.
     *
     * @throws WeightsException when it is broken or holds something else
     */
    public static TextualInversion open(Path path) {
        TensorFile file = TensorFile.open(path);
        Map<String, HostTensor> found = new LinkedHashMap<>();
        for (String name : file.names()) {
            HostTensor tensor = file.get(name);
            int rank = tensor.shape().rank();
            boolean known = KEYS.contains(name) || file.names().size() == 1;
            if (known && tensor.dtype().isFloating() && (rank == 1 || rank == 2)) {
                found.put(name, rank == 1 ? tensor.reshape(Shape.of(1, tensor.shape().dim(0))) : tensor);
            }
        }
        if (found.isEmpty()) {
            throw new WeightsException(path + " is no textual inversion: it is "
                    + CheckpointKind.of(file.names()).title() + "; give a file with the vectors of one word");
        }
        String first = found.keySet().iterator().next();
        return new TextualInversion(path, KEYS.contains(first) ? stem(path) : first, new ArrayList<>(found.values()));
    }

    /** The file. */
    public Path path() {
        return path;
    }

    /** The word that the vectors stand for: diffusers' files name it, others are called after it. */
    public String word() {
        return word;
    }

    /** The vectors [n, width] for a text encoder of this width, or null where it has none. */
    public @Nullable HostTensor vectors(int width) {
        return vectors.stream()
                .filter(tensor -> tensor.shape().dim(1) == width)
                .findFirst()
                .orElse(null);
    }

    private static String stem(Path path) {
        String name = String.valueOf(path.getFileName());
        int dot = name.lastIndexOf('.');
        return dot > 0 ? name.substring(0, dot) : name;
    }
}
