package dev.darkroom.prompt;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTimeout;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Set;
import java.util.stream.Collectors;
import java.util.stream.LongStream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

@DisplayName("Wildcards")
class WildcardsTest {
    @TempDir
    private Path folder = Path.of("");

    @BeforeEach
    void writeThem() throws Exception {
        Files.writeString(folder.resolve("colour.txt"), "# warm\nred\n\n orange \nyellow\n");
        Files.writeString(folder.resolve("thing.txt"), "a __colour__ 😀 ball\n");
        Files.writeString(folder.resolve("loop.txt"), "__loop__\n");
        Files.writeString(folder.resolve("empty.txt"), "# nothing\n");
        Files.write(folder.resolve("latin.txt"), "é".getBytes(StandardCharsets.ISO_8859_1));
        Files.createDirectories(folder.resolve("animals"));
        Files.writeString(folder.resolve("animals/cats.txt"), "tom\n");
    }

    private String expand(String text, long seed) {
        return new Wildcards(folder).expand(text, new Wildcards.Choices(seed));
    }

    @Test
    void areChosenByTheSeed() {
        Set<String> chosen = LongStream.range(0, 40)
                .mapToObj(seed -> expand("__colour__", seed))
                .collect(Collectors.toSet());
        assertEquals(Set.of("red", "orange", "yellow"), chosen);
        assertEquals(expand("__colour__ __colour__ __colour__", 7), expand("__colour__ __colour__ __colour__", 7));
    }

    @Test
    void nameOthersAndLieInFolders() {
        String expanded = expand("x __thing__, __animals/cats__ __ y_", 3);
        assertTrue(expanded.matches("x a (red|orange|yellow) 😀 ball, tom __ y_"), expanded);
    }

    @Test
    void thatAreUnknownAreRefusedWithTheNearest() {
        String message = refused("a __color__");
        assertTrue(message.contains("there is no wildcard __color__"), message);
        assertTrue(message.contains("near it are colour, "), message);
    }

    @ParameterizedTest
    @ValueSource(strings = {"../secret", "animals/../../x", "/etc/passwd", "a\\..\\b", ".hidden", "animals//cats"})
    void thatLeadOutOfTheirFolderAreRefused(String name) {
        String message = refused("__" + name + "__");
        assertTrue(message.contains("leads out of its folder"), message);
    }

    @Test
    void withoutChoicesOrWithoutAnEndAreRefused() {
        assertTrue(refused("__empty__").contains("has no choices"));
        assertTrue(refused("__latin__").contains("not text in UTF-8"));
        assertTrue(refused("__loop__").contains("Does a file name itself?"));
        String message = assertThrows(
                        PromptException.class, () -> new Wildcards(null).expand("__colour__", new Wildcards.Choices(1)))
                .getMessage();
        assertTrue(String.valueOf(message).contains("no folder of wildcards is given"), message);
    }

    @Test
    void aMillionCharactersTakeNoTime() {
        for (String part : List.of("a", "__ ", "_ ", "__!__")) {
            String text = part.repeat(1_000_000 / part.length());
            assertTimeout(Duration.ofSeconds(5), () -> assertEquals(text, expand(text, 1)), part);
        }
    }

    private String refused(String text) {
        return String.valueOf(
                assertThrows(PromptException.class, () -> expand(text, 1)).getMessage());
    }
}
