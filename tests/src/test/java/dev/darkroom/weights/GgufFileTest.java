package dev.darkroom.weights;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.darkroom.tensor.DType;
import java.io.IOException;
import java.net.URISyntaxException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Random;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

@DisplayName("A GGUF file")
class GgufFileTest {
    @TempDir
    private Path folder = Path.of("");

    static Path resource(String name) {
        try {
            return Path.of(GgufFileTest.class.getResource("/weights/" + name).toURI());
        } catch (URISyntaxException e) {
            throw new AssertionError(e);
        }
    }

    @Test
    void isWidenedToTheBitAsItsOwnToolsDo() {
        TensorFile actual = TensorFile.open(resource("types.gguf"));
        SafetensorsFile expected = SafetensorsFile.open(resource("types_expected.safetensors"));
        assertEquals(expected.names(), actual.names());
        for (String name : expected.names()) {
            assertEquals(expected.get(name).shape(), actual.get(name).shape(), name);
            assertArrayEquals(expected.get(name).toFloats(), actual.get(name).toFloats(), name);
        }
    }

    @Test
    void saysHowItsTensorsAreStored() {
        TensorFile file = TensorFile.open(resource("types.gguf"));
        assertEquals("q4_k", file.storedAs("q4_k"));
        assertEquals(288, file.byteSize("q4_k"));
        assertEquals(512, file.elements("q4_k"));
        assertEquals(DType.F16, file.get("f16").dtype());
        assertEquals("random blocks", file.metadata().get("note"));
    }

    @Test
    void isRefusedWhenCutOffAtAnyByte() throws IOException {
        byte[] whole = Files.readAllBytes(resource("types.gguf"));
        Path cut = folder.resolve("cut.gguf");
        for (int length = 0; length < whole.length - 32; length += 3) { // what follows the last tensor is padding
            Files.write(cut, Arrays.copyOf(whole, length));
            String message = ReferenceFiles.refusal(() -> TensorFile.open(cut));
            assertTrue(message.contains(cut.toString()), message);
        }
    }

    @Test
    void isReadOrRefusedWhateverItsBytes() throws IOException {
        byte[] whole = Files.readAllBytes(resource("types.gguf"));
        Path changed = folder.resolve("changed.gguf");
        Random random = new Random(3);
        for (int i = 0; i < 700; i++) {
            byte[] bytes = whole.clone();
            bytes[4 + random.nextInt(900)] ^= (byte) (1 << random.nextInt(8));
            Files.write(changed, bytes);
            try {
                TensorFile file = TensorFile.open(changed);
                file.names().forEach(name -> file.get(name).toFloats());
            } catch (WeightsException e) {
                assertTrue(String.valueOf(e.getMessage()).contains(changed.toString()), e.getMessage());
            }
        }
    }
}
