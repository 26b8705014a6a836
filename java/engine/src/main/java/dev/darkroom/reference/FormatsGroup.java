package dev.darkroom.reference;

import com.fasterxml.jackson.databind.JsonNode;
import dev.darkroom.tensor.HostTensor;
import dev.darkroom.weights.ModelComponent;
import dev.darkroom.weights.ModelFiles;
import dev.darkroom.weights.SafetensorsFile;
import dev.darkroom.weights.WeightSource;
import dev.darkroom.weights.WeightsException;
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
            String base = file.replace(".safetensors", "").replace("/", "");
            if (file.endsWith(".safetensors") && MODELS.contains(base)) {
                singleFile(check, file, base);
            } else if (base.equals("malformed")) {
                malformed(check, file);
            } else if (file.endsWith("/") && isSafetensorsFolder(check.set().file(name(), base))) {
                folder(check, file, base, entry);
            } else if (!file.endsWith(".json")) {
                check.report(CaseResult.skipped(name(), file, "this format is not supported yet"));
            }
        });
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
        check.report(CaseResult.exact(
                name(),
                file,
                part + " (" + expected.names().size() + " tensors)",
                wrong.isEmpty(),
                wrong.size() + " differ: " + wrong.stream().limit(3).toList()));
    }

    private static boolean same(HostTensor actual, HostTensor expected, double limit) {
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

    private static boolean isSafetensorsFolder(Path folder) {
        return Files.isRegularFile(folder.resolve("config.json"))
                && (Files.exists(folder.resolve("model.safetensors"))
                        || Files.exists(folder.resolve("diffusion_pytorch_model.safetensors"))
                        || Files.exists(folder.resolve("diffusion_pytorch_model.safetensors.index.json")));
    }
}
