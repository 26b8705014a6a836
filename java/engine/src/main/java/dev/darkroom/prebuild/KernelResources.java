package dev.darkroom.prebuild;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.darkroom.cuda.KernelVariant;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * What the functions of all kernel variants take of a multiprocessor, by architecture, as ptxas tells it: the file bench/records/resources.json.
 *
 * @param compiler that told it, such as NVRTC 12.9
 * @param entries  by file and compile-time choices
 */
public record KernelResources(String compiler, Map<String, Entry> entries) {
    private static final ObjectMapper MAPPER = new ObjectMapper();
    private static final List<String> COLUMNS =
            List.of("registers", "static shared bytes", "spill store bytes", "spill load bytes");
    private static final Pattern FUNCTION = Pattern.compile("Compiling entry function '([^']+)'");
    private static final Pattern SPILLS = Pattern.compile("(\\d+) bytes spill stores, (\\d+) bytes spill loads");
    private static final Pattern USED = Pattern.compile("Used (\\d+) registers(?:.*?(\\d+) bytes smem)?");

    /**
     * A variant.
     *
     * @param sourceKey of what it was compiled from
     * @param functions by name and architecture
     */
    public record Entry(KernelVariant variant, String sourceKey, Map<String, Map<String, Usage>> functions) {}

    /** What a thread and a block of a function take; spills are bytes of a thread's registers that are kept in memory. */
    public record Usage(int registers, int sharedBytes, int spillStores, int spillLoads) {
        public boolean spills() {
            return spillStores + spillLoads > 0;
        }
    }

    /** Nothing yet. */
    static KernelResources empty(String compiler) {
        return new KernelResources(compiler, new TreeMap<>());
    }

    /** Takes over what ptxas told of a variant's functions. */
    void add(KernelVariant variant, String sourceKey, String architecture, Map<String, Usage> usages) {
        Entry entry =
                entries.computeIfAbsent(variant.toString(), name -> new Entry(variant, sourceKey, new TreeMap<>()));
        usages.forEach((function, usage) -> entry.functions
                .computeIfAbsent(function, name -> new TreeMap<>())
                .put(architecture, usage));
    }

    /** What is known of a variant's functions on an architecture; empty where nothing is, or of another source. */
    public Map<String, Usage> usages(KernelVariant variant, String sourceKey, String architecture) {
        Map<String, Usage> usages = new TreeMap<>();
        Entry entry = entries.get(variant.toString());
        if (entry != null && entry.sourceKey.equals(sourceKey)) {
            entry.functions.forEach((function, byArchitecture) -> {
                if (byArchitecture.containsKey(architecture)) {
                    usages.put(function, byArchitecture.get(architecture));
                }
            });
        }
        return usages;
    }

    /** Each function that spills more than in {@code before}, in words. */
    List<String> newSpills(KernelResources before) {
        List<String> found = new ArrayList<>();
        entries.forEach((name, entry) ->
                entry.functions.forEach((function, byArchitecture) -> byArchitecture.forEach((architecture, usage) -> {
                    Entry old = before.entries.get(name);
                    Usage then = old == null
                            ? null
                            : old.functions.getOrDefault(function, Map.of()).get(architecture);
                    int allowed = then == null ? 0 : then.spillStores + then.spillLoads;
                    if (usage.spillStores + usage.spillLoads > allowed) {
                        found.add(function + " of " + name + " on " + architecture + ": " + usage.spillStores
                                + " bytes stored, " + usage.spillLoads + " bytes loaded");
                    }
                })));
        return found;
    }

    /** Reads ptxas' report ({@code -v}) of one compilation: usages by function. */
    static Map<String, Usage> parse(String report) {
        Map<String, Usage> usages = new TreeMap<>();
        String function = "";
        int[] spills = new int[2];
        for (String line : report.split("\n")) {
            Matcher matcher = FUNCTION.matcher(line);
            if (matcher.find()) {
                function = matcher.group(1);
            }
            matcher = SPILLS.matcher(line);
            if (matcher.find()) {
                spills = new int[] {Integer.parseInt(matcher.group(1)), Integer.parseInt(matcher.group(2))};
            }
            matcher = USED.matcher(line);
            if (matcher.find()) {
                int shared = matcher.group(2) == null ? 0 : Integer.parseInt(matcher.group(2));
                usages.put(function, new Usage(Integer.parseInt(matcher.group(1)), shared, spills[0], spills[1]));
            }
        }
        if (usages.isEmpty() || usages.containsKey("")) {
            throw new IllegalArgumentException("this is no report of ptxas:\n" + report);
        }
        return usages;
    }

    /** Reads a record. */
    public static KernelResources read(Path file) throws IOException {
        JsonNode root = MAPPER.readTree(file.toFile());
        KernelResources resources = empty(root.path("compiler").asText());
        for (JsonNode node : root.path("kernels")) {
            String defines = node.path("defines").asText();
            KernelVariant variant = new KernelVariant(
                    node.path("file").asText(), defines.isEmpty() ? List.of() : List.of(defines.split(" ")));
            node.path("functions").properties().forEach(function -> function.getValue()
                    .properties()
                    .forEach(each -> resources.add(
                            variant,
                            node.path("source").asText(),
                            each.getKey(),
                            Map.of(function.getKey(), usage(each.getValue())))));
        }
        return resources;
    }

    private static Usage usage(JsonNode numbers) {
        return new Usage(
                numbers.get(0).asInt(),
                numbers.get(1).asInt(),
                numbers.get(2).asInt(),
                numbers.get(3).asInt());
    }

    /** Writes the record, a variant a line. */
    void write(Path file) throws IOException {
        StringBuilder text = new StringBuilder(
                "{\n  \"what\": \"resources of every kernel by architecture; see bench/README.md\",\n");
        text.append("  \"compiler\": ").append(json(compiler)).append(",\n");
        text.append("  \"columns\": ").append(json(COLUMNS)).append(",\n  \"kernels\": [");
        String separator = "\n";
        for (Entry entry : entries.values()) {
            ObjectNode node = MAPPER.createObjectNode();
            node.put("file", entry.variant.file());
            node.put("defines", String.join(" ", entry.variant.defines()));
            node.put("source", entry.sourceKey);
            ObjectNode functions = node.putObject("functions");
            entry.functions.forEach((function, byArchitecture) -> {
                ObjectNode numbers = functions.putObject(function);
                byArchitecture.forEach((architecture, usage) -> {
                    ArrayNode row = numbers.putArray(architecture);
                    row.add(usage.registers)
                            .add(usage.sharedBytes)
                            .add(usage.spillStores)
                            .add(usage.spillLoads);
                });
            });
            text.append(separator).append("    ").append(json(node));
            separator = ",\n";
        }
        Files.createDirectories(file.toAbsolutePath().getParent());
        Files.writeString(file, text.append("\n  ]\n}\n"));
    }

    private static String json(Object value) throws JsonProcessingException {
        return MAPPER.writeValueAsString(value);
    }
}
