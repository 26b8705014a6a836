package dev.darkroom.tools;

import com.fasterxml.jackson.databind.JsonNode;
import dev.darkroom.tensor.HostTensor;
import dev.darkroom.weights.SafetensorsWriter;
import dev.darkroom.weights.WeightsException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;

/** Writes a diffusers folder, which appears under its name when it is complete. */
final class ModelFolderWriter implements AutoCloseable {
    /** What the readers of other projects want to find in a safetensors header. */
    static final Map<String, String> METADATA = Map.of("format", "pt");

    private final Path target;
    private final Path partial;

    /**
     * Begins a folder.
     *
     * @throws WeightsException when {@code target} exists already, or cannot be written
     */
    ModelFolderWriter(Path target) {
        this.target = target;
        this.partial = target.resolveSibling(
                "." + target.getFileName() + ".part-" + ProcessHandle.current().pid());
        if (Files.exists(target)) {
            throw new WeightsException(target + " exists already; name a new folder");
        }
        writing(() -> Files.createDirectories(partial));
    }

    void writeIndex(JsonNode index) {
        write(partial.resolve("model_index.json"), index);
    }

    /** A network: its config, and its weights under the name that its library gives them. */
    void writeNetwork(String component, JsonNode config, Map<String, HostTensor> tensors) {
        Path folder = folder(component);
        write(folder.resolve("config.json"), config);
        String name = config.has("_class_name") ? "diffusion_pytorch_model.safetensors" : "model.safetensors";
        SafetensorsWriter.write(folder.resolve(name), tensors, METADATA);
    }

    /** A scheduler, tokenizer or image processor. */
    void writeConfig(String component, JsonNode config) {
        String name = component.startsWith("tokenizer")
                ? "tokenizer_config.json"
                : component.equals("scheduler") ? "scheduler_config.json" : "preprocessor_config.json";
        write(folder(component).resolve(name), config);
    }

    /** Copies vocabularies and the like: what lies beside the config of a component and is neither config nor weights. */
    void copyTexts(String component, Path source) {
        writing(() -> {
            try (Stream<Path> files = Files.list(source)) {
                for (Path file : files.filter(ModelFolderWriter::isText).toList()) {
                    Path copy = folder(component).resolve(file.getFileName());
                    if (!Files.exists(copy)) {
                        Files.copy(file, copy);
                    }
                }
            }
        });
    }

    /** Gives the folder its name. */
    void finish() {
        writing(() -> Files.move(partial, target, StandardCopyOption.ATOMIC_MOVE));
    }

    /** Removes what was written, unless it was finished. */
    @Override
    public void close() {
        if (Files.exists(partial)) {
            writing(() -> {
                try (Stream<Path> files = Files.walk(partial)) {
                    for (Path file : files.sorted(Comparator.reverseOrder()).toList()) {
                        Files.delete(file);
                    }
                }
            });
        }
    }

    private static boolean isText(Path file) {
        String name = file.getFileName().toString();
        return List.of(".json", ".txt").stream().anyMatch(name::endsWith) && !name.contains(".safetensors.index");
    }

    private Path folder(String component) {
        Path folder = partial.resolve(component);
        writing(() -> Files.createDirectories(folder));
        return folder;
    }

    private void write(Path file, JsonNode json) {
        writing(() -> Files.writeString(file, json.toPrettyString() + "\n"));
    }

    private interface Writing {
        void run() throws IOException;
    }

    private void writing(Writing writing) {
        try {
            writing.run();
        } catch (IOException e) {
            throw new WeightsException(
                    target + " cannot be written: " + e + "; check the folder and the space left", e);
        }
    }
}
