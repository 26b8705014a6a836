package dev.darkroom.prompt;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTimeout;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.time.Duration;
import java.util.List;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

@DisplayName("correctness 9: weights in a prompt are read as AUTOMATIC1111 reads them")
class AttentionTest {
    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            value = {
                "a (b) c      | a *1.0 ; b*1.1 ;  c*1.0",
                "(b:1.3)      | b*1.3",
                "((b))        | b*1.2100000000000002",
                "[b]          | b*0.9090909090909091",
                "([b])        | b*1.0",
                "(a (b:2):3)  | a *3.0 ; b*6.0",
                "(b           | b*1.1",
                "b)           | b)*1.0",
                "\\(b\\)      | (b)*1.0",
                "a BREAK b    | a*1.0 ; BREAK*-1.0 ; b*1.0",
                "BREAK_UP     | BREAK_UP*1.0",
                "(b:\u0661.5) | b*1.5" // an Arabic digit, which Python takes as well
            })
    void ofEveryForm(String text, String expected) {
        List<String> pieces = Attention.parse(text).texts().stream()
                .map(each -> each.text() + "*" + each.weight())
                .toList();
        assertEquals(expected, String.join(" ; ", pieces).strip());
    }

    @Test
    void bracketsThatDoNotMatchAreCounted() {
        assertEquals(2, Attention.parse("((a").unclosed());
        assertEquals(2, Attention.parse("a) b]").stray());
        assertEquals(1, Attention.parse("a:1.2)").stray());
        assertEquals(0, Attention.parse("\\( (a) [b] \\]").unclosed());
        assertEquals(0, Attention.parse("\\( (a) [b] \\]").stray());
    }

    @Test
    void squareBracketsAreTextInComfyUi() {
        assertEquals(
                List.of(new WeightedText("a [b] ", 1), new WeightedText("c", 1.1)),
                Emphasis.COMFY.attention("a [b] (c)").texts());
    }

    @ParameterizedTest
    @ValueSource(strings = {"(a:1.2.3)", "(a:.)", "(((a:9e)) (b:..))"})
    void aWeightThatIsNoNumberIsRefused(String text) {
        String message =
                assertThrows(PromptException.class, () -> Attention.parse(text)).getMessage();
        assertTrue(String.valueOf(message).contains("is no number"), message);
    }

    @Test
    void weightsThatMultiplyToInfinityAreRefused() {
        String text = "((a:99999999999999999999):99999999999999999999)";
        String message =
                assertThrows(PromptException.class, () -> Attention.parse(text)).getMessage();
        assertTrue(String.valueOf(message).contains("must be finite"), message);
    }

    @Test
    void aMillionCharactersTakeNoTime() {
        for (String part : List.of("a", "(a) ", " ", ":", "BREAK ", "\\", "a:  ", ")]", "((a:1.1)b)", "[[a]]")) {
            String text = part.repeat(1_000_000 / part.length());
            assertTimeout(Duration.ofSeconds(5), () -> Attention.parse(text), part);
        }
    }

    @Test
    void bracketsThatAreOpenTooDeepAreRefused() {
        for (String bracket : List.of("(", "[", "([a")) {
            String text = bracket.repeat(300_000);
            String message = assertThrows(PromptException.class, () -> Attention.parse(text))
                    .getMessage();
            assertTrue(String.valueOf(message).contains("brackets are open 256 deep"), message);
        }
        assertEquals(256, Attention.parse("(".repeat(256) + "a").unclosed());
    }
}
