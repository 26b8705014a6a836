package dev.darkroom.pipeline;

import dev.darkroom.prompt.Attention;
import dev.darkroom.prompt.ChunkedPrompt;
import dev.darkroom.prompt.PromptException;
import dev.darkroom.prompt.PromptRules;
import java.util.ArrayList;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Set;

/**
 * What is to be said of a job's prompts: how many tokens they take, and what the user may not have meant.
 *
 * @param tokens   of prompt and negative prompt
 * @param warnings each once
 */
record PromptReport(List<TokenCount> tokens, List<String> warnings) {
    /** Reads the prompts. @throws InvalidRequestException when they cannot be read */
    static PromptReport of(TextConditioner text, Job job) {
        try {
            Set<String> warnings = new LinkedHashSet<>();
            job.prompts().first().stream()
                    .distinct()
                    .forEach(prompt -> warnings.addAll(
                            job.prompts().rules().composition(prompt).warnings()));
            List<TokenCount> tokens = new ArrayList<>();
            List<PromptProgram.StepTexts> steps = PromptProgram.of(job, true).variants();
            tokens.add(count(
                    "prompt",
                    text,
                    steps.stream()
                            .flatMap(step -> step.parts().stream())
                            .distinct()
                            .toList(),
                    warnings));
            List<Texts> negative = steps.stream()
                    .flatMap(step -> step.negative().stream())
                    .distinct()
                    .toList();
            if (!negative.isEmpty()) {
                tokens.add(count("negative prompt", text, negative, warnings));
            }
            return new PromptReport(tokens, List.copyOf(warnings));
        } catch (PromptException e) {
            throw new InvalidRequestException(String.valueOf(e.getMessage()));
        }
    }

    private static TokenCount count(String field, TextConditioner text, List<Texts> all, Set<String> warnings) {
        int tokens = 0;
        int chunks = 1;
        int room = 0;
        for (Texts texts : all) {
            texts.first().stream().distinct().forEach(each -> warnOfBrackets(field, texts.rules(), each, warnings));
            for (ChunkedPrompt prompt : text.chunks(texts).toList()) {
                tokens = Math.max(tokens, prompt.tokens());
                chunks = Math.max(chunks, prompt.chunks().size());
                room = prompt.chunks().get(0).room();
                if (!prompt.cutOff().isEmpty()) {
                    warnings.add("the " + field + " has " + prompt.tokens() + " tokens, and the model takes " + room
                            + "; left out: \"" + prompt.cutOff() + "\"");
                }
            }
        }
        return new TokenCount(field, tokens, chunks * room, chunks);
    }

    private static void warnOfBrackets(String field, PromptRules rules, String text, Set<String> warnings) {
        Attention attention = rules.attention(text);
        if (attention.unclosed() > 0) {
            warnings.add("the " + field + " has brackets that are not closed (" + attention.unclosed()
                    + "); they act to its end, as in AUTOMATIC1111; write \\( or \\[ for a bracket of the text");
        }
        if (attention.stray() > 0) {
            warnings.add("the " + field + " has closing brackets that nothing opened (" + attention.stray()
                    + "); they are text, as in AUTOMATIC1111");
        }
    }
}
