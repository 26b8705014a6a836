package dev.darkroom.weights;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTimeoutPreemptively;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Arrays;
import java.util.Random;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

@DisplayName("A file of torch.save")
class TorchFileTest {
    private static final Path FORMATS = ReferenceFiles.of("formats");

    @TempDir
    private Path folder = Path.of("");

    @Test
    void givesViewsOfOneStorageInTheOrderOfRows() {
        ReferenceFiles.assertSame(
                TensorFile.open(FORMATS.resolve("views_expected.safetensors")),
                TensorFile.open(FORMATS.resolve("views.ckpt")));
    }

    @Test
    void isReadInTheOldContainerToo() {
        TensorFile old = TensorFile.open(FORMATS.resolve("text_part_legacy.ckpt"));
        WeightSource text = ModelComponent.open(ReferenceFiles.of("checkpoints/sd1/text_encoder"))
                .weights();
        assertFalse(old.names().isEmpty());
        old.names()
                .forEach(name -> ReferenceFiles.assertSame(
                        name, text.get(name.replace("cond_stage_model.transformer.", "")), old.get(name)));
    }

    @Test
    void isAWholeCheckpoint() {
        Path file = ReferenceFiles.ofWholeSet("formats/sd1.ckpt");
        ReferenceFiles.assertSame(TensorFile.open(file.resolveSibling("sd1.safetensors")), TensorFile.open(file));
    }

    @ParameterizedTest
    @CsvSource({
        "hostile.ckpt, posix.system",
        "hostile_eval.ckpt, builtins.eval",
        "hostile_legacy.ckpt, posix.system",
        "hostile_raw.pkl.ckpt, posix.system"
    })
    void isRefusedByTheNameOfWhatItWouldRun(String name, String global) {
        Path file = FORMATS.resolve(name);
        String message = ReferenceFiles.refusal(() -> TensorFile.open(file));
        assertTrue(message.startsWith(file + " is refused as a PyTorch file: "), message);
        assertTrue(message.contains(global.replace("builtins.", "")) || message.contains("torch.save"), message);
    }

    @ParameterizedTest
    @ValueSource(strings = {"views.ckpt", "text_part_legacy.ckpt"})
    void isRefusedWhenCutOff(String name) throws IOException {
        byte[] whole = Files.readAllBytes(FORMATS.resolve(name));
        Path cut = folder.resolve(name);
        for (int length = 0; length < whole.length; length += 1 + length / 300) {
            Files.write(cut, Arrays.copyOf(whole, length));
            String message = ReferenceFiles.refusal(() -> TensorFile.open(cut));
            assertTrue(message.contains(cut.toString()), message);
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"views.ckpt", "text_part_legacy.ckpt", "embedding_a1111.pt"})
    void isReadOrRefusedWhateverItsBytes(String name) throws IOException {
        byte[] whole = Files.readAllBytes(FORMATS.resolve(name));
        Path changed = folder.resolve(name);
        Random random = new Random(5);
        for (int i = 0; i < 700; i++) {
            byte[] bytes = whole.clone();
            for (int k = 0; k <= i % 3; k++) {
                bytes[random.nextInt(Math.min(bytes.length, 1200))] = (byte) random.nextInt();
            }
            Files.write(changed, bytes);
            try {
                TensorFile file = TensorFile.open(changed);
                for (String tensor : file.names()) {
                    file.get(tensor).toFloats();
                }
            } catch (WeightsException e) {
                assertTrue(String.valueOf(e.getMessage()).contains(changed.toString()), e.getMessage());
            } catch (IllegalArgumentException e) { // i64 and u8 have no floats
                assertTrue(String.valueOf(e.getMessage()).matches("(?s).*(i64|u8).*"), e.getMessage());
            }
        }
    }

    @Test
    void isNoTrapOfMapsThatHoldEachOther() throws IOException {
        ByteArrayOutputStream pickle = new ByteArrayOutputStream();
        pickle.writeBytes(new byte[] {(byte) 0x80, 2, (byte) 0x8a, 10});
        pickle.writeBytes(
                new byte[] {0x6c, (byte) 0xfc, (byte) 0x9c, 0x46, (byte) 0xf9, 0x20, 0x6a, (byte) 0xa8, 0x50, 0x19, '.'
                });
        pickle.writeBytes(new byte[] {'M', (byte) 0xe9, 3, '.', '}', '.'});
        pickle.writeBytes("}q\0".getBytes(StandardCharsets.ISO_8859_1));
        for (int level = 1; level < 60; level++) { // each map holds the one before twice: 2^60 paths
            pickle.writeBytes(new byte[] {'}', 'q', (byte) level, '('});
            pickle.writeBytes(
                    new byte[] {'U', 1, 'a', 'h', (byte) (level - 1), 'U', 1, 'b', 'h', (byte) (level - 1), 'u'});
            pickle.writeBytes(new byte[] {'0', '0', 'h', (byte) level});
        }
        pickle.writeBytes(".].".getBytes(StandardCharsets.ISO_8859_1));
        Path file = Files.write(folder.resolve("bomb.pt"), pickle.toByteArray());
        assertTimeoutPreemptively(
                Duration.ofSeconds(5),
                () -> assertTrue(
                        ReferenceFiles.refusal(() -> TensorFile.open(file)).contains("nested without end")));
    }

    @Test
    void mayHoldAnEmbeddingUnderItsOwnKeys() {
        assertEquals(
                java.util.Set.of("string_to_param.*"),
                TensorFile.open(FORMATS.resolve("embedding_a1111.pt")).names());
    }
}
