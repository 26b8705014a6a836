package dev.darkroom.tools;

import dev.darkroom.tensor.HostTensor;
import dev.darkroom.weights.ModelComponent;
import dev.darkroom.weights.ModelFiles;
import dev.darkroom.weights.OriginalNames;
import dev.darkroom.weights.TensorFile;
import dev.darkroom.weights.SafetensorsWriter;
import dev.darkroom.weights.TensorViews;
import dev.darkroom.weights.WeightSource;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.Map;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/**
 * Writes a model as a folder or as a single file, in another element type or the same. From one safetensors file to another only the
 * element type changes, so that this works for any file.
 */
@Command(
        name = "convert",
        description = "Converts between single file and diffusers folder, and between element types.")
final class ConvertCommand implements Runnable {
    @Parameters(
            paramLabel = "MODEL",
            description = "A checkpoint file (safetensors, PyTorch's .ckpt, GGUF), a diffusers folder, or org/name of the local Hugging Face cache.")
    private String model = "";

    @Option(
            names = {"-o", "--output"},
            required = true,
            description = "A single file when it ends in .safetensors, else a folder.")
    private Path output = Path.of("");

    @Option(
            names = "--dtype",
            description = "${COMPLETION-CANDIDATES}; without it the types stay. Rounds to nearest even.")
    private @Nullable FloatType dtype;

    @Override
    public void run() {
        boolean toFile = output.toString().endsWith(".safetensors");
        if (toFile && Files.isRegularFile(Path.of(model))) {
            TensorFile file = TensorFile.open(Path.of(model));
            SafetensorsWriter.write(output, converted(file), file.metadata());
        } else if (toFile) {
            Map<String, HostTensor> tensors = OriginalNames.of(ModelFiles.open(model));
            tensors.replaceAll((name, tensor) -> converted(tensor));
            SafetensorsWriter.write(output, tensors, ModelFolderWriter.METADATA);
        } else {
            writeFolder(ModelFiles.open(model));
        }
    }

    private void writeFolder(ModelFiles source) {
        try (ModelFolderWriter folder = new ModelFolderWriter(output)) {
            folder.writeIndex(source.index());
            for (String name : source.names()) {
                ModelComponent component = source.component(name);
                if (component.isNetwork()) {
                    folder.writeNetwork(name, component.config(), converted(component.weights()));
                } else {
                    folder.writeConfig(name, component.config());
                }
                component.folder().ifPresent(from -> folder.copyTexts(name, from));
            }
            folder.finish();
        }
    }

    private Map<String, HostTensor> converted(WeightSource weights) {
        Map<String, HostTensor> tensors = new LinkedHashMap<>();
        weights.names().forEach(name -> tensors.put(name, converted(weights.get(name))));
        return tensors;
    }

    private HostTensor converted(HostTensor tensor) {
        return dtype == null ? tensor : TensorViews.as(tensor, dtype.dtype());
    }
}
