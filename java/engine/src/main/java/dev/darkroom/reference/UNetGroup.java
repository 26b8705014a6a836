package dev.darkroom.reference;

import com.fasterxml.jackson.databind.JsonNode;
import dev.darkroom.models.unet.Conditioner;
import dev.darkroom.models.unet.Conditioning;
import dev.darkroom.models.unet.TimeTable;
import dev.darkroom.models.unet.UNet;
import dev.darkroom.tensor.DType;
import dev.darkroom.tensor.HostTensor;
import dev.darkroom.tensor.Ops;
import dev.darkroom.tensor.Scope;
import dev.darkroom.tensor.Tensor;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** U-Net passes, with the activations of their blocks. */
final class UNetGroup implements Group {
    private static final String TAP = "tap.";

    @Override
    public String name() {
        return "unet";
    }

    @Override
    public void run(Check check) {
        check.set().files(name()).forEach((file, entry) -> {
            Check.Values values = check.values(name(), file);
            if (GuidedPasses.isOne(values)) {
                check.attempt(name(), file, () -> new GuidedPasses(check, name(), file, entry).run());
            } else {
                check.attempt(name(), file, () -> runCase(check, file, entry, values));
            }
        });
    }

    private void runCase(Check check, String file, JsonNode entry, Check.Values values) {
        Map<String, float[]> taps = new LinkedHashMap<>();
        try (Scope scope = Scope.open(check.device(), file)) {
            Ops ops = check.device().ops(scope);
            UNet unet = Checkpoints.unet(ops, check.dtype(), check.set().checkpoint(file, entry));
            check.device().observe((path, result) -> {
                String block = path.substring(path.indexOf('/') + 1).replaceFirst("^unet/", "");
                if (values.has(TAP + block)) {
                    taps.put(block, Check.download(result));
                }
            });
            Conditioning conditioning = condition(ops, unet.conditioner(), check.dtype(), values);
            Tensor sample = Check.uploadImage(ops, values.get("sample"));
            float[][] times = {times(values, sample.dim(0))};
            TimeTable.Time time = unet.times(ops, times, conditioning).first(ops);
            Tensor out = unet.forward(ops, sample, time, conditioning);
            Check.Case comparison = check.new Case(name(), file, entry, Tolerance.UNET);
            comparison.compare(
                    "out", Check.download(out), values.floats("out"), firstDeparture(comparison, taps, values));
        } finally {
            check.device().observe(null);
        }
    }

    /** What steers a case's network, as its tensors say. */
    static Conditioning condition(Ops ops, Conditioner network, DType dtype, Check.Values values) {
        Tensor context = ops.upload(values.get("encoder_hidden_states"), dtype);
        return values.has("time_ids")
                ? network.condition(
                        ops,
                        context,
                        ops.upload(values.get("text_embeds"), dtype),
                        ops.upload(values.get("time_ids"), DType.F32))
                : network.condition(ops, context);
    }

    /** One for each image. */
    static float[] times(Check.Values values, int images) {
        HostTensor stored = values.get("timestep");
        float[] times = stored.toFloats();
        float[] each = Arrays.copyOf(times, images);
        if (times.length == 1) {
            Arrays.fill(each, times[0]);
        }
        return each;
    }

    /** The first activation, in the order of computation, that disagrees. */
    private static String firstDeparture(Check.Case comparison, Map<String, float[]> taps, Check.Values values) {
        List<String> departed = taps.entrySet().stream()
                .filter(tap ->
                        !comparison.agrees(TAP + tap.getKey(), tap.getValue(), values.floats(TAP + tap.getKey())))
                .map(Map.Entry::getKey)
                .toList();
        if (taps.isEmpty()) {
            return "";
        }
        return departed.isEmpty()
                ? "all activations agree; look at conv_norm_out and conv_out"
                : "first departs at " + TAP + departed.get(0);
    }
}
