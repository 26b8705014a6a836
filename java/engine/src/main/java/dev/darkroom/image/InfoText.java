package dev.darkroom.image;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * How a picture was made, in the form that AUTOMATIC1111 keeps under the keyword {@code parameters}: the prompt, the negative prompt, and a line of
 * names and values.
 *
 * @param prompt         may have several lines
 * @param negativePrompt empty where there is none
 * @param values         values by name, in order: Steps, Sampler, CFG scale, Seed, Size …
 */
public record InfoText(String prompt, String negativePrompt, Map<String, String> values) {
    private static final ObjectMapper JSON = new ObjectMapper();
    private static final String NEGATIVE = "Negative prompt: ";
    private static final Pattern VALUE = Pattern.compile("\\s*([\\w /-]+):\\s*(\"(?:\\\\.|[^\\\\\"])*\"|[^,]*)(?:,|$)");
    private static final int FEWEST_VALUES = 3; // a last line with fewer is part of the prompt

    /** The text. */
    public String format() {
        StringBuilder text = new StringBuilder(prompt);
        if (!negativePrompt.isEmpty()) {
            text.append('\n').append(NEGATIVE).append(negativePrompt);
        }
        text.append('\n');
        values.forEach((name, value) -> text.append(text.charAt(text.length() - 1) == '\n' ? "" : ", ")
                .append(name)
                .append(": ")
                .append(quoted(value)));
        return text.toString();
    }

    /** The parts of a text; what is not of the form is taken as prompt. */
    public static InfoText parse(String text) {
        String[] lines = text.split("\n", -1);
        Map<String, String> values = values(lines[lines.length - 1]);
        int end = values.size() >= FEWEST_VALUES ? lines.length - 1 : lines.length;
        StringBuilder prompt = new StringBuilder();
        StringBuilder negative = new StringBuilder();
        StringBuilder current = prompt;
        for (int i = 0; i < end; i++) {
            String line = lines[i];
            if (current == prompt && line.startsWith(NEGATIVE)) {
                current = negative;
                line = line.substring(NEGATIVE.length());
            } else if (i > 0) {
                current.append('\n');
            }
            current.append(line);
        }
        return new InfoText(prompt.toString(), negative.toString(), values.size() >= FEWEST_VALUES ? values : Map.of());
    }

    private static Map<String, String> values(String line) {
        Map<String, String> values = new LinkedHashMap<>();
        Matcher matcher = VALUE.matcher(line);
        while (matcher.find()) {
            values.put(matcher.group(1).strip(), unquoted(matcher.group(2)));
        }
        return values;
    }

    /** As a JSON string where a comma, colon or line break would be mistaken. */
    private static String quoted(String value) {
        try {
            return value.matches("(?s).*[,:\n].*") ? JSON.writeValueAsString(value) : value;
        } catch (JsonProcessingException e) {
            throw new IllegalStateException("a text cannot be written as JSON: " + value, e);
        }
    }

    private static String unquoted(String value) {
        if (value.length() < 2 || !value.startsWith("\"") || !value.endsWith("\"")) {
            return value.strip();
        }
        try {
            return JSON.readValue(value, String.class);
        } catch (JsonProcessingException e) {
            return value; // not ours: as it stands
        }
    }
}
