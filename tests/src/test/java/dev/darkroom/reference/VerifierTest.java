package dev.darkroom.reference;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.ObjectMapper;
import dev.darkroom.device.Devices;
import dev.darkroom.tensor.DType;
import dev.darkroom.tensor.Device;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Assumptions;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Our numbers against the reference set that comes with the project, and against the whole set where it lies beside the project. */
final class VerifierTest {
    private static final Path ROOT =
            Path.of(System.getProperty("darkroom.root")).normalize();
    private static final Path SET = ROOT.resolve("tests/reference");

    @ParameterizedTest(name = "{0} in {1} {3}")
    @CsvSource({
        "tokenizer, F32, 370, (correctness 1)",
        "prompts, F32, 79, (correctness 9 to 11)",
        "rng, F32, 80, (correctness 39)",
        "schedulers, F32, 100, (correctness 28 to 36)",
        "formats, F32, 30, ''",
        "text, F32, 3, (correctness 2 to 6)",
        "text, BF16, 3, ''",
        "unet, F32, 6, (correctness 12 to 19)",
        "unet, BF16, 6, ''",
        "vae, F32, 6, (correctness 22 to 24)",
        "vae, BF16, 6, ''",
        "clip, F32, 10, ''",
        "clip, BF16, 10, ''",
        "pipelines, F32, 20, '(correctness 5 to 8, 16, 22, 24, 36 to 38)'",
        "pipelines, BF16, 8, ''"
    })
    void everyCaseOfTheGroupAgrees(String group, DType dtype, int fewest, String points) {
        assumeTheProcessorComputesIn(dtype);
        List<CaseResult> results = verify(SET, group, dtype);
        assertNoneFails(results);
        long passed = results.stream()
                .filter(each -> each.status() == CaseResult.Status.PASS)
                .count();
        assertTrue(passed >= fewest, () -> group + " compared only " + passed + " tensors");
    }

    @ParameterizedTest(name = "{0}")
    @ValueSource(strings = {"F32", "BF16"})
    void theWholeSetAgreesWhereItIsThere(DType dtype) {
        assumeTheProcessorComputesIn(dtype);
        Path whole = ROOT.resolve("../shared/reference").normalize();
        Assumptions.assumeTrue(Files.isDirectory(whole), () -> whole + " is not there");
        assertNoneFails(verify(whole, "", dtype));
    }

    private static void assumeTheProcessorComputesIn(DType dtype) {
        try (Device cpu = Devices.open("cpu", 0)) {
            Assumptions.assumeTrue(
                    dtype == DType.F32 || dtype == cpu.preferredType(), "this processor computes in f32 only");
        }
    }

    @Test
    void aWrongResultFailsAndNamesTheFirstActivationThatDeparts(@TempDir Path folder) throws Exception {
        copy("checkpoints/sd2/unet", folder);
        Files.createDirectories(folder.resolve("unet"));
        for (String file : List.of("index.json", "sd2.safetensors")) {
            Files.copy(SET.resolve("unet").resolve(file), folder.resolve("unet").resolve(file));
        }
        Path weights = folder.resolve("checkpoints/sd2/unet/diffusion_pytorch_model.safetensors");
        byte[] bytes = Files.readAllBytes(weights);
        int header = (int) ByteBuffer.wrap(bytes).order(ByteOrder.LITTLE_ENDIAN).getLong();
        String json = new String(bytes, 8, header, StandardCharsets.UTF_8);
        var bias = new ObjectMapper()
                .readTree(json)
                .path("down_blocks.1.resnets.0.conv1.bias")
                .path("data_offsets");
        for (int i = bias.path(0).asInt(); i < bias.path(1).asInt(); i += 2) {
            bytes[8 + header + i + 1] = 0x44; // about 4 in f16
        }
        Files.write(weights, bytes);
        CaseResult result = verify(folder, "unet", DType.F32).stream()
                .filter(each -> each.file().equals("sd2.safetensors"))
                .findFirst()
                .orElseThrow();
        assertEquals(CaseResult.Status.FAIL, result.status());
        assertEquals("first departs at tap.down_blocks.1", result.detail());
    }

    @Test
    void anUnknownGroupAndAMissingSetAreRefused(@TempDir Path folder) {
        assertThrows(IllegalArgumentException.class, () -> verify(SET, "unets", DType.F32));
        assertThrows(IllegalArgumentException.class, () -> new Verifier(folder.resolve("nothing")));
    }

    private static List<CaseResult> verify(Path set, String group, DType dtype) {
        List<CaseResult> results = new ArrayList<>();
        try (Device device = Devices.open("cpu", 0)) {
            new Verifier(set).run(group.isEmpty() ? List.of() : List.of(group), device, dtype, results::add);
        }
        return results;
    }

    private static void assertNoneFails(List<CaseResult> results) {
        List<CaseResult> failed = results.stream()
                .filter(each -> each.status() == CaseResult.Status.FAIL)
                .toList();
        assertTrue(failed.isEmpty(), () -> failed.size() + " fail, first " + failed.get(0));
    }

    private static void copy(String place, Path folder) throws Exception {
        Path target = folder.resolve(place);
        Files.createDirectories(target);
        try (var files = Files.list(SET.resolve(place))) {
            for (Path file : files.toList()) {
                Files.copy(file, target.resolve(file.getFileName()));
            }
        }
    }
}
