package dev.darkroom.reference;

import dev.darkroom.models.adapter.IpAdapter;
import dev.darkroom.models.clip.ClipConfig;
import dev.darkroom.models.clip.ClipModel;
import dev.darkroom.models.clip.ClipTextConfig;
import dev.darkroom.models.clip.ClipTextEncoder;
import dev.darkroom.models.controlnet.ControlNet;
import dev.darkroom.models.controlnet.ControlNetConfig;
import dev.darkroom.models.taesd.TinyAutoencoder;
import dev.darkroom.models.taesd.TinyConfig;
import dev.darkroom.models.unet.UNet;
import dev.darkroom.models.unet.UNetConfig;
import dev.darkroom.models.vae.Autoencoder;
import dev.darkroom.models.vae.VaeConfig;
import dev.darkroom.nn.Parameters;
import dev.darkroom.tensor.DType;
import dev.darkroom.tensor.Ops;
import dev.darkroom.weights.ClipFiles;
import dev.darkroom.weights.ModelComponent;
import dev.darkroom.weights.SafetensorsFile;
import dev.darkroom.weights.WeightPath;
import dev.darkroom.weights.WeightSource;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.stream.Stream;

/** Networks from the component folders of a set's checkpoints. */
final class Checkpoints {
    private Checkpoints() {}

    static UNet unet(Ops ops, DType dtype, Path folder) {
        return unet(ops, dtype, folder, ModelComponent.open(folder).weights());
    }

    /** With other weights than the folder's. */
    static UNet unet(Ops ops, DType dtype, Path folder, WeightSource weights) {
        return new UNet(
                parameters(ops, dtype, weights),
                UNetConfig.of(folder.toString(), ModelComponent.open(folder).config()));
    }

    static Autoencoder vae(Ops ops, DType dtype, Path folder) {
        ModelComponent part = ModelComponent.open(folder);
        return new Autoencoder(parameters(ops, dtype, part.weights()), VaeConfig.of(folder.toString(), part.config()));
    }

    static ClipTextEncoder textEncoder(Ops ops, DType dtype, Path folder) {
        return textEncoder(ops, dtype, folder, ModelComponent.open(folder).weights(), 0);
    }

    /** With other weights than the folder's, and {@code moreTokens} more token ids. */
    static ClipTextEncoder textEncoder(Ops ops, DType dtype, Path folder, WeightSource weights, int moreTokens) {
        ClipTextConfig config =
                ClipTextConfig.of(folder.toString(), ModelComponent.open(folder).config());
        return new ClipTextEncoder(parameters(ops, dtype, weights), config.withMoreTokens(moreTokens));
    }

    static ClipModel clip(Ops ops, DType dtype, ClipFiles files) {
        return new ClipModel(parameters(ops, dtype, files.weights()), ClipConfig.of(files.location(), files.config()));
    }

    static ControlNet controlNet(Ops ops, DType dtype, Path folder) {
        ModelComponent part = ModelComponent.open(folder);
        ControlNetConfig config = ControlNetConfig.of(folder.toString(), part.config());
        return new ControlNet(parameters(ops, dtype, part.weights()), config);
    }

    static TinyAutoencoder tiny(Ops ops, DType dtype, Path folder) {
        ModelComponent part = ModelComponent.open(folder);
        TinyConfig config = TinyConfig.of(folder.toString(), part.config());
        return new TinyAutoencoder(parameters(ops, dtype, part.weights()), config, /* encodes= */ true);
    }

    /** The only file of {@code folder}, for {@code unet}. */
    static IpAdapter ipAdapter(Ops ops, DType dtype, UNetConfig unet, Path folder) {
        try (Stream<Path> files = Files.list(folder)) {
            Path file = files.filter(each -> each.toString().endsWith(".safetensors"))
                    .findFirst()
                    .orElseThrow(() -> new IllegalArgumentException(folder + " has no .safetensors file"));
            SafetensorsFile weights = SafetensorsFile.open(file);
            return new IpAdapter(parameters(ops, dtype, weights), IpAdapter.Config.of(weights), unet);
        } catch (IOException e) {
            throw new UncheckedIOException(folder + " cannot be read: " + e.getMessage(), e);
        }
    }

    private static Parameters parameters(Ops ops, DType dtype, WeightSource weights) {
        return new Parameters(ops, dtype, WeightPath.of(weights));
    }
}
