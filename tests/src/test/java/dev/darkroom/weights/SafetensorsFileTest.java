package dev.darkroom.weights;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.darkroom.tensor.DType;
import dev.darkroom.tensor.HostTensor;
import dev.darkroom.tensor.Shape;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.Assumptions;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

@DisplayName("A safetensors file")
class SafetensorsFileTest {
    private static final Path MALFORMED = ReferenceFiles.of("formats/malformed");

    @TempDir
    private Path folder = Path.of("");

    static Stream<String> verdicts() throws IOException {
        JsonNode files = new ObjectMapper()
                .readTree(MALFORMED.resolve("expected.json").toFile())
                .get("files");
        return files.properties().stream()
                .map(file ->
                        file.getKey() + " " + file.getValue().get("must_be").asText());
    }

    @ParameterizedTest
    @MethodSource("verdicts")
    void isAcceptedOrRefusedAsTheVerdictSays(String verdict) {
        Path file = MALFORMED.resolve(verdict.split(" ")[0]);
        if (verdict.endsWith("accepted")) {
            readAll(SafetensorsFile.open(file));
        } else {
            String message = ReferenceFiles.refusal(() -> SafetensorsFile.open(file));
            assertTrue(message.startsWith(file + " is not a valid safetensors file: "), message);
            assertTrue(message.contains("Download or convert it again"), message);
        }
    }

    private static void readAll(SafetensorsFile file) {
        for (String name : file.names()) {
            DType dtype = file.storedType(name).dtype();
            if (dtype != null) {
                assertEquals(file.elements(name) * dtype.bytes(), ReferenceFiles.bytes(file.get(name)).length, name);
            } else {
                String message = ReferenceFiles.refusal(() -> file.get(name));
                assertTrue(message.contains("stored as " + file.storedType(name)), message);
            }
        }
    }

    @Test
    void holdsScalarsAndEmptyTensors() {
        SafetensorsFile file = SafetensorsFile.open(MALFORMED.resolve("ok_scalar_and_empty.safetensors"));
        assertEquals(Shape.of(), file.get("s").shape());
        assertEquals(1, file.get("s").toFloats().length);
        assertEquals(Shape.of(0, 3), file.get("e").shape());
        assertEquals(0, file.get("e").toFloats().length);
    }

    @Test
    void isRefusedWhenCutOffAtAnyByte() throws IOException {
        byte[] whole = Files.readAllBytes(MALFORMED.resolve("ok_not_in_offset_order.safetensors"));
        Path cut = folder.resolve("cut.safetensors");
        for (int length = 0; length < whole.length; length++) {
            Files.write(cut, Arrays.copyOf(whole, length));
            assertThrows(WeightsException.class, () -> SafetensorsFile.open(cut), "cut at " + length);
        }
    }

    @Test
    void withAFlippedHeaderByteIsReadOrRefusedButNothingElse() throws IOException {
        byte[] whole = Files.readAllBytes(MALFORMED.resolve("ok_not_in_offset_order.safetensors"));
        Path broken = folder.resolve("broken.safetensors");
        Random random = new Random(1);
        for (int at = 0; at < whole.length; at++) {
            byte[] bytes = whole.clone();
            bytes[at] ^= (byte) (1 << random.nextInt(8));
            Files.write(broken, bytes);
            try {
                readAll(SafetensorsFile.open(broken));
            } catch (WeightsException e) {
                assertTrue(e.toString().contains("broken.safetensors"), e.toString());
            }
        }
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "{\"a\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0,4],\"dtype\":\"F32\"}}",
                "{\"a\":{\"dtype\":\"F32\",\"shape\":[1e0],\"data_offsets\":[0,4]}}",
                "{\"a\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0,99999999999999999999]}}",
                "{\"a\":{\"dtype\":\"F4\",\"shape\":[7],\"data_offsets\":[0,4]}}",
                "{\"a\":{\"dtype\":\"F32\",\"shape\":[1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1],\"data_offsets\":[0,4]}}",
                "{\"a\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0,4]}}\u0000",
                "{\"a\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0,4]}}{}",
                "{\"a\":[1]}",
                "{}",
            })
    void isRefusedForAHeaderThatBreaksTheFormat(String header) throws IOException {
        Path file = write(header, 4);
        String message = ReferenceFiles.refusal(() -> SafetensorsFile.open(file));
        assertTrue(message.contains("is not a valid safetensors file"), message);
    }

    @Test
    void withAFieldNestedVeryDeepIsRefused() throws IOException {
        String nested = "[".repeat(100_000) + "]".repeat(100_000);
        Path file = write("{\"a\":{\"x\":" + nested + ",\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0,4]}}", 4);
        assertThrows(WeightsException.class, () -> SafetensorsFile.open(file));
    }

    @Test
    void isReadFromManyThreadsAtOnce() {
        Path unet = ReferenceFiles.of("checkpoints/sd1/unet/diffusion_pytorch_model.safetensors");
        SafetensorsFile file = SafetensorsFile.open(unet);
        List<byte[]> alone = new ArrayList<>();
        file.names().forEach(name -> alone.add(ReferenceFiles.bytes(file.get(name))));
        List<String> order = new ArrayList<>(file.names());
        IntStream.range(0, 4 * order.size()).parallel().forEach(i -> {
            int which = i % order.size();
            assertArrayEquals(alone.get(which), ReferenceFiles.bytes(file.get(order.get(which))));
        });
    }

    @Test
    void isMappedOnlyWhileItIsRead() throws IOException {
        Path maps = Path.of("/proc/self/maps");
        Assumptions.assumeTrue(Files.exists(maps), "this system does not list what is mapped");
        Path path = ReferenceFiles.of("checkpoints/sd1/unet/diffusion_pytorch_model.safetensors")
                .toRealPath();
        SafetensorsFile file = SafetensorsFile.open(path);
        HostTensor tensor = file.get("conv_in.weight");
        tensor.read(bytes -> assertTrue(isMapped(maps, path)));
        assertFalse(isMapped(maps, path));
    }

    private static boolean isMapped(Path maps, Path file) {
        try (Stream<String> lines = Files.lines(maps, StandardCharsets.ISO_8859_1)) {
            return lines.anyMatch(line -> line.endsWith(file.toString()));
        } catch (IOException e) {
            throw new AssertionError(e);
        }
    }

    @Test
    void isNotReadAfterItWasReplacedByAnother() throws IOException {
        Path path = folder.resolve("model.safetensors");
        SafetensorsWriter.write(path, Map.of("a", HostTensor.of("a", Shape.of(2), 1, 2)), Map.of());
        HostTensor tensor = SafetensorsFile.open(path).get("a");
        SafetensorsWriter.write(path, Map.of("b", HostTensor.of("b", Shape.of(3), 1, 2, 3)), Map.of());
        String message = ReferenceFiles.refusal(tensor::toFloats);
        assertTrue(message.contains("was changed after it was opened"), message);
    }

    /** The JVM must survive that the pages behind a map are gone; it reads zeros or throws an InternalError. */
    @Test
    void thatIsCutOffWhileItIsReadIsAnErrorAndNoCrash() throws IOException {
        Path path = folder.resolve("cut.safetensors");
        SafetensorsWriter.write(path, Map.of("a", HostTensor.of("a", Shape.of(1 << 20), new float[1 << 20])), Map.of());
        HostTensor tensor = SafetensorsFile.open(path).get("a");
        ByteBuffer target = ByteBuffer.allocateDirect(4 << 20);
        String message = ReferenceFiles.refusal(() -> tensor.read(bytes -> {
            cut(path);
            target.put(bytes);
        }));
        assertTrue(message.contains("was changed while tensor \"a\" was read"), message);
    }

    private static void cut(Path path) {
        try (FileChannel file = FileChannel.open(path, StandardOpenOption.WRITE)) {
            file.truncate(4096);
        } catch (IOException e) {
            throw new AssertionError(e);
        }
    }

    @Test
    void thatIsSomethingElseIsCalledByItsName() throws IOException {
        Path file = folder.resolve("model.safetensors");
        Files.writeString(file, "version https://git-lfs.github.com/spec/v1\n");
        String message = ReferenceFiles.refusal(() -> SafetensorsFile.open(file));
        assertTrue(message.contains("Git LFS pointer"), message);
        String missing = ReferenceFiles.refusal(() -> SafetensorsFile.open(folder.resolve("none")));
        assertTrue(missing.contains("there is no such file"), missing);
    }

    private Path write(String header, int dataBytes) throws IOException {
        byte[] json = header.getBytes(StandardCharsets.UTF_8);
        ByteBuffer all = ByteBuffer.allocate(8 + json.length + dataBytes).order(ByteOrder.LITTLE_ENDIAN);
        all.putLong(json.length).put(json);
        return Files.write(folder.resolve("written.safetensors"), all.array());
    }
}
