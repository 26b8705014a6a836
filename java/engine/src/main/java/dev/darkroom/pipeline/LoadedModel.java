package dev.darkroom.pipeline;

import dev.darkroom.tensor.DType;
import dev.darkroom.tensor.Device;
import dev.darkroom.tensor.Tensor;
import dev.darkroom.tokenizer.ClipTokenizer;
import dev.darkroom.weights.ModelFiles;
import java.util.List;
import java.util.function.Function;

/** A model on a device: its files, its networks, and how it reads texts. */
public final class LoadedModel implements AutoCloseable {
    private final ModelFiles files;
    private final DType dtype;
    private final Networks networks;
    private final List<ClipTokenizer> tokenizers;
    private final TextConditioner text;

    private LoadedModel(
            ModelFiles files,
            DType dtype,
            Networks networks,
            List<ClipTokenizer> tokenizers,
            Function<Tensor, float[]> read) {
        this.files = files;
        this.dtype = dtype;
        this.networks = networks;
        this.tokenizers = tokenizers;
        this.text = new TextConditioner(networks, tokenizers, files.family(), read);
    }

    /** The model in {@code files}, to compute in {@code dtype}; its weights are loaded when they are first used. */
    public static LoadedModel of(Device device, ModelFiles files, DType dtype) {
        return new LoadedModel(files, dtype, Networks.of(device, files, dtype), Tokenizers.of(files), Tensor::toHost);
    }

    /** The same model with shapes instead of weights, on the dry device. */
    LoadedModel shapes(Device dry) {
        return new LoadedModel(
                files,
                dtype,
                Networks.shapesOf(dry, files, dtype),
                tokenizers,
                tensor -> new float[Math.toIntExact(tensor.shape().count())]); // its text encoders say nothing
    }

    ModelFiles files() {
        return files;
    }

    DType dtype() {
        return dtype;
    }

    Networks networks() {
        return networks;
    }

    List<ClipTokenizer> tokenizers() {
        return tokenizers;
    }

    TextConditioner text() {
        return text;
    }

    /** Whether zeros stand for the negative prompt where none is given, as SDXL's base model was trained. */
    public boolean forcesZeros() {
        return files.family().isXl()
                && files.index().path("force_zeros_for_empty_prompt").asBoolean(true);
    }

    @Override
    public void close() {
        networks.close();
    }
}
