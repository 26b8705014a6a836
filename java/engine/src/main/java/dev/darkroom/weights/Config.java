package dev.darkroom.weights;

import com.fasterxml.jackson.databind.JsonNode;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;

/** A config.json, read field by field; what is missing, of the wrong kind or not supported is named. */
public final class Config {
    private final String source;
    private final JsonNode node;

    /** @param source where the configuration stands, for messages */
    public Config(String source, JsonNode node) {
        this.source = source;
        this.node = node;
    }

    /** Whether {@code field} has a value other than null. */
    public boolean has(String field) {
        return node.hasNonNull(field);
    }

    /** A required whole number of at least 1. */
    public int size(String field) {
        if (!has(field)) {
            throw fail(field, "is missing");
        }
        return size(field, node.get(field));
    }

    /** A whole number of at least 1, or {@code absent} where the field is missing or null. */
    public int size(String field, int absent) {
        return has(field) ? size(field) : absent;
    }

    /** A whole number, or {@code absent}. */
    public int integer(String field, int absent) {
        if (!has(field)) {
            return absent;
        }
        if (!node.get(field).isInt()) {
            throw fail(field, "must be a whole number, is " + node.get(field));
        }
        return node.get(field).intValue();
    }

    /** A number, or {@code absent}. */
    public float number(String field, float absent) {
        if (!has(field)) {
            return absent;
        }
        if (!node.get(field).isNumber()) {
            throw fail(field, "must be a number, is " + node.get(field));
        }
        return node.get(field).floatValue();
    }

    /** A list of as many numbers as {@code absent} has, or {@code absent}. */
    public float[] numbers(String field, float... absent) {
        if (!has(field)) {
            return absent.clone();
        }
        float[] numbers = new float[absent.length];
        List<Float> values = new ArrayList<>();
        for (JsonNode element : list(field)) {
            if (!element.isNumber()) {
                throw fail(field, "must be a list of numbers, is " + node.get(field));
            }
            values.add(element.floatValue());
        }
        counted(field, values, absent.length);
        for (int i = 0; i < numbers.length; i++) {
            numbers[i] = values.get(i);
        }
        return numbers;
    }

    /** true or false, or {@code absent}. */
    public boolean flag(String field, boolean absent) {
        if (!has(field)) {
            return absent;
        }
        if (!node.get(field).isBoolean()) {
            throw fail(field, "must be true or false, is " + node.get(field));
        }
        return node.get(field).booleanValue();
    }

    /** A text, or {@code absent}. */
    public String text(String field, String absent) {
        return has(field) ? node.get(field).asText() : absent;
    }

    /** A required list of texts. */
    public List<String> texts(String field) {
        List<String> texts = new ArrayList<>();
        for (JsonNode element : list(field)) {
            texts.add(element.asText());
        }
        return texts;
    }

    /** A required list of whole numbers of at least 1. */
    public List<Integer> sizes(String field) {
        List<Integer> sizes = new ArrayList<>();
        for (JsonNode element : list(field)) {
            sizes.add(size(field, element));
        }
        return sizes;
    }

    /** A list of {@code count} whole numbers of at least 1; a single number stands for all of them. */
    public List<Integer> sizes(String field, int count, int absent) {
        if (!has(field)) {
            return Collections.nCopies(count, absent);
        }
        if (!node.get(field).isArray()) {
            return Collections.nCopies(count, size(field));
        }
        return counted(field, sizes(field), count);
    }

    /** A list of {@code count} lists: a number stands for a list of it, a single number for all. */
    public List<List<Integer>> nestedSizes(String field, int count, List<Integer> lengths, int absent) {
        List<List<Integer>> result = new ArrayList<>();
        JsonNode value = node.path(field);
        if (value.isArray() && value.size() != count) {
            throw fail(field, "must have " + count + " elements, has " + value.size());
        }
        for (int i = 0; i < count; i++) {
            JsonNode element = value.isArray() ? value.get(i) : value;
            if (element.isArray()) {
                List<Integer> inner = new ArrayList<>();
                element.forEach(each -> inner.add(size(field, each)));
                result.add(counted(field, inner, lengths.get(i)));
            } else {
                int size = has(field) ? size(field, element) : absent;
                result.add(Collections.nCopies(lengths.get(i), size));
            }
        }
        return result;
    }

    /** A list of {@code count} flags; a single one stands for all of them. */
    public List<Boolean> flags(String field, int count) {
        if (!has(field) || node.get(field).isBoolean()) {
            return Collections.nCopies(count, flag(field, false));
        }
        List<Boolean> flags = new ArrayList<>();
        list(field).forEach(element -> flags.add(element.asBoolean()));
        return counted(field, flags, count);
    }

    /** Fails unless {@code field} is absent, null or one of {@code supported}. */
    public void require(String field, Object... supported) {
        if (has(field) && Arrays.stream(supported).noneMatch(value -> matches(node.get(field), value))) {
            throw fail(
                    field,
                    "is " + node.get(field) + ", which is not supported; supported: " + Arrays.toString(supported));
        }
    }

    /** An error in {@code field} of this configuration. */
    public IllegalArgumentException fail(String field, String what) {
        return new IllegalArgumentException(source + ": " + field + " " + what);
    }

    private static boolean matches(JsonNode value, Object supported) {
        return supported instanceof Number number && value.isNumber()
                ? value.doubleValue() == number.doubleValue()
                : value.asText().equals(String.valueOf(supported));
    }

    private JsonNode list(String field) {
        if (!node.path(field).isArray() || node.path(field).isEmpty()) {
            throw fail(field, has(field) ? "must be a list, is " + node.get(field) : "is missing");
        }
        return node.get(field);
    }

    private <T> List<T> counted(String field, List<T> values, int count) {
        if (values.size() != count) {
            throw fail(field, "must have " + count + " elements, has " + values.size());
        }
        return values;
    }

    private int size(String field, JsonNode value) {
        if (!value.isInt() || value.intValue() < 1) {
            throw fail(field, "must be a whole number of at least 1, is " + value);
        }
        return value.intValue();
    }
}
