package dev.darkroom.tokenizer;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStream;
import java.io.InputStreamReader;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.zip.GZIPInputStream;

/** Symbols with their ids, and the pairs of them that are merged, in the order of their merging. */
final class Vocabulary {
    private static final ObjectMapper JSON = new ObjectMapper();

    /** Printable characters that stand for bytes: themselves where a byte is a printable character, else from 256 on. */
    private static final char[] BYTE_SYMBOLS = byteSymbols();

    private final Map<String, Integer> ids;
    private final String[] symbols;
    private final Map<Long, Long> merges = new HashMap<>();

    private Vocabulary(String source, Map<String, Integer> ids, List<String> mergeLines) {
        this.ids = ids;
        this.symbols = new String[ids.values().stream().mapToInt(id -> id).max().orElse(-1) + 1];
        ids.forEach((symbol, id) -> symbols[id] = symbol);
        for (int rank = 0; rank < mergeLines.size(); rank++) {
            String line = mergeLines.get(rank);
            int space = line.indexOf(' ');
            if (space < 1 || space == line.length() - 1 || line.indexOf(' ', space + 1) >= 0) {
                throw new IllegalArgumentException(source + ": merge " + (rank + 1) + " is \"" + line
                        + "\", must be two symbols with a space between");
            }
            String left = line.substring(0, space);
            String right = line.substring(space + 1);
            merges.putIfAbsent(pair(id(source, left), id(source, right)), (long) rank << 32 | id(source, left + right));
        }
    }

    /** The vocabulary of OpenAI's CLIP: 49408 symbols. */
    static Vocabulary clip() {
        try (InputStream packed = Vocabulary.class.getResourceAsStream("clip_merges.txt.gz");
                BufferedReader reader = new BufferedReader(
                        new InputStreamReader(new GZIPInputStream(packed, 1 << 16), StandardCharsets.UTF_8))) {
            List<String> lines = reader.lines().toList();
            return new Vocabulary("the built-in CLIP vocabulary", clipIds(lines), lines);
        } catch (IOException e) {
            throw new UncheckedIOException("the built-in CLIP vocabulary cannot be read", e);
        }
    }

    /** vocab.json and merges.txt of a tokenizer's folder, or its tokenizer.json; where it has neither, CLIP's own. */
    static Vocabulary open(Path folder) {
        Path vocab = folder.resolve("vocab.json");
        Path merges = folder.resolve("merges.txt");
        if (Files.isRegularFile(vocab) && Files.isRegularFile(merges)) {
            return new Vocabulary(merges.toString(), ids(vocab, json(vocab)), mergeLines(merges));
        }
        Path whole = folder.resolve("tokenizer.json");
        if (!Files.isRegularFile(whole)) {
            return clip();
        }
        JsonNode model = json(whole).path("model");
        List<String> lines = new ArrayList<>();
        for (JsonNode merge : model.path("merges")) {
            lines.add(
                    merge.isArray()
                            ? merge.path(0).asText() + " " + merge.path(1).asText()
                            : merge.asText());
        }
        return new Vocabulary(whole.toString(), ids(whole, model.path("vocab")), lines);
    }

    int size() {
        return symbols.length;
    }

    /** Whether there is a symbol {@code symbol}. */
    boolean has(String symbol) {
        return ids.containsKey(symbol);
    }

    int id(String source, String symbol) {
        Integer id = ids.get(symbol);
        if (id == null) {
            throw new IllegalArgumentException(source + ": the symbol \"" + symbol + "\" is not in the vocabulary");
        }
        return id;
    }

    /** The symbol of an id; empty where there is none. */
    String symbol(int id) {
        return id >= 0 && id < symbols.length && symbols[id] != null ? symbols[id] : "";
    }

    /** The merge of two neighbours as rank · 2^32 + id of what they become; -1 where they are not merged. */
    long merge(int left, int right) {
        return merges.getOrDefault(pair(left, right), -1L);
    }

    /** The character that stands for a byte. */
    static char byteSymbol(int unsignedByte) {
        return BYTE_SYMBOLS[unsignedByte];
    }

    static JsonNode json(Path path) {
        try {
            return JSON.readTree(path.toFile());
        } catch (IOException e) {
            throw new IllegalArgumentException(path + " cannot be read as JSON: " + e.getMessage(), e);
        }
    }

    private static long pair(int left, int right) {
        return (long) left << 32 | right;
    }

    private static Map<String, Integer> ids(Path path, JsonNode vocabulary) {
        if (!vocabulary.isObject() || vocabulary.isEmpty()) {
            throw new IllegalArgumentException(
                    path + ": the vocabulary must be a JSON object of symbols and their ids");
        }
        int limit = 4 * vocabulary.size() + (1 << 16); // ids leave few gaps; a huge one would only cost memory
        Map<String, Integer> ids = new HashMap<>(2 * vocabulary.size());
        for (Map.Entry<String, JsonNode> entry : vocabulary.properties()) {
            if (!entry.getValue().isInt()
                    || entry.getValue().intValue() < 0
                    || entry.getValue().intValue() > limit) {
                throw new IllegalArgumentException(path + ": the id of \"" + entry.getKey() + "\" is "
                        + entry.getValue() + ", must be 0 to " + limit);
            }
            ids.put(entry.getKey(), entry.getValue().intValue());
        }
        return ids;
    }

    private static List<String> mergeLines(Path path) {
        try {
            List<String> lines = Files.readAllLines(path, StandardCharsets.UTF_8);
            return lines.stream()
                    .skip(!lines.isEmpty() && lines.get(0).startsWith("#version") ? 1 : 0)
                    .filter(line -> !line.isBlank())
                    .toList();
        } catch (IOException e) {
            throw new IllegalArgumentException(path + " cannot be read as UTF-8 text: " + e.getMessage(), e);
        }
    }

    /** The symbols of the bytes, the same at the end of a word, one for each merge, start and end. */
    private static Map<String, Integer> clipIds(List<String> merges) {
        Map<String, Integer> ids = new HashMap<>(2 * merges.size());
        for (String end : List.of("", ClipTokenizer.END_OF_WORD)) {
            for (char symbol : bytesInOrder()) {
                ids.put(symbol + end, ids.size());
            }
        }
        for (String merge : merges) {
            ids.put(merge.replace(" ", ""), ids.size());
        }
        ids.put(ClipTokenizer.START, ids.size());
        ids.put(ClipTokenizer.END, ids.size());
        return ids;
    }

    private static boolean isPrintable(int unsignedByte) {
        return unsignedByte >= '!' && unsignedByte <= '~'
                || unsignedByte >= 0xA1 && unsignedByte <= 0xAC
                || unsignedByte >= 0xAE;
    }

    private static char[] byteSymbols() {
        char[] result = new char[256];
        char spare = 256;
        for (int b = 0; b < 256; b++) {
            result[b] = isPrintable(b) ? (char) b : spare++;
        }
        return result;
    }

    /** Printable bytes first, as CLIP numbers them. */
    private static char[] bytesInOrder() {
        StringBuilder order = new StringBuilder();
        for (int b = 0; b < 256; b++) {
            order.append(isPrintable(b) ? String.valueOf(byteSymbol(b)) : "");
        }
        for (int b = 0; b < 256; b++) {
            order.append(isPrintable(b) ? "" : String.valueOf(byteSymbol(b)));
        }
        return order.toString().toCharArray();
    }
}
