package dev.darkroom.tools;

import dev.darkroom.weights.PublishedConfigs;
import java.nio.file.Path;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;

/** Writes a full-size diffusers folder with random weights: something to measure with when there is nothing to download. */
@Command(name = "synthesize", description = "Writes a full-size model folder with random weights, for benches.")
final class SynthesizeCommand implements Runnable {
    @Option(names = "--arch", required = true, description = "${COMPLETION-CANDIDATES}")
    private Architecture architecture = Architecture.SD15;

    @Option(
            names = {"-o", "--output"},
            required = true,
            description = "The folder to write.")
    private Path output = Path.of("");

    @Option(
            names = "--seed",
            defaultValue = "0",
            description = "Equal seeds give equal weights. Default: ${DEFAULT-VALUE}")
    private long seed;

    @Option(
            names = "--dtype",
            defaultValue = "F16",
            description = "${COMPLETION-CANDIDATES}. Default: ${DEFAULT-VALUE}")
    private FloatType dtype = FloatType.F16;

    @Override
    public void run() {
        RandomWeights random = new RandomWeights(seed, dtype.dtype());
        try (ModelFolderWriter folder = new ModelFolderWriter(output)) {
            folder.writeIndex(architecture.config("model_index"));
            for (String name : PublishedConfigs.components(architecture.family())) {
                if (name.equals("scheduler") || name.startsWith("tokenizer")) {
                    folder.writeConfig(name, architecture.config(name)); // the vocabulary is the built-in one
                } else {
                    folder.writeNetwork(name, architecture.config(name), random.tensors(architecture.tensors(name)));
                }
            }
            folder.finish();
        }
    }
}
