package dev.darkroom.prompt;

import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.regex.Pattern;

/**
 * Prompts that guide a picture together: {@code a AND b:1.2}, each with the weight after its last colon (Liu et al. 2022, Compositional Visual Generation
 * with Composable Diffusion Models).
 *
 * @param parts    the prompts in their order; at least one
 * @param warnings what the user should know
 */
public record Composition(List<WeightedText> parts, List<String> warnings) {
    private static final String AND = "AND";
    private static final Pattern WEIGHT = Pattern.compile("[-+]?(?:[0-9]++\\.?|[0-9]*+\\.[0-9]++)");
    private static final Pattern NO_WEIGHT = Pattern.compile("[-+]?(?:nan|inf|infinity)");

    /** Reads a prompt. @throws PromptException when a weight is no finite number */
    public static Composition parse(String text) {
        List<String> texts = new ArrayList<>();
        int from = 0;
        int at = Characters.indexOfWord(text, AND, 0);
        while (at >= 0) {
            texts.add(text.substring(from, at));
            from = at + AND.length();
            at = Characters.indexOfWord(text, AND, from);
        }
        texts.add(text.substring(from));
        List<WeightedText> parts = new ArrayList<>();
        texts.forEach(part -> parts.add(part(part, texts.size() > 1)));
        List<String> warnings = new ArrayList<>();
        if (parts.size() == 1 && parts.get(0).weight() != 1) {
            warnings.add("the number after the last colon is the weight of the whole prompt, "
                    + parts.get(0).weight() + ", as in AUTOMATIC1111; put something after it if it is meant as text");
        }
        return new Composition(List.copyOf(parts), warnings);
    }

    private static WeightedText part(String text, boolean isComposed) {
        int end = Characters.trimEnd(text, 0, text.length());
        int colon = text.lastIndexOf(':', end);
        if (colon >= 0) {
            String number = text.substring(Characters.skipSpace(text, colon + 1, end), end);
            if (WEIGHT.matcher(number).matches()) {
                return new WeightedText(text.substring(0, Characters.trimEnd(text, 0, colon)), weight(text, number));
            }
            if (isComposed && NO_WEIGHT.matcher(number.toLowerCase(Locale.ROOT)).matches()) {
                weight(text, number.replaceAll("(?i)nan", "NaN").replaceAll("(?i)inf\\w*", "Infinity"));
            }
        }
        return new WeightedText(text.substring(0, end), 1);
    }

    private static double weight(String text, String number) {
        double weight = Double.parseDouble(number);
        if (!Float.isFinite((float) weight)) {
            throw new PromptException(
                    "the weight of \"" + Excerpt.of(text.strip()) + "\" is " + weight + "; it must be a finite number");
        }
        return weight;
    }
}
