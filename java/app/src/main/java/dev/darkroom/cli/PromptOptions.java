package dev.darkroom.cli;

import dev.darkroom.prompt.Emphasis;
import dev.darkroom.prompt.PromptRules;
import dev.darkroom.prompt.PromptSyntax;
import java.nio.file.Path;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Option;

/** How prompts are read. */
final class PromptOptions {
    @Option(
            names = "--prompt-syntax",
            defaultValue = "a1111",
            description =
                    "a1111: weights, schedules, AND, BREAK, wildcards; plain: text and nothing else, cut off at 75"
                            + " tokens. Default: ${DEFAULT-VALUE}.")
    private PromptSyntax syntax = PromptSyntax.A1111;

    @Option(
            names = "--emphasis",
            defaultValue = "original",
            description = "How weights act: original, no-norm or comfy. Default: ${DEFAULT-VALUE}.")
    private String emphasis = "original";

    @Option(
            names = "--wildcards",
            paramLabel = "DIR",
            description = "Folder of the text files that a prompt names as __name__.")
    private @Nullable Path wildcards;

    PromptRules rules() {
        return new PromptRules(syntax, Emphasis.parse(emphasis));
    }

    @Nullable
    Path wildcards() {
        return wildcards;
    }
}
