package dev.darkroom.pipeline;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.darkroom.tensor.HostTensor;
import dev.darkroom.tensor.Shape;
import dev.darkroom.weights.ModelFiles;
import dev.darkroom.weights.OriginalNames;
import dev.darkroom.weights.ReferenceFiles;
import dev.darkroom.weights.SafetensorsWriter;
import dev.darkroom.weights.WeightSource;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Consumer;
import java.util.function.UnaryOperator;
import java.util.stream.Stream;

/** The tiny models of the reference set, changed: other weights, other settings, a refiner made of SDXL. */
final class TinyCheckpoints {
    private static final String WEIGHTS = "diffusion_pytorch_model.safetensors";
    private static final ObjectMapper JSON = new ObjectMapper();

    private TinyCheckpoints() {}

    static Path of(String name) {
        return ReferenceFiles.of("checkpoints/" + name);
    }

    /** A copy of model {@code name} in {@code folder}. */
    static Path copy(String name, Path folder) {
        Path source = of(name);
        try (Stream<Path> files = Files.walk(source)) {
            for (Path file : files.toList()) {
                Path target = folder.resolve(source.relativize(file).toString());
                if (Files.isDirectory(file)) {
                    Files.createDirectories(target);
                } else {
                    Files.copy(file, target);
                }
            }
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
        return folder;
    }

    /** Has {@code change} edit a JSON file. */
    static void edit(Path file, Consumer<ObjectNode> change) {
        try {
            ObjectNode json = (ObjectNode) JSON.readTree(file.toFile());
            change.accept(json);
            JSON.writeValue(file.toFile(), json);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    /** Changes the values of a tensor of {@code component}. */
    static void change(Path model, String component, String tensor, UnaryOperator<float[]> change) {
        HostTensor old = ModelFiles.open(model.toString()).weights(component).get(tensor);
        add(model, component, tensor, HostTensor.of(tensor, old.shape(), change.apply(old.toFloats())));
    }

    /** Puts a tensor among the weights of {@code component}. */
    static void add(Path model, String component, String name, HostTensor tensor) {
        Map<String, HostTensor> tensors = read(ModelFiles.open(model.toString()).weights(component));
        tensors.put(name, tensor);
        String file = component.startsWith("text_encoder") ? "model.safetensors" : WEIGHTS;
        SafetensorsWriter.write(model.resolve(component).resolve(file), tensors, Map.of());
    }

    /** Multiplies by as much as f16 can hold, so that what a network computes with it cannot be held. */
    static float[] huge(float[] values) {
        float largest = 0;
        for (float value : values) {
            largest = Math.max(largest, Math.abs(value));
        }
        float[] scaled = values.clone();
        for (int i = 0; i < scaled.length; i++) {
            scaled[i] *= 60000 / largest;
        }
        return scaled;
    }

    /** No number at all; a single one might stand where small maps have only padding. */
    static float[] damaged(float[] values) {
        float[] broken = new float[values.length];
        Arrays.fill(broken, Float.NaN);
        return broken;
    }

    private static Map<String, HostTensor> read(WeightSource weights) {
        Map<String, HostTensor> tensors = new LinkedHashMap<>();
        for (String name : weights.names()) {
            HostTensor tensor = weights.get(name);
            tensors.put(name, HostTensor.of(name, tensor.shape(), tensor.toFloats()));
        }
        return tensors;
    }

    /** A model with the anatomy of SDXL's refiner in {@code folder}: the second text encoder alone, five numbers beside the pooled text. */
    static Path refiner(Path folder) {
        copy("sdxl", folder);
        ModelFiles sdxl = ModelFiles.open(of("sdxl").toString());
        int width = sdxl.config("text_encoder_2").path("hidden_size").asInt();
        int added =
                width + 5 * sdxl.config("unet").path("addition_time_embed_dim").asInt();
        Map<String, HostTensor> tensors = new LinkedHashMap<>();
        read(sdxl.weights("unet")).forEach((name, tensor) -> {
            boolean text = name.endsWith("attn2.to_k.weight") || name.endsWith("attn2.to_v.weight");
            int columns = text ? width : name.equals("add_embedding.linear_1.weight") ? added : 0;
            tensors.put(name, columns == 0 ? tensor : firstColumns(name, tensor, columns));
        });
        SafetensorsWriter.write(folder.resolve("unet").resolve(WEIGHTS), tensors, Map.of());
        edit(folder.resolve("unet/config.json"), config -> config.put("cross_attention_dim", width)
                .put("projection_class_embeddings_input_dim", added));
        edit(folder.resolve("model_index.json"), index -> {
            for (String absent : List.of("text_encoder", "tokenizer")) {
                index.putArray(absent).addNull().addNull();
            }
            index.put("force_zeros_for_empty_prompt", false);
        });
        return folder;
    }

    private static HostTensor firstColumns(String name, HostTensor matrix, int columns) {
        int rows = matrix.shape().dim(0);
        float[] values = matrix.toFloats();
        float[] kept = new float[rows * columns];
        for (int row = 0; row < rows; row++) {
            System.arraycopy(values, row * matrix.shape().dim(1), kept, row * columns, columns);
        }
        return HostTensor.of(name, Shape.of(rows, columns), kept);
    }

    /** A model as a single file under original names, with more tensors and metadata. */
    static Path singleFile(Path model, Path file, Map<String, HostTensor> more, Map<String, String> metadata) {
        Map<String, HostTensor> tensors = OriginalNames.of(ModelFiles.open(model.toString()));
        tensors.putAll(more);
        SafetensorsWriter.write(file, tensors, metadata);
        return file;
    }
}
