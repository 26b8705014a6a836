package dev.darkroom.reference;

import com.fasterxml.jackson.databind.JsonNode;
import dev.darkroom.models.clip.ClipTextEncoder;
import dev.darkroom.tensor.Ops;
import dev.darkroom.tensor.Scope;
import dev.darkroom.tensor.Tensor;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** Text encoders: every hidden state, what is pooled, and clip skip. */
final class TextGroup implements Group {
    @Override
    public String name() {
        return "text";
    }

    @Override
    public void run(Check check) {
        check.set().files(name()).forEach((file, entry) -> {
            Check.Values values = check.values(name(), file);
            Path model = check.set().checkpoint(file, entry);
            check.attempt(name(), file, () -> runCase(check, file, entry, values, model));
        });
    }

    private void runCase(Check check, String file, JsonNode entry, Check.Values values, Path model) {
        try (Scope scope = Scope.open(check.device(), file)) {
            Ops ops = check.device().ops(scope);
            Check.Case comparison = check.new Case(name(), file, entry, Tolerance.TEXT_AND_VAE);
            if (values.has("input_ids_2")) {
                runPair(check, ops, model, values, comparison);
            } else {
                runOne(check, ops, model, values, comparison);
            }
        }
    }

    private static void runOne(Check check, Ops ops, Path model, Check.Values values, Check.Case comparison) {
        ClipTextEncoder encoder = Checkpoints.textEncoder(ops, check.dtype(), model.resolve("text_encoder"));
        ClipTextEncoder.Output out = encoder.encode(ops, values.ids("input_ids"));
        compare(ops, encoder, out, "", values, comparison);
        if (values.has("skip")) {
            comparison.compare("skip", skipped(ops, encoder, out, values), values.floats("skip"));
        }
    }

    private static void runPair(Check check, Ops ops, Path model, Check.Values values, Check.Case comparison) {
        ClipTextEncoder first = Checkpoints.textEncoder(ops, check.dtype(), model.resolve("text_encoder"));
        ClipTextEncoder second = Checkpoints.textEncoder(ops, check.dtype(), model.resolve("text_encoder_2"));
        ClipTextEncoder.Output one = first.encode(ops, values.ids("input_ids"));
        ClipTextEncoder.Output two = second.encode(ops, values.ids("input_ids_2"));
        compare(ops, first, one, "encoder_1.", values, comparison);
        compare(ops, second, two, "encoder_2.", values, comparison);
        Tensor embeddings = ops.concatChannels(penultimate(one), penultimate(two));
        comparison.compare("prompt_embeds", embeddings.toHost(), values.floats("prompt_embeds"));
        Tensor pooled = two.projected();
        if (pooled != null) {
            comparison.compare("pooled_prompt_embeds", pooled.toHost(), values.floats("pooled_prompt_embeds"));
        }
    }

    /** Compares whatever of an encoder's output the case holds under {@code prefix}. */
    private static void compare(
            Ops ops,
            ClipTextEncoder encoder,
            ClipTextEncoder.Output out,
            String prefix,
            Check.Values values,
            Check.Case comparison) {
        List<Tensor> states = out.hiddenStates();
        Map<String, Tensor> results = new LinkedHashMap<>();
        results.put("hidden_states", ops.concatRows(states.toArray(Tensor[]::new))); // [(layers + 1) * n, t, width]
        results.put("last_hidden_state", encoder.normalised(ops, states.get(states.size() - 1)));
        results.put("pooler_output", out.pooled());
        Tensor projected = out.projected();
        if (projected != null) {
            results.put("text_embeds", projected);
        }
        results.forEach((name, result) -> {
            if (values.has(prefix + name)) {
                comparison.compare(prefix + name, result.toHost(), values.floats(prefix + name));
            }
        });
    }

    /** The normalised hidden states k layers from the end, k = 1, 2 …, for as many prompts as the case holds. */
    private static float[] skipped(Ops ops, ClipTextEncoder encoder, ClipTextEncoder.Output out, Check.Values values) {
        int layers = values.get("skip").shape().dim(0);
        int prompts = values.get("skip").shape().dim(1);
        List<Tensor> states = out.hiddenStates();
        Tensor[] skips = new Tensor[layers];
        for (int k = 1; k <= layers; k++) {
            skips[k - 1] = encoder.normalised(ops, states.get(states.size() - k).rows(0, prompts));
        }
        return ops.concatRows(skips).toHost();
    }

    private static Tensor penultimate(ClipTextEncoder.Output out) {
        return out.hiddenStates().get(out.hiddenStates().size() - 2);
    }
}
