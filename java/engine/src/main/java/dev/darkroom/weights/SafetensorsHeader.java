package dev.darkroom.weights;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonLocation;
import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.core.JsonToken;
import com.fasterxml.jackson.core.StreamReadConstraints;
import com.fasterxml.jackson.core.StreamReadFeature;
import java.io.IOException;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** Parses and checks the JSON header of a safetensors file: every byte of the data belongs to exactly one tensor. */
final class SafetensorsHeader {
    /** Real headers nest to depth 3; more is skipped or refused, so that no header can exhaust the stack. */
    private static final int MAX_DEPTH = 16;

    /** No tensor of any network has more dimensions. */
    private static final int MAX_RANK = 16;

    private static final JsonFactory JSON = JsonFactory.builder()
            .enable(StreamReadFeature.STRICT_DUPLICATE_DETECTION)
            .streamReadConstraints(
                    StreamReadConstraints.builder().maxNestingDepth(MAX_DEPTH).build())
            .build();

    /** A tensor as the header declares it: bytes {@code begin} to {@code end} of the data section. */
    record Entry(String name, StoredType type, List<Long> shape, long begin, long end) {}

    private final String file;
    private final Map<String, Entry> entries = new LinkedHashMap<>();
    private final Map<String, String> metadata = new LinkedHashMap<>();

    private SafetensorsHeader(String file) {
        this.file = file;
    }

    /**
     * Parses {@code json}, the header of {@code file}, whose data section has {@code dataBytes} bytes.
     *
     * @throws WeightsException when the header breaks any rule of the format
     */
    static SafetensorsHeader parse(String file, String json, long dataBytes) {
        SafetensorsHeader header = new SafetensorsHeader(file);
        try (JsonParser parser = JSON.createParser(json)) {
            header.readAll(parser);
        } catch (JsonProcessingException e) {
            // Without the remarks that Jackson makes to programmers.
            String fault = e.getOriginalMessage().replaceAll("( \\(start marker|: enable `).*", "");
            JsonLocation at = e.getLocation();
            String place = at == null ? "" : " at character " + at.getCharOffset();
            throw header.malformed("the header is not valid JSON" + place + " (" + fault + ")");
        } catch (IOException e) {
            throw new WeightsException(file + ": the header cannot be read: " + e.getMessage(), e);
        }
        header.requireExactCover(dataBytes);
        return header;
    }

    Map<String, Entry> entries() {
        return entries;
    }

    Map<String, String> metadata() {
        return metadata;
    }

    private void readAll(JsonParser parser) throws IOException {
        require(parser.nextToken() == JsonToken.START_OBJECT, "the header is not a JSON object");
        while (parser.nextToken() == JsonToken.FIELD_NAME) {
            String name = parser.currentName();
            require(parser.nextToken() == JsonToken.START_OBJECT, "\"" + name + "\" is not a JSON object");
            if (name.equals("__metadata__")) {
                readMetadata(parser);
            } else {
                entries.put(name, readEntry(parser, name));
            }
        }
        require(parser.nextToken() == null, "something follows the JSON object of the header");
    }

    private void readMetadata(JsonParser parser) throws IOException {
        while (parser.nextToken() == JsonToken.FIELD_NAME) {
            String key = parser.currentName();
            require(
                    parser.nextToken() == JsonToken.VALUE_STRING,
                    "__metadata__ holds \"" + key + "\", which is not a string");
            metadata.put(key, parser.getText());
        }
    }

    private Entry readEntry(JsonParser parser, String name) throws IOException {
        String type = null;
        List<Long> shape = null;
        List<Long> offsets = null;
        while (parser.nextToken() == JsonToken.FIELD_NAME) {
            String field = parser.currentName();
            JsonToken value = parser.nextToken();
            switch (field) {
                case "dtype" -> {
                    require(value == JsonToken.VALUE_STRING, tensor(name) + " has a dtype that is not a string");
                    type = parser.getText();
                }
                case "shape" -> shape = readSizes(parser, name, "shape");
                case "data_offsets" -> offsets = readSizes(parser, name, "data_offsets");
                default -> parser.skipChildren();
            }
        }
        if (type == null || shape == null || offsets == null) {
            throw malformed(
                    tensor(name) + " lacks its " + (type == null ? "dtype" : shape == null ? "shape" : "data_offsets"));
        }
        require(offsets.size() == 2, tensor(name) + " has " + offsets.size() + " data_offsets instead of 2");
        Entry entry = new Entry(name, storedType(name, type), shape, offsets.get(0), offsets.get(1));
        requireSize(entry);
        return entry;
    }

    private List<Long> readSizes(JsonParser parser, String name, String field) throws IOException {
        require(parser.currentToken() == JsonToken.START_ARRAY, tensor(name) + " has a " + field + " that is no list");
        List<Long> sizes = new ArrayList<>();
        while (parser.nextToken() != JsonToken.END_ARRAY) {
            require(
                    parser.currentToken() == JsonToken.VALUE_NUMBER_INT,
                    tensor(name) + " has a " + field + " that is not made of whole numbers");
            require(
                    sizes.size() < MAX_RANK,
                    tensor(name) + " has a " + field + " of more than " + MAX_RANK + " numbers");
            long size = parser.getLongValue();
            require(size >= 0, tensor(name) + " has a negative number in its " + field);
            sizes.add(size);
        }
        return List.copyOf(sizes);
    }

    private StoredType storedType(String name, String type) {
        try {
            return StoredType.valueOf(type);
        } catch (IllegalArgumentException e) {
            throw malformed(tensor(name) + " has the unknown dtype \"" + type + "\"");
        }
    }

    private void requireSize(Entry entry) {
        long bits = entry.type().bits();
        try {
            for (long size : entry.shape()) {
                bits = Math.multiplyExact(bits, size);
            }
        } catch (ArithmeticException e) {
            throw malformed(tensor(entry.name()) + " has the shape " + entry.shape() + ", which overflows");
        }
        require(bits % 8 == 0, tensor(entry.name()) + " does not end at a byte");
        require(
                entry.begin() <= entry.end() && entry.end() - entry.begin() == bits / 8,
                tensor(entry.name()) + " of type " + entry.type() + " and shape " + entry.shape()
                        + " takes " + bits / 8 + " bytes, but its data_offsets are " + entry.begin() + " to "
                        + entry.end());
    }

    private void requireExactCover(long dataBytes) {
        List<Entry> inOrder = new ArrayList<>(entries.values());
        inOrder.sort(Comparator.comparingLong(Entry::begin).thenComparingLong(Entry::end));
        long covered = 0;
        for (Entry entry : inOrder) {
            require(
                    entry.begin() == covered,
                    tensor(entry.name()) + " begins at character " + entry.begin()
                            + " of the data, where the one before ends at " + covered
                            + (entry.begin() < covered ? ": they overlap" : ": there is a hole"));
            covered = entry.end();
        }
        require(
                covered == dataBytes,
                "the tensors take " + covered + " bytes of data, the file holds " + dataBytes
                        + (covered > dataBytes ? ": it is cut off" : ": something follows the last tensor"));
    }

    private static String tensor(String name) {
        return "tensor \"" + name + "\"";
    }

    private void require(boolean condition, String fault) {
        if (!condition) {
            throw malformed(fault);
        }
    }

    private WeightsException malformed(String fault) {
        return SafetensorsFile.malformed(file, fault);
    }
}
