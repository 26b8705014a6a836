package dev.darkroom.reference;

import com.fasterxml.jackson.databind.JsonNode;
import dev.darkroom.tensor.HostTensor;
import dev.darkroom.weights.ModelComponent;
import dev.darkroom.weights.ModelFiles;
import dev.darkroom.weights.SafetensorsFile;
import dev.darkroom.weights.TensorFile;
import dev.darkroom.weights.WeightSource;
import dev.darkroom.weights.WeightsException;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeSet;

/** The checkpoints in other formats: tensor by tensor the same; malformed files: refused, with a message that names the file. */
final class FormatsGroup implements Group {
    private static final List<String> MODELS = List.of("sd1", "sd2", "sdxl");

    @Override
    public String name() {
        return "formats";
    }

    @Override
    public void run(Check check) {
        check.set().files(name()).forEach((file, entry) -> {
            if (!file.endsWith(".json")) {
                check.attempt(name(), file, () -> runFile(check, file, entry));
            }
        });
    }

    private void runFile(Check check, String file, JsonNode entry) {
        String base = file.replaceFirst("(\\.pkl)?(\\.\\w+|/)$", "");
        if (base.equals("malformed")) {
            malformed(check, file);
        } else if (base.startsWith("hostile") || base.startsWith("truncated")) {
            refused(check, file);
        } else if (MODELS.contains(base)) {
            singleFile(check, file, base);
        } else if (file.endsWith("/")) {
            folder(check, file, base, entry);
        } else if (base.startsWith("text_part")) {
            textPart(check, file, entry);
        } else if (base.startsWith("vae_")) {
            WeightSource expected =
                    ModelComponent.open(check.set().checkpoint(file, entry)).weights();
            compare(check, file, "weights", openVae(check, file), expected, 0);
        } else if (base.startsWith("lora_expected") || base.startsWith("embedding_expected")) {
            AdapterCases.run(check, name(), file, entry);
        } else if (base.startsWith("lora_") || base.startsWith("embedding")) {
            return; // read by the cases of the expected ones
        } else if (Files.exists(check.set().file(name(), base + "_expected.safetensors"))) {
            TensorFile expected = TensorFile.open(check.set().file(name(), base + "_expected.safetensors"));
            compare(check, file, "tensors", TensorFile.open(check.set().file(name(), file)), expected, 0);
        } else {
            check.report(CaseResult.skipped(name(), file, "nothing is known to compare it with"));
        }
    }

    private WeightSource openVae(Check check, String file) {
        return ModelComponent.openVae(check.set().file(name(), file)).weights();
    }

    /** Some tensors of a text encoder under a whole checkpoint's names, against the folder. */
    private void textPart(Check check, String file, JsonNode entry) {
        TensorFile part = TensorFile.open(check.set().file(name(), file));
        String how = entry.path("how").asText();
        String model = MODELS.stream()
                .filter(name -> how.contains(name + " "))
                .findFirst()
                .orElse(MODELS.get(0));
        Path folder = check.set().root().resolve("checkpoints").resolve(model);
        WeightSource expected =
                ModelComponent.open(folder.resolve("text_encoder")).weights();
        List<String> wrong = new ArrayList<>();
        for (String name : part.names()) {
            HostTensor reference = expected.get(name.substring(name.indexOf("text_model.")));
            if (!same(part.get(name), reference, 0)) {
                wrong.add(name);
            }
        }
        reportTensors(check, file, "text encoder", part.names().size(), wrong);
    }

    /** A file that must not be opened. */
    private void refused(Check check, String file) {
        String message = "";
        try {
            TensorFile.open(check.set().file(name(), file));
        } catch (WeightsException e) {
            message = String.valueOf(e.getMessage());
        }
        check.report(CaseResult.exact(
                name(),
                file,
                "refused",
                message.contains(file),
                message.isEmpty() ? "was accepted" : "the message does not name the file: " + message));
    }

    /** An original file against the folder of the same model. */
    private void singleFile(Check check, String file, String model) {
        ModelFiles folder = ModelFiles.open(
                check.set().root().resolve("checkpoints").resolve(model).toString());
        Map<String, JsonNode> configs = new LinkedHashMap<>(); // head counts cannot be read from shapes
        List<String> networks = new ArrayList<>();
        for (String part : folder.names()) {
            if (folder.component(part).isNetwork()) {
                configs.put(part, folder.config(part));
                networks.add(part);
            }
        }
        ModelFiles single = ModelFiles.open(check.set().file(name(), file).toString(), configs);
        for (String part : networks) {
            compare(check, file, part, single.weights(part), folder.weights(part), 0);
        }
    }

    /** A component's folder against the checkpoint that its description names first. */
    private void folder(Check check, String file, String base, JsonNode entry) {
        WeightSource expected =
                ModelComponent.open(check.set().checkpoint(base, entry)).weights();
        WeightSource actual =
                ModelComponent.open(check.set().file(name(), base)).weights();
        double limit =
                base.startsWith("bf16") ? 0x1p-8 : 0; // rounded to 8 bits, half a unit of 2^-8 relative at the most
        compare(check, file, "weights", actual, expected, limit);
    }

    /** @param limit the largest relative difference of a value */
    private void compare(
            Check check, String file, String part, WeightSource actual, WeightSource expected, double limit) {
        List<String> wrong = new ArrayList<>();
        for (String tensor : new TreeSet<>(expected.names())) {
            HostTensor reference = expected.get(tensor);
            if (!actual.has(tensor) || !same(actual.get(tensor, reference.shape()), reference, limit)) {
                wrong.add(tensor);
            }
        }
        reportTensors(check, file, part, expected.names().size(), wrong);
    }

    private void reportTensors(Check check, String file, String part, int tensors, List<String> wrong) {
        check.report(CaseResult.exact(
                name(),
                file,
                part + " (" + tensors + " tensors)",
                wrong.isEmpty() && tensors > 0,
                wrong.size() + " differ: " + wrong.stream().limit(3).toList()));
    }

    private static boolean same(HostTensor actual, HostTensor expected, double limit) {
        if (!expected.dtype().isFloating()) {
            return expected.dtype() == actual.dtype() && bytes(expected).equals(bytes(actual));
        }
        float[] a = actual.toFloats();
        float[] e = expected.toFloats();
        if (limit == 0) {
            return Arrays.equals(a, e);
        }
        for (int i = 0; i < e.length; i++) {
            if (!(Math.abs(a[i] - e[i]) <= limit * Math.abs(e[i]))) {
                return false;
            }
        }
        return a.length == e.length;
    }

    private static ByteBuffer bytes(HostTensor tensor) {
        ByteBuffer copy = ByteBuffer.allocate(Math.toIntExact(tensor.byteSize()));
        tensor.read(copy::put);
        return copy.flip();
    }

    private void malformed(Check check, String folder) {
        Path directory = check.set().file(name(), folder);
        JsonNode verdicts =
                ReferenceSet.json(directory.resolve("expected.json")).path("files");
        for (Map.Entry<String, JsonNode> each : verdicts.properties()) {
            boolean accept = each.getValue().path("must_be").asText().startsWith("accepted");
            String outcome = outcome(directory.resolve(each.getKey()));
            boolean right = accept ? outcome.isEmpty() : outcome.contains(each.getKey());
            check.report(CaseResult.exact(
                    name(),
                    folder + each.getKey(),
                    "",
                    right,
                    accept
                            ? "was refused: " + outcome
                            : outcome.isEmpty() ? "was accepted" : "the message does not name the file: " + outcome));
        }
    }

    /** What is said against a file; empty when it is accepted. */
    private static String outcome(Path file) {
        try {
            SafetensorsFile.open(file);
            return "";
        } catch (WeightsException e) {
            return String.valueOf(e.getMessage());
        }
    }
}
