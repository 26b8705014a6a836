package dev.darkroom.reference;

import com.fasterxml.jackson.databind.JsonNode;
import dev.darkroom.models.adapter.IpAdapter;
import dev.darkroom.models.controlnet.ControlNet;
import dev.darkroom.models.unet.Additions;
import dev.darkroom.models.unet.Conditioning;
import dev.darkroom.models.unet.Residuals;
import dev.darkroom.models.unet.TimeTable;
import dev.darkroom.models.unet.UNet;
import dev.darkroom.tensor.Ops;
import dev.darkroom.tensor.Scope;
import dev.darkroom.tensor.Tensor;
import java.nio.file.Path;
import java.util.List;
import java.util.Locale;
import java.util.OptionalDouble;

/** U-Net passes that other networks take part in: what those add, and what the U-Net makes of it. */
final class GuidedPasses {
    private static final String GUESS = "guess.";

    private final Check check;
    private final String group;
    private final String file;
    private final JsonNode entry;
    private final Check.Values values;
    private final Check.Case comparison;

    GuidedPasses(Check check, String group, String file, JsonNode entry) {
        this.check = check;
        this.group = group;
        this.file = file;
        this.entry = entry;
        this.values = check.values(group, file);
        this.comparison = check.new Case(group, file, entry, Tolerance.UNET);
    }

    /** Whether the case is one of these. */
    static boolean isOne(Check.Values values) {
        return values.has("controlnet_cond") || values.has("image_embeds");
    }

    void run() {
        try (Scope scope = Scope.open(check.device(), file)) {
            Ops ops = check.device().ops(scope);
            UNet unet = Checkpoints.unet(ops, check.dtype(), checkpoint("UNet2DConditionModel"));
            Tensor sample = Check.uploadImage(ops, values.get("sample"));
            Conditioning conditioning = UNetGroup.condition(ops, unet.conditioner(), check.dtype(), values);
            float[][] times = {UNetGroup.times(values, sample.dim(0))};
            Additions additions = Additions.NONE;
            if (values.has("controlnet_cond")) {
                additions = new Additions(List.of(residuals(ops, sample, times)), List.of());
            } else {
                conditioning = withImages(ops, unet, conditioning);
            }
            TimeTable.Time time = unet.times(ops, times, conditioning).first(ops);
            Tensor out = unet.forward(ops, sample, time, conditioning, additions);
            compare(values.has("unet_out") ? "unet_out" : "out", out);
        }
    }

    private Residuals residuals(Ops ops, Tensor sample, float[][] times) {
        ControlNet net = Checkpoints.controlNet(ops, check.dtype(), checkpoint("ControlNetModel"));
        Conditioning conditioning = UNetGroup.condition(ops, net.conditioner(), check.dtype(), values);
        TimeTable.Time time = net.conditioner()
                .times(ops, times, conditioning, OptionalDouble.empty())
                .first(ops);
        Tensor hint = net.hint(ops, Check.uploadImage(ops, values.get("controlnet_cond")));
        compare("cond_embedding", hint);
        double strength = entry.path("conditioning_scale").asDouble(1);
        Residuals residuals = net.forward(ops, sample, hint, time, conditioning, strength, false);
        compare("", residuals);
        compare(GUESS, net.forward(ops, sample, hint, time, conditioning, strength, true));
        return residuals;
    }

    private Conditioning withImages(Ops ops, UNet unet, Conditioning conditioning) {
        IpAdapter adapter = Checkpoints.ipAdapter(ops, check.dtype(), unet.config(), checkpoint(""));
        Tensor embeddings = ops.upload(values.get("image_embeds"), check.dtype());
        Tensor tokens = adapter.tokens(ops, embeddings);
        compare("image_tokens", tokens);
        return adapter.beside(ops, conditioning, tokens, entry.path("scale").asDouble(1));
    }

    /** The checkpoint of a class among those that the case names; of the class "", the one without a config. */
    private Path checkpoint(String className) {
        return check.set().checkpoints(entry).stream()
                .filter(each -> ReferenceSet.className(each).equals(className))
                .findFirst()
                .orElseThrow(() -> new IllegalArgumentException(
                        group + "/" + file + ": its description names no " + className + " checkpoint"));
    }

    /** Compares those that the reference has. */
    private void compare(String prefix, Residuals residuals) {
        for (int i = 0; i < residuals.skips().size(); i++) {
            compare(
                    String.format(Locale.ROOT, "%sdown.%02d", prefix, i),
                    residuals.skips().get(i));
        }
        compare(prefix + "mid", residuals.mid());
    }

    private void compare(String name, Tensor actual) {
        if (values.has(name)) {
            comparison.compare(name, Check.download(actual), values.floats(name));
        }
    }
}
