package dev.darkroom.reference;

import com.fasterxml.jackson.databind.JsonNode;
import dev.darkroom.models.taesd.TinyAutoencoder;
import dev.darkroom.models.taesd.TinyConfig;
import dev.darkroom.models.vae.Autoencoder;
import dev.darkroom.tensor.Ops;
import dev.darkroom.tensor.Scope;
import dev.darkroom.tensor.Tensor;
import java.nio.file.Files;
import java.nio.file.Path;

/** Autoencoders: mean, log-variance and sample of the latents, and decoding. */
final class VaeGroup implements Group {
    @Override
    public String name() {
        return "vae";
    }

    @Override
    public void run(Check check) {
        check.set().files(name()).forEach((file, entry) -> {
            Path folder = check.set().checkpoint(file, entry);
            Path vae = Files.isDirectory(folder.resolve("vae")) ? folder.resolve("vae") : folder;
            String kind = ReferenceSet.json(vae.resolve("config.json"))
                    .path("_class_name")
                    .asText();
            if (kind.equals("AutoencoderKL")) {
                check.attempt(name(), file, () -> runCase(check, file, entry, vae));
            } else if (kind.equals(TinyConfig.CLASS)) {
                check.attempt(name(), file, () -> runTiny(check, file, entry, vae));
            } else {
                check.report(CaseResult.skipped(name(), file, kind + " is not supported yet"));
            }
        });
    }

    private void runTiny(Check check, String file, JsonNode entry, Path folder) {
        Check.Values values = check.values(name(), file);
        try (Scope scope = Scope.open(check.device(), file)) {
            Ops ops = check.device().ops(scope);
            TinyAutoencoder vae = Checkpoints.tiny(ops, check.dtype(), folder);
            Check.Case comparison = check.new Case(name(), file, entry, Tolerance.TEXT_AND_VAE);
            Tensor latents = vae.encode(ops, Check.uploadImage(ops, values.get("image")));
            Tensor decoded = vae.decode(ops, Check.uploadImage(ops, values.get("z")));
            comparison.compare("latents", Check.download(latents), values.floats("latents"));
            comparison.compare("decoded", Check.download(decoded), values.floats("decoded"));
        }
    }

    private void runCase(Check check, String file, JsonNode entry, Path folder) {
        Check.Values values = check.values(name(), file);
        try (Scope scope = Scope.open(check.device(), file)) {
            Ops ops = check.device().ops(scope);
            Autoencoder vae = Checkpoints.vae(ops, check.dtype(), folder);
            Check.Case comparison = check.new Case(name(), file, entry, Tolerance.TEXT_AND_VAE);
            Autoencoder.Gaussian latents = vae.encode(ops, Check.uploadImage(ops, values.get("image")));
            Tensor sample = latents.sample(ops, Check.uploadImage(ops, values.get("noise")));
            Tensor decoded = vae.decode(ops, Check.uploadImage(ops, values.get("z")));
            comparison.compare("mean", Check.download(latents.mean()), values.floats("mean"));
            comparison.compare("logvar", Check.download(latents.logVariance()), values.floats("logvar"));
            comparison.compare("latent_sample", Check.download(sample), values.floats("latent_sample"));
            comparison.compare("decoded", Check.download(decoded), values.floats("decoded"));
        }
    }
}
