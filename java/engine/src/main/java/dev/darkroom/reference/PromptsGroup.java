package dev.darkroom.reference;

import com.fasterxml.jackson.databind.JsonNode;
import dev.darkroom.models.clip.ClipTextEncoder;
import dev.darkroom.pipeline.PromptEncoder;
import dev.darkroom.prompt.Attention;
import dev.darkroom.prompt.Composition;
import dev.darkroom.prompt.ExtraNetworks;
import dev.darkroom.prompt.PromptChunk;
import dev.darkroom.prompt.PromptRules;
import dev.darkroom.prompt.PromptSchedule;
import dev.darkroom.prompt.WeightedText;
import dev.darkroom.tensor.Ops;
import dev.darkroom.tensor.Scope;
import dev.darkroom.tokenizer.ClipTokenizer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.BiFunction;

/** AUTOMATIC1111's prompt language: what it is parsed to, and the embeddings of weighted prompts. */
final class PromptsGroup implements Group {
    private static final String EMBEDDING = "cond_clip_skip_";

    /** A case of a section of parse.json, of which "expected" or more is compared → what we make of its text, as JSON would have it. */
    private interface Parser extends BiFunction<String, JsonNode, Map<String, Object>> {}

    private static final Map<String, Parser> PARSERS = new LinkedHashMap<>(Map.of(
            "attention",
                    (text, entry) -> expected(weighted(Attention.parse(text).texts())),
            "schedule",
                    (text, entry) ->
                            expected(scheduled(text, entry.path("steps").asInt())),
            "composition",
                    (text, entry) -> expected(weighted(Composition.parse(text).parts())),
            "extra_networks", (text, entry) -> extraNetworks(text)));

    @Override
    public String name() {
        return "prompts";
    }

    @Override
    public void run(Check check) {
        check.set()
                .files(name())
                .forEach((file, entry) -> check.attempt(name(), file, () -> {
                    if (file.endsWith(".json")) {
                        parse(check, file);
                    } else {
                        encode(check, file, entry);
                    }
                }));
    }

    private void parse(Check check, String file) {
        for (Map.Entry<String, JsonNode> section :
                ReferenceSet.json(check.set().file(name(), file)).properties()) {
            if (section.getKey().endsWith("_rules")) {
                continue; // prose
            }
            Parser parser = PARSERS.get(section.getKey());
            if (parser == null) {
                check.report(CaseResult.skipped(name(), file, "the section " + section.getKey() + " is not known"));
                continue;
            }
            int index = 0;
            for (JsonNode each : section.getValue()) {
                compare(check, file, section.getKey() + "[" + index++ + "]", parser, each);
            }
        }
    }

    private void compare(Check check, String file, String place, Parser parser, JsonNode entry) {
        String text = entry.path("text").asText();
        Map<String, Object> actual = parser.apply(text, entry);
        Map<String, Object> expected = new LinkedHashMap<>();
        actual.keySet().forEach(field -> expected.put(field, plain(entry.path(field))));
        check.report(CaseResult.exact(
                name(),
                file,
                place,
                actual.equals(expected),
                "\"" + text + "\" gives " + actual + ", the reference is " + expected));
    }

    private static Map<String, Object> expected(Object value) {
        return Map.of("expected", value);
    }

    private static Object weighted(List<WeightedText> texts) {
        return texts.stream().map(each -> List.of(each.text(), each.weight())).toList();
    }

    private static Object scheduled(String text, int steps) {
        return PromptSchedule.parse(text).entries(steps).stream()
                .map(each -> List.of((double) each.last(), each.text()))
                .toList();
    }

    private static Map<String, Object> extraNetworks(String text) {
        ExtraNetworks found = ExtraNetworks.parse(text);
        Object networks = found.networks().stream()
                .map(each -> List.of(each.kind(), each.arguments()))
                .toList();
        return Map.of("prompt", found.prompt(), "networks", networks);
    }

    /** JSON as lists, texts and numbers. */
    private static Object plain(JsonNode node) {
        if (node.isArray()) {
            List<Object> list = new ArrayList<>();
            node.forEach(each -> list.add(plain(each)));
            return list;
        }
        return node.isNumber() ? (Object) node.asDouble() : node.asText();
    }

    private void encode(Check check, String file, JsonNode entry) {
        Check.Values values = check.values(name(), file);
        Path model = checkpoint(check, file, entry);
        ClipTokenizer tokenizer = ClipTokenizer.open(model.resolve("tokenizer"));
        String text = entry.path("text").asText();
        try (Scope scope = Scope.open(check.device(), file)) {
            Ops ops = check.device().ops(scope);
            ClipTextEncoder network = Checkpoints.textEncoder(ops, check.dtype(), model.resolve("text_encoder"));
            PromptEncoder encoder = new PromptEncoder(network, tokenizer);
            List<PromptChunk> chunks = encoder.chunks(text, PromptRules.A1111).chunks();
            compareChunks(check, file, chunks, values);
            Check.Case comparison = check.new Case(name(), file, entry, Tolerance.TEXT_AND_VAE);
            for (String tensor : values.names()) {
                if (tensor.startsWith(EMBEDDING)) {
                    int clipSkip = Integer.parseInt(tensor.substring(EMBEDDING.length()));
                    float[] actual = encoder.encode(ops, List.of(text), PromptRules.A1111, chunks.size(), clipSkip)
                            .tokens();
                    comparison.compare(tensor, actual, values.floats(tensor));
                } else if (!tensor.equals("input_ids") && !tensor.equals("multipliers")) {
                    check.report(CaseResult.skipped(name(), file, "the tensor " + tensor + " is not known"));
                }
            }
        }
    }

    private void compareChunks(Check check, String file, List<PromptChunk> chunks, Check.Values values) {
        int[][] ids = chunks.stream().map(PromptChunk::ids).toArray(int[][]::new);
        int[][] expectedIds = values.ids("input_ids");
        check.report(CaseResult.exact(
                name(),
                file,
                "input_ids",
                Arrays.deepEquals(ids, expectedIds),
                "our chunks are " + Arrays.deepToString(ids)));
        float[] weights = new float[chunks.size() * ids[0].length];
        for (int i = 0; i < weights.length; i++) {
            weights[i] = (float) chunks.get(i / ids[0].length).weights()[i % ids[0].length];
        }
        check.report(CaseResult.exact(
                name(),
                file,
                "multipliers",
                Arrays.equals(weights, values.floats("multipliers")),
                "our weights are " + Arrays.toString(weights)));
    }

    /** Entries need not name their checkpoint: the set's are made with the first one. */
    private static Path checkpoint(Check check, String file, JsonNode entry) {
        Path named = check.set().checkpoint(file, entry);
        return Files.isDirectory(named) ? named : named.resolveSibling("sd1");
    }
}
