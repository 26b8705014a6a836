package dev.darkroom.prompt;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTimeout;

import dev.darkroom.tokenizer.ClipTokenizer;
import java.time.Duration;
import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;

@DisplayName("correctness 10: chunks of 75 tokens with starts and ends of their own")
class PromptChunkerTest {
    private static final ClipTokenizer CLIP = ClipTokenizer.clip();
    private static final int CAT = CLIP.encode("cat")[0];
    private static final int COMMA = CLIP.encode(",")[0];

    private static ChunkedPrompt chunked(String text) {
        return PromptRules.A1111.chunks(new PromptChunker(CLIP), text);
    }

    /** How many cats and commas each chunk holds. */
    private static List<Long> lengths(String text) {
        return chunked(text).chunks().stream()
                .map(chunk -> Arrays.stream(chunk.ids())
                        .filter(id -> id == CAT || id == COMMA)
                        .count())
                .toList();
    }

    @Test
    void areAsManyAsThePromptNeeds() {
        assertEquals(List.of(0L), lengths(""));
        assertEquals(List.of(75L), lengths("cat ".repeat(75)));
        assertEquals(List.of(75L, 1L), lengths("cat ".repeat(76)));
        int[] ids = chunked("cat ".repeat(76)).chunks().get(1).ids();
        assertArrayEquals(new int[] {CLIP.start(), CAT, CLIP.end(), CLIP.end()}, Arrays.copyOf(ids, 4));
        assertEquals(77, ids.length);
    }

    @Test
    void endAtACommaThatIsAtMost20TokensBack() {
        assertEquals(List.of(56L, 21L), lengths("cat ".repeat(55) + "," + " cat".repeat(21)));
        assertEquals(List.of(75L, 2L), lengths("cat ".repeat(54) + "," + " cat".repeat(22)));
        assertEquals(List.of(75L, 2L), lengths("cat ".repeat(75) + ", cat")); // the comma itself is one too many
        assertEquals(List.of(75L, 1L), lengths("cat ".repeat(74) + ", cat")); // and here the last that fits
    }

    @Test
    void endAtBreak() {
        assertEquals(List.of(1L, 1L), lengths("cat BREAK cat"));
        assertEquals(List.of(1L), lengths("cat BREAK"));
        assertEquals(List.of(0L, 0L, 1L), lengths("BREAK BREAK cat"));
        assertEquals(76, chunked("cat BREAK cat").tokens());
    }

    @Test
    void areCountedAsAutomatic1111Counts() {
        assertEquals(0, chunked("").tokens());
        assertEquals(3, chunked("cat, cat").tokens());
        assertEquals(
                75 + 21, chunked("cat ".repeat(55) + "," + " cat".repeat(21)).tokens());
    }

    @Test
    void carryTheWeightOfEachToken() {
        double[] weights = chunked("cat (cat:1.5) [cat]").chunks().get(0).weights();
        assertArrayEquals(new double[] {1, 1, 1.5, 1 / 1.1, 1}, Arrays.copyOf(weights, 5));
    }

    @Test
    @DisplayName("correctness 2: SD2 and SDXL's second encoder pad with id 0")
    void arePaddedAsTheirTokenizerSays() {
        PromptChunk chunk = new PromptChunker(ClipTokenizer.openClip())
                .pack(List.of(new WeightedText("cat", 1)))
                .chunks()
                .get(0);
        assertArrayEquals(new int[] {49406, CAT, 49407, 0, 0}, Arrays.copyOf(chunk.ids(), 5));
    }

    @Test
    void ofPlainTextAreOneThatIsCutOff() {
        ChunkedPrompt plain = PromptRules.PLAIN.chunks(new PromptChunker(CLIP), "(cat) " + "cat ".repeat(80));
        assertEquals(1, plain.chunks().size());
        assertEquals("cat cat cat cat cat cat cat cat", plain.cutOff());
        assertEquals(CLIP.end(), plain.chunks().get(0).ids()[76]);
    }

    @Test
    void ofAMillionCharactersTakeSeconds() {
        String text = "cat, dog ".repeat(111_111);
        assertTimeout(Duration.ofSeconds(10), () -> chunked(text));
    }
}
