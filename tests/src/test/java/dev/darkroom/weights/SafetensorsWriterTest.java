package dev.darkroom.weights;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.darkroom.tensor.DType;
import dev.darkroom.tensor.HostTensor;
import dev.darkroom.tensor.Shape;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.stream.Stream;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

@DisplayName("A written safetensors file")
class SafetensorsWriterTest {
    @TempDir
    private Path folder = Path.of("");

    @Test
    void holdsWhatWasGiven() {
        Path path = folder.resolve("model.safetensors");
        Map<String, HostTensor> tensors = new LinkedHashMap<>();
        tensors.put("bytes", new HostTensor("b", Shape.of(3), DType.U8, r -> r.accept(ByteBuffer.allocate(3))));
        tensors.put("scalar", HostTensor.of("s", Shape.of(), 7f));
        tensors.put("empty", HostTensor.of("e", Shape.of(0, 4), new float[0]));
        tensors.put("Größe \"x\"", HostTensor.of("g", Shape.of(2, 2), 1, 2, 3, 4));
        SafetensorsWriter.write(path, tensors, Map.of("format", "pt", "note", "\"quoted\"\n"));

        SafetensorsFile file = SafetensorsFile.open(path);
        assertEquals(tensors.keySet(), file.names());
        tensors.forEach((name, tensor) -> ReferenceFiles.assertSame(name, tensor, file.get(name)));
        assertEquals(Map.of("format", "pt", "note", "\"quoted\"\n"), file.metadata());
    }

    @Test
    void isCompleteOrNotThere() throws IOException {
        Path path = folder.resolve("model.safetensors");
        HostTensor broken = new HostTensor("broken", Shape.of(1), DType.F32, reader -> {
            throw new WeightsException("the source is gone");
        });
        Map<String, HostTensor> tensors = Map.of("a", HostTensor.of("a", Shape.of(1), 1f), "broken", broken);
        assertThrows(WeightsException.class, () -> SafetensorsWriter.write(path, tensors, Map.of()));
        try (Stream<Path> left = Files.list(folder)) {
            assertEquals(0, left.count());
        }
    }

    @Test
    void isRefusedWhereNothingCanBeWritten() {
        Path path = folder.resolve("none/model.safetensors");
        String message = ReferenceFiles.refusal(
                () -> SafetensorsWriter.write(path, Map.of("a", HostTensor.of("a", Shape.of(1), 1f)), Map.of()));
        assertTrue(message.startsWith(path + " cannot be written"), message);
        assertFalse(Files.exists(path));
    }

    @Test
    void roundsToNearestEven() {
        HostTensor exact = HostTensor.of("x", Shape.of(4), 1 + 0x1p-8f, 1 + 0x3p-8f, 65519f, -0f);
        float[] bf16 = TensorViews.as(exact, DType.BF16).toFloats();
        assertEquals(1f, bf16[0]);
        assertEquals(1 + 0x1p-6f, bf16[1]);
        assertEquals(65504f, TensorViews.as(exact, DType.F16).toFloats()[2]);
        HostTensor ids = HostTensor.of("ids", Shape.of(1), 3);
        assertEquals(DType.I32, TensorViews.as(ids, DType.F16).dtype());
    }
}
