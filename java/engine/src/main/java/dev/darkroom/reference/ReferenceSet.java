package dev.darkroom.reference;

import com.fasterxml.jackson.core.json.JsonReadFeature;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.json.JsonMapper;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.regex.Pattern;

/** A directory of reference tensors: groups with an index.json each, and the checkpoints they were computed with. */
public final class ReferenceSet {
    /** Indexes are written by Python, whose JSON has infinities. */
    private static final ObjectMapper JSON = JsonMapper.builder()
            .enable(JsonReadFeature.ALLOW_NON_NUMERIC_NUMBERS)
            .build();

    private static final Pattern CHECKPOINT = Pattern.compile("checkpoints/([A-Za-z0-9_.-]+(?:/[A-Za-z0-9_-]+)?)");

    private final Path root;

    /**
     * Opens a set.
     *
     * @throws IllegalArgumentException when {@code root} is not one
     */
    public ReferenceSet(Path root) {
        if (!Files.isDirectory(root)) {
            throw new IllegalArgumentException(
                    root + " is not a directory; give the root of a reference set, which holds"
                            + " groups such as unet/ with an index.json each");
        }
        this.root = root;
    }

    public Path root() {
        return root;
    }

    /** Whether the set has the group {@code name}. */
    boolean has(String name) {
        return Files.isRegularFile(root.resolve(name).resolve("index.json"));
    }

    /** The index.json of a group. */
    JsonNode index(String group) {
        return json(root.resolve(group).resolve("index.json"));
    }

    /** The files of a group that are there, with their entries in the index, in its order. */
    Map<String, JsonNode> files(String group) {
        Map<String, JsonNode> files = new LinkedHashMap<>();
        for (Map.Entry<String, JsonNode> entry : index(group).path("files").properties()) {
            if (Files.exists(file(group, entry.getKey()))) {
                files.put(entry.getKey(), entry.getValue());
            }
        }
        return files;
    }

    /** The files of a group that its index lists and that are not there, as in a copy of a part of a set. */
    List<String> missing(String group) {
        return index(group).path("files").properties().stream()
                .map(Map.Entry::getKey)
                .filter(name -> !Files.exists(file(group, name)))
                .toList();
    }

    /** A file of a group. */
    Path file(String group, String name) {
        return root.resolve(group).resolve(name);
    }

    /** The JSON document at {@code path}. */
    static JsonNode json(Path path) {
        try {
            return JSON.readTree(path.toFile());
        } catch (IOException e) {
            throw new UncheckedIOException(path + " cannot be read as JSON: " + e.getMessage(), e);
        }
    }

    /**
     * The checkpoint a file was computed with: the first that its description names, else the one its name begins with
     * ({@code sdxl_64x96.safetensors}: checkpoints/sdxl).
     */
    Path checkpoint(String file, JsonNode entry) {
        return checkpoints(entry).stream().findFirst().orElseGet(() -> root.resolve("checkpoints")
                .resolve(file.split("[_.]", 2)[0]));
    }

    /** All checkpoints that a file's description names, in its order. */
    List<Path> checkpoints(JsonNode entry) {
        return CHECKPOINT
                .matcher(entry.path("how").asText())
                .results()
                .map(named -> named.group(1).replaceFirst("\\.$", "")) // the sentence's end
                .map(name -> root.resolve("checkpoints").resolve(name))
                .toList();
    }

    /** The class that a checkpoint's config.json names; empty for one without. */
    static String className(Path checkpoint) {
        Path config = checkpoint.resolve("config.json");
        return Files.isRegularFile(config) ? json(config).path("_class_name").asText() : "";
    }
}
