package dev.darkroom.reference;

import com.fasterxml.jackson.databind.JsonNode;
import dev.darkroom.models.clip.ClipTextEncoder;
import dev.darkroom.models.unet.Conditioning;
import dev.darkroom.models.unet.TimeTable;
import dev.darkroom.models.unet.UNet;
import dev.darkroom.tensor.HostTensor;
import dev.darkroom.tensor.Ops;
import dev.darkroom.tensor.Scope;
import dev.darkroom.tensor.Tensor;
import dev.darkroom.weights.ExtendedVocabulary;
import dev.darkroom.weights.LoraFile;
import dev.darkroom.weights.Loras;
import dev.darkroom.weights.ModelComponent;
import dev.darkroom.weights.TextualInversion;
import dev.darkroom.weights.WeightSource;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;

/** What a model computes with a LoRA merged in, or with a learnt word. */
final class AdapterCases {
    private static final List<String> NETWORKS = List.of("unet", "text_encoder", "text_encoder_2");

    private final Check check;
    private final String group;
    private final String file;
    private final JsonNode entry;
    private final Check.Values values;
    private final Path model;

    private AdapterCases(Check check, String group, String file, JsonNode entry) {
        this.check = check;
        this.group = group;
        this.file = file;
        this.entry = entry;
        this.values = check.values(group, file);
        Path named = check.set().checkpoint(file, entry);
        this.model = Files.exists(named.resolve("config.json")) ? Objects.requireNonNull(named.getParent()) : named;
    }

    static void run(Check check, String group, String file, JsonNode entry) {
        AdapterCases cases = new AdapterCases(check, group, file, entry);
        if (file.startsWith("lora")) {
            cases.runLoras();
        } else {
            cases.runEmbeddings();
        }
    }

    /** The LoRAs that the entry lists with what each should give, else kohya's of the same family. */
    private void runLoras() {
        JsonNode listed = entry.path("checked");
        if (listed.isObject()) {
            listed.properties()
                    .forEach(lora -> runLora(
                            lora.getKey(), lora.getValue().path("expected").asText()));
        } else {
            runLora(file.replace("expected", "kohya"), "unet_out");
        }
    }

    private void runLora(String lora, String expected) {
        Map<String, WeightSource> pristine = new LinkedHashMap<>();
        for (String network : NETWORKS) {
            if (Files.exists(model.resolve(network))) {
                pristine.put(
                        network, ModelComponent.open(model.resolve(network)).weights());
            }
        }
        float scale = (float) entry.path("scale").asDouble(1);
        LoraFile opened = LoraFile.open(check.set().file(group, lora));
        Loras loras = Loras.apply(pristine, List.of(new Loras.Use(opened, scale)));
        List<String> unmatched = loras.reports().get(0).unmatched();
        check.report(
                CaseResult.exact(group, lora, "every tensor matched", unmatched.isEmpty(), "unmatched: " + unmatched));
        Check.Case comparison = check.new Case(group, lora, entry, Tolerance.UNET);
        comparison.compare(expected, unet(loras.weights("unet")), values.floats(expected), "");
        if (values.has("unet_out_no_lora")) {
            comparison.compare(
                    "unet_out_no_lora",
                    unet(ModelComponent.open(model.resolve("unet")).weights()),
                    values.floats("unet_out_no_lora"),
                    "");
        }
        if (values.has("text_last_hidden_state")) {
            check.new Case(group, lora, entry, Tolerance.TEXT_AND_VAE)
                    .compare(
                            "text_last_hidden_state",
                            text(loras.weights("text_encoder"), 0),
                            values.floats("text_last_hidden_state"),
                            "");
        }
    }

    private float[] unet(WeightSource weights) {
        try (Scope scope = Scope.open(check.device(), file)) {
            Ops ops = check.device().ops(scope);
            UNet unet = Checkpoints.unet(ops, check.dtype(), model.resolve("unet"), weights);
            Conditioning conditioning = UNetGroup.condition(ops, unet.conditioner(), unet.dtype(), values);
            Tensor sample = Check.uploadImage(ops, values.get("sample"));
            float[][] times = {UNetGroup.times(values, sample.dim(0))};
            TimeTable.Time time = unet.times(ops, times, conditioning).first(ops);
            return Check.download(unet.forward(ops, sample, time, conditioning));
        }
    }

    private float[] text(WeightSource weights, int moreTokens) {
        try (Scope scope = Scope.open(check.device(), file)) {
            Ops ops = check.device().ops(scope);
            ClipTextEncoder encoder =
                    Checkpoints.textEncoder(ops, check.dtype(), model.resolve("text_encoder"), weights, moreTokens);
            List<Tensor> states = encoder.encode(ops, values.ids("input_ids")).hiddenStates();
            return encoder.normalised(ops, states.get(states.size() - 1)).toHost();
        }
    }

    /** Every file of the learnt word beside the expected one. */
    private void runEmbeddings() {
        HostTensor vectors = values.get("vectors");
        for (String name : check.set().files(group).keySet()) {
            if (name.startsWith("embedding") && !name.equals(file)) {
                TextualInversion word = TextualInversion.open(check.set().file(group, name));
                HostTensor actual = word.vectors(vectors.shape().dim(1));
                check.report(CaseResult.exact(
                        group,
                        name,
                        "vectors",
                        actual != null && Arrays.equals(actual.toFloats(), vectors.toFloats()),
                        "the vectors differ"));
            }
        }
        WeightSource encoder =
                ModelComponent.open(model.resolve("text_encoder")).weights();
        check.new Case(group, file, entry, Tolerance.TEXT_AND_VAE)
                .compare(
                        "last_hidden_state",
                        text(
                                new ExtendedVocabulary(encoder, List.of(vectors)),
                                vectors.shape().dim(0)),
                        values.floats("last_hidden_state"),
                        "");
    }
}
