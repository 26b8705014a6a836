package dev.darkroom.bench.kernels;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.darkroom.prebuild.ModelRehearsal;
import dev.darkroom.prebuild.ModelRehearsal.Part;
import dev.darkroom.prebuild.PublishedModels;
import dev.darkroom.prebuild.PublishedModels.Model;
import dev.darkroom.tensor.DType;
import dev.darkroom.weights.ModelFamily;
import dev.darkroom.weights.PublishedConfigs;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collection;
import java.util.EnumMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.TreeMap;

/** Every distinct operation of the published networks, found by running them without values, with how often each forward pass calls it. */
final class ShapeList {
    private static final ObjectMapper MAPPER = new ObjectMapper();

    private final DType dtype;
    private final Map<String, Row> rows = new LinkedHashMap<>();

    /**
     * An operation with its shapes.
     *
     * @param uses how often forward passes call it, by model, part and batch: {@code sd15 unet b2}
     */
    record Row(OpCall call, Map<String, Integer> uses) {
        /** Puts it into a JSON object. */
        ObjectNode writeTo(ObjectNode node) {
            call.writeTo(node);
            uses.forEach(node.withObject("/uses")::put);
            return node;
        }

        /** How often all forward passes together call it. */
        int calls() {
            return uses.values().stream().mapToInt(each -> each).sum();
        }

        /** How often a forward pass calls it. */
        int uses(String pass) {
            return uses.getOrDefault(pass, 0);
        }
    }

    /** A list of what runs in a type. */
    ShapeList(DType dtype) {
        this.dtype = dtype;
    }

    /** The models by the names that command lines give them. */
    enum Known {
        SD15(ModelFamily.SD1),
        SD21(ModelFamily.SD2),
        SDXL(ModelFamily.SDXL);

        private final ModelFamily family;

        Known(ModelFamily family) {
            this.family = family;
        }

        static Known parse(String name) {
            return Arrays.stream(values())
                    .filter(known -> known.toString().equals(name))
                    .findFirst()
                    .orElseThrow(() -> new IllegalArgumentException(
                            "there is no model \"" + name + "\"; known are sd15, sd21, sdxl"));
        }

        @Override
        public String toString() {
            return name().toLowerCase(Locale.ROOT);
        }
    }

    /** Adds what a published model calls, over {@code batch} rows of its U-Net and text encoders, and as many pictures of its VAE. */
    void add(Known known, int batch) {
        add(known.toString(), PublishedModels.published(known.family), batch);
    }

    /** Adds what a very small model of Stable Diffusion 1.5's kind calls. */
    void addSmall() {
        add(
                "small",
                new Model(
                        "a small model",
                        ModelFamily.SD1,
                        8,
                        PublishedConfigs.components(ModelFamily.SD1),
                        ShapeList::smallConfig),
                1);
    }

    private void add(String name, Model model, int batch) {
        String[] pass = {""};
        try (CallRecorder device = new CallRecorder(dtype, call -> count(call, pass[0]))) {
            ModelRehearsal rehearsal = new ModelRehearsal(
                    device,
                    model,
                    dtype,
                    part -> pass[0] = part == Part.OTHER ? "" : name + " " + spelled(part) + " b" + batch);
            rehearsal.forward(batch);
        }
    }

    /** A part as the uses of a row give it. */
    private static String spelled(Part part) {
        return part.name().toLowerCase(Locale.ROOT).replace('_', '-');
    }

    private void count(OpCall call, String pass) {
        if (!pass.isEmpty()) {
            rows.computeIfAbsent(call.id(), id -> new Row(call, new TreeMap<>()))
                    .uses
                    .merge(pass, 1, Integer::sum);
        }
    }

    /** The rows, in the order in which they were first called. */
    Collection<Row> rows() {
        return rows.values();
    }

    /** For each operation its row of the fewest operations. */
    List<Row> smallest() {
        Map<String, Row> least = new LinkedHashMap<>();
        rows.values()
                .forEach(row ->
                        least.merge(row.call.operation(), row, (a, b) -> b.call.flops() < a.call.flops() ? b : a));
        return new ArrayList<>(least.values());
    }

    /** For each kind of operation its row that is called most often. */
    List<Row> typical() {
        Map<OpCall.Kind, Row> most = new EnumMap<>(OpCall.Kind.class);
        rows.values().forEach(row -> most.merge(row.call.kind(), row, (a, b) -> b.calls() > a.calls() ? b : a));
        most.remove(OpCall.Kind.OTHER);
        return new ArrayList<>(most.values());
    }

    private static JsonNode smallConfig(String component) {
        ObjectNode config = PublishedConfigs.of(ModelFamily.SD1, component);
        switch (component) {
            case "unet" -> set(config, """
                    {"block_out_channels": [32, 64], "cross_attention_dim": 32, "attention_head_dim": 4, "sample_size": 8,
                     "down_block_types": ["CrossAttnDownBlock2D", "DownBlock2D"],
                     "up_block_types": ["UpBlock2D", "CrossAttnUpBlock2D"]}""");
            case "vae" -> set(config, """
                    {"block_out_channels": [32, 64], "down_block_types": ["DownEncoderBlock2D", "DownEncoderBlock2D"],
                     "up_block_types": ["UpDecoderBlock2D", "UpDecoderBlock2D"]}""");
            case "text_encoder" -> set(config, """
                    {"hidden_size": 32, "intermediate_size": 64, "num_attention_heads": 2, "num_hidden_layers": 1,
                     "vocab_size": 64}""");
            default -> {}
        }
        return config;
    }

    private static void set(ObjectNode config, String changes) {
        try {
            config.setAll((ObjectNode) MAPPER.readTree(changes));
        } catch (com.fasterxml.jackson.core.JsonProcessingException e) {
            throw new IllegalStateException("the small model's config cannot be read", e);
        }
    }
}
