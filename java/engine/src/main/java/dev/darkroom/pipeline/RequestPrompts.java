package dev.darkroom.pipeline;

import dev.darkroom.prompt.ExtraNetworks;
import dev.darkroom.prompt.PromptException;
import dev.darkroom.prompt.PromptSyntax;
import dev.darkroom.prompt.Wildcards;
import java.util.ArrayList;
import java.util.List;
import java.util.function.BinaryOperator;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/** Settles what a request's prompts leave open before anything is computed: wildcards are replaced, and what cannot be served is refused. */
final class RequestPrompts {
    /** More than any prompt that was meant, and little enough that reading it takes no time. */
    static final int MAX_LENGTH = 100_000;

    private RequestPrompts() {}

    /**
     * The texts of a picture, in which no choice is left open.
     *
     * @param negativePrompt  null for none
     * @param prompt2         for SDXL's second encoder; null for none of its own
     * @param negativePrompt2 for SDXL's second encoder; null for none of its own
     */
    record Settled(
            String prompt,
            @Nullable String negativePrompt,
            @Nullable String prompt2,
            @Nullable String negativePrompt2) {}

    /**
     * The requests to carry out one after the other in place of {@code request}: itself, or, where wildcards give pictures different prompts, one for each
     * run of pictures with the same. Together they make the same pictures.
     *
     * @throws InvalidRequestException when a wildcard is unknown, a prompt is too long, or it names a LoRA
     */
    static List<Request> resolve(Request request) {
        boolean isPlain = request.promptRules().syntax() == PromptSyntax.PLAIN;
        Wildcards wildcards = new Wildcards(request.wildcards().orElse(null));
        List<Settled> texts = new ArrayList<>();
        List<Request> resolved = new ArrayList<>();
        for (int i = 0; i < (!isPlain && mayDiffer(request) ? request.count() : 1); i++) {
            Wildcards.Choices choices = new Wildcards.Choices(request.seed() + i);
            texts.add(settled(
                    request,
                    (field, text) -> isPlain ? measured(field, text) : settled(field, text, wildcards, choices)));
        }
        for (int first = 0; first < texts.size(); ) {
            int next = first + 1;
            while (next < texts.size() && texts.get(next).equals(texts.get(first))) {
                next++;
            }
            int count = texts.size() == 1 ? request.count() : next - first;
            resolved.add(request.part(texts.get(first), request.seed() + first, count));
            first = next;
        }
        return resolved;
    }

    private static boolean mayDiffer(Request request) {
        return Stream.of(
                        request.prompt(),
                        request.negativePrompt(),
                        request.sdxl().prompt2(),
                        request.sdxl().negativePrompt2())
                .anyMatch(text -> text != null && text.contains(Wildcards.MARK));
    }

    private static Settled settled(Request request, BinaryOperator<String> settle) {
        String second = request.sdxl().prompt2();
        String negativeSecond = request.sdxl().negativePrompt2();
        return new Settled(
                settle.apply("prompt", request.prompt()),
                request.hasNegativePrompt() ? settle.apply("negative prompt", request.negativePrompt()) : null,
                second == null ? null : settle.apply("second prompt", second),
                negativeSecond == null ? null : settle.apply("second negative prompt", negativeSecond));
    }

    private static String settled(String field, String text, Wildcards wildcards, Wildcards.Choices choices) {
        try {
            String settled = measured(field, wildcards.expand(measured(field, text), choices));
            ExtraNetworks.parse(settled).networks().stream().findFirst().ifPresent(named -> {
                throw new InvalidRequestException(refusal(field, named));
            });
            return settled;
        } catch (PromptException e) {
            throw new InvalidRequestException(String.valueOf(e.getMessage()));
        }
    }

    private static String refusal(String field, ExtraNetworks.Named named) {
        return named.kind().equals("lora")
                ? "the " + field + " names the LoRA \"" + named.arguments().get(0) + "\" (" + named
                        + "), and LoRAs cannot be applied yet; use a checkpoint that it is merged into, or take it out"
                : "the " + field + " names " + named + ", a network of the unknown kind \"" + named.kind()
                        + "\"; take it out, or put a space after < where it is meant as text";
    }

    private static String measured(String field, String text) {
        if (text.length() > MAX_LENGTH) {
            throw new InvalidRequestException(
                    "the " + field + " has " + text.length() + " characters; must be at most " + MAX_LENGTH);
        }
        return text;
    }
}
