package dev.darkroom.weights;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.darkroom.tensor.HostTensor;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.TreeMap;
import org.jspecify.annotations.Nullable;

/**
 * What a checkpoint consists of.
 *
 * @param location where it lies
 * @param kind     what it is, in words
 * @param family   the family of a whole model, or null for anything less
 * @param parts    its networks; for a file that is no whole model, the file
 */
public record CheckpointReport(
        String location, String kind, @Nullable ModelFamily family, List<Part> parts) {
    /** One network: its tensors, and its parameters by the type they are stored in. */
    public record Part(String name, int tensors, long parameters, long bytes, Map<String, Long> parametersByType) {}

    /**
     * Examines whatever {@link ModelFiles#open(String)} opens, a component's folder, or any file of tensors.
     *
     * @throws WeightsException when it is missing, broken or none of these
     */
    public static CheckpointReport of(String spec) {
        Path path = Path.of(spec);
        if (Files.isRegularFile(path)) {
            TensorFile file = TensorFile.open(path);
            CheckpointKind kind = CheckpointKind.of(file.names());
            return kind.family() == null
                    ? new CheckpointReport(spec, kind.title(), null, List.of(part(file)))
                    : of(ModelFiles.open(spec), kind.title());
        }
        if (Files.isDirectory(path) && Files.isRegularFile(path.resolve("config.json"))) {
            WeightSource weights = ModelComponent.open(path).weights();
            String kind = CheckpointKind.of(weights.names()).title();
            return new CheckpointReport(
                    spec,
                    kind,
                    null,
                    List.of(part(path.toAbsolutePath().getFileName().toString(), weights)));
        }
        ModelFiles model = ModelFiles.open(spec);
        return of(model, "a " + model.family().title() + " folder");
    }

    private static CheckpointReport of(ModelFiles model, String kind) {
        List<Part> parts = new ArrayList<>();
        for (String name : model.names()) {
            if (model.component(name).isNetwork()) {
                parts.add(part(name, model.weights(name)));
            }
        }
        parts.sort(Comparator.comparing(Part::name));
        return new CheckpointReport(
                model.location(), kind + (model.isInpainting() ? ", inpainting" : ""), model.family(), parts);
    }

    private static Part part(String name, WeightSource weights) {
        long parameters = 0;
        long bytes = 0;
        Map<String, Long> byType = new TreeMap<>();
        for (String tensorName : weights.names()) {
            HostTensor tensor = weights.get(tensorName);
            parameters += tensor.shape().count();
            bytes += tensor.byteSize();
            byType.merge(tensor.dtype().toString(), tensor.shape().count(), Long::sum);
        }
        return new Part(name, weights.names().size(), parameters, bytes, byType);
    }

    /** Any file, also with element types that cannot be read. */
    private static Part part(TensorFile file) {
        long parameters = 0;
        long bytes = 0;
        Map<String, Long> byType = new TreeMap<>();
        for (String name : file.names()) {
            parameters += file.elements(name);
            bytes += file.byteSize(name);
            byType.merge(file.storedAs(name), file.elements(name), Long::sum);
        }
        return new Part("file", file.names().size(), parameters, bytes, byType);
    }

    /** For people: a line of what it is, a line for each part, and a sum. */
    public String toText() {
        StringBuilder text =
                new StringBuilder(location).append(": ").append(kind).append('\n');
        parts.forEach(part -> text.append(line(part)));
        if (parts.size() > 1) {
            int tensors = parts.stream().mapToInt(Part::tensors).sum();
            long parameters = parts.stream().mapToLong(Part::parameters).sum();
            long bytes = parts.stream().mapToLong(Part::bytes).sum();
            text.append(line(new Part("all", tensors, parameters, bytes, Map.of())));
        }
        return text.toString();
    }

    private static String line(Part part) {
        return String.format(
                                Locale.ROOT,
                                "  %-15s %6d tensors %10.2f M parameters %10.1f MB  %s",
                                part.name(),
                                part.tensors(),
                                part.parameters() / 1e6,
                                part.bytes() / 1e6,
                                String.join(" ", part.parametersByType().keySet()))
                        .stripTrailing()
                + "\n";
    }

    /** For programs. */
    public ObjectNode toJson() {
        return new ObjectMapper().valueToTree(this);
    }
}
