package dev.darkroom.pipeline;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.darkroom.prompt.Emphasis;
import dev.darkroom.prompt.PromptRules;
import dev.darkroom.prompt.PromptSyntax;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

@DisplayName("Pictures of prompts in AUTOMATIC1111's language")
class PromptedPicturesTest {
    private static Darkroom darkroom;

    @BeforeAll
    static void openTheDemoModel() {
        darkroom = Darkroom.open(System.getProperty("darkroom.root") + "/models/demo");
    }

    @AfterAll
    static void closeIt() {
        darkroom.close();
    }

    private static Request.Builder small(String prompt) {
        return Request.of(prompt).size(32, 32).steps(2).guidance(5).sampler("Euler");
    }

    @Test
    void weightsActAndEachEmphasisInItsWay() {
        var plain = darkroom.generate(small("a red circle").build()).picture();
        var weighted = darkroom.generate(small("a (red:1.8) circle").build()).picture();
        var noNorm = darkroom.generate(small("a (red:1.8) circle")
                        .promptRules(new PromptRules(PromptSyntax.A1111, Emphasis.NO_NORM))
                        .build())
                .picture();
        assertNotEquals(plain, weighted);
        assertNotEquals(weighted, noNorm);
        assertEquals(plain, darkroom.generate(small("a ([red]) circle").build()).picture());
    }

    @Test
    void tokensAreCountedAndBracketsThatDoNotMatchWarnedOf() {
        Result result = darkroom.generate(small("a red circle ".repeat(30) + "(zebra")
                .negativePrompt("blue]")
                .build());
        assertEquals(2, result.tokens().get(0).chunks());
        assertEquals(150, result.tokens().get(0).limit());
        assertEquals("negative prompt", result.tokens().get(1).field());
        assertEquals(75, result.tokens().get(1).limit());
        assertEquals(2, result.warnings().size(), result.warnings().toString());
        assertTrue(
                result.warnings().get(0).contains("not closed"),
                result.warnings().get(0));
        assertTrue(
                result.warnings().get(1).contains("the negative prompt has"),
                result.warnings().get(1));
    }

    @Test
    void wildcardsGiveEachPictureItsOwnPromptAndTheTextKeepsTheirNames(@TempDir Path folder) throws Exception {
        Files.writeString(folder.resolve("thing.txt"), "circle\nstar BREAK on white\nheart AND a tree:0.5\n");
        Request.Builder request = small("a red __thing__").wildcards(folder).seed(3);
        Result batch = darkroom.generate(request.count(5).build());
        assertEquals(List.of(3L, 4L, 5L, 6L, 7L), batch.seeds());
        assertEquals("a red __thing__", batch.info(4).prompt());
        assertTrue(batch.texts().get(4).getOrDefault("darkroom", "").contains("\"resolved_prompt\":\"a red "));
        Result alone = darkroom.generate(request.count(1).seed(6).build());
        assertEquals(alone.picture(), batch.pictures().get(3));
        assertTrue(batch.texts().stream()
                        .map(each -> each.get("darkroom"))
                        .distinct()
                        .count()
                > 1);
    }

    @Test
    void plainSyntaxTakesEveryCharacterAsText() {
        Request.Builder request = small("a (red:1.8) circle <lora:x:1> __y__ AND [a|b]");
        Result result = darkroom.generate(request.promptRules(PromptRules.PLAIN).build());
        assertEquals(List.of(), result.warnings());
        assertEquals(1, result.tokens().get(0).chunks());
    }

    static Stream<Arguments> badPrompts() {
        return Stream.of(
                Arguments.of(
                        "names the LoRA \"ink\" (<lora:ink:0.8>), and LoRAs cannot be applied yet",
                        "a <lora:ink:0.8> cat"),
                Arguments.of("a network of the unknown kind \"hypernet\"", "a <hypernet:ink:0.8> cat"),
                Arguments.of("no folder of wildcards is given", "a __thing__"),
                Arguments.of("the prompt has 1000000 characters; must be at most 100000", "a".repeat(1_000_000)),
                Arguments.of("the weight of \"b:nan\" is NaN; it must be a finite number", "a AND b:nan"),
                Arguments.of("the weight \"1.2.3\" at character 3 is no number", "(a:1.2.3)"),
                Arguments.of("brackets are open 256 deep", "(".repeat(300) + "a"));
    }

    @ParameterizedTest(name = "{0}")
    @MethodSource("badPrompts")
    void whatCannotBeReadIsRefusedBeforeAnythingIsComputed(String message, String prompt) {
        long allocations = darkroom.device().pool().statistics().allocations();
        InvalidRequestException refusal = assertThrows(
                InvalidRequestException.class,
                () -> darkroom.generate(small(prompt).build()));
        assertTrue(String.valueOf(refusal.getMessage()).contains(message), refusal.getMessage());
        assertThrows(
                InvalidRequestException.class,
                () -> darkroom.generate(small("a cat")
                        .negativePrompt(prompt.startsWith("a AND") ? "(a:1..2)" : prompt)
                        .build()));
        assertEquals(allocations, darkroom.device().pool().statistics().allocations());
    }
}
