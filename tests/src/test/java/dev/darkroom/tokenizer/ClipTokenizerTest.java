package dev.darkroom.tokenizer;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTimeout;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Arrays;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What the reference cases do not cover; ids themselves are compared by {@code VerifierTest}. */
final class ClipTokenizerTest {
    private static final Path ROOT =
            Path.of(System.getProperty("darkroom.root")).normalize();
    private static final ClipTokenizer CLIP = ClipTokenizer.clip();

    @Test
    @DisplayName("correctness 1: what is cut off leaves the end in slot 76, and says so")
    void aPromptThatIsTooLongKeepsItsEndAndSaysWhatWasCutOff() {
        TokenizedPrompt prompt = CLIP.tokenize("cat ".repeat(80) + "zebra");
        assertEquals(77, prompt.ids().length);
        assertEquals(CLIP.end(), prompt.ids()[76]);
        assertEquals(81, prompt.tokens());
        assertEquals("cat cat cat cat cat zebra", prompt.cutOff());
    }

    @Test
    @DisplayName("correctness 2: what is left over is filled with the model's padding")
    void aPromptThatFitsIsPaddedWithTheModelsPadding() {
        int[] ids = CLIP.tokenize("cat").ids();
        assertArrayEquals(new int[] {49406, 2368, 49407, 49407}, Arrays.copyOf(ids, 4));
        assertEquals(0, ClipTokenizer.openClip().tokenize("cat").ids()[3]);
        assertEquals("", CLIP.tokenize("cat").cutOff());
    }

    @Test
    void thePaddingIsSpecialInTextsToo() {
        assertArrayEquals(new int[] {2368, 256}, CLIP.encode("cat!"));
        assertArrayEquals(new int[] {2368, 0}, ClipTokenizer.openClip().encode("cat!"));
    }

    @Test
    void aMillionCharactersTakeLessThanAFewSeconds() {
        for (String text : new String[] {"a".repeat(1_000_000), "ab, ".repeat(250_000), "é".repeat(500_000)}) {
            assertTimeout(Duration.ofSeconds(5), () -> assertTrue(CLIP.encode(text).length > 0));
        }
    }

    @Test
    void decodingGivesTheWordsBack() {
        assertEquals("a photo of a café , 2 cats", CLIP.decode(CLIP.encode("A photo of a CAFÉ, 2 cats")));
    }

    @Test
    void theDemoModelsVocabularyIsItsOwn() {
        ClipTokenizer demo = ClipTokenizer.open(ROOT.resolve("models/demo/tokenizer"));
        assertEquals(1536, demo.vocabularySize());
        assertEquals(1534, demo.start());
        assertEquals(1535, demo.end());
        assertEquals("a red circle", demo.decode(demo.encode("a red circle")));
    }

    @Test
    void theWholeVocabularyInOneFileGivesTheSameIds(@TempDir Path folder) throws Exception {
        Path demo = ROOT.resolve("models/demo/tokenizer");
        Files.copy(demo.resolve("tokenizer.json"), folder.resolve("tokenizer.json"));
        String text = "an orange fish under water, two stars";
        assertArrayEquals(
                ClipTokenizer.open(demo).encode(text),
                ClipTokenizer.open(folder).encode(text));
    }

    @Test
    void aFolderWithoutAVocabularyHasClipsOwnAndItsOwnPadding(@TempDir Path folder) throws Exception {
        Files.writeString(folder.resolve("special_tokens_map.json"), "{\"pad_token\": \"!\"}");
        assertEquals(49408, ClipTokenizer.open(folder).vocabularySize());
        assertEquals(0, ClipTokenizer.open(folder).pad());
    }

    @Test
    void brokenVocabulariesAreRefusedByFileAndFault(@TempDir Path folder) throws Exception {
        Path vocab = folder.resolve("vocab.json");
        Path merges = folder.resolve("merges.txt");
        Files.writeString(merges, "#version: 0.2\na b\n");
        Files.writeString(vocab, "[1, 2]");
        refused(folder, "vocab.json: the vocabulary must be a JSON object");
        Files.writeString(vocab, "{\"a\": -1}");
        refused(folder, "the id of \"a\" is -1");
        Files.writeString(vocab, "{\"a\": 0, \"b\": 1}");
        refused(folder, "merges.txt: the symbol \"ab\" is not in the vocabulary");
        Files.writeString(merges, "a b c\n");
        refused(folder, "merge 1 is \"a b c\"");
        Files.writeString(vocab, "{\"a\": 0");
        refused(folder, "vocab.json cannot be read as JSON");
    }

    private static void refused(Path folder, String message) {
        String given = String.valueOf(assertThrows(IllegalArgumentException.class, () -> ClipTokenizer.open(folder))
                .getMessage());
        assertTrue(given.contains(message), given);
    }
}
