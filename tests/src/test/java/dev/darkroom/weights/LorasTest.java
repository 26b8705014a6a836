package dev.darkroom.weights;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.darkroom.tensor.HostTensor;
import dev.darkroom.tensor.Shape;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** One matrix [2, 3] and one convolution [2, 2, 1, 2] of a U-Net; what each kind of change makes of them was worked out by hand. */
@DisplayName("A LoRA")
class LorasTest {
    private static final String MATRIX = "down_blocks.0.attentions.0.transformer_blocks.0.attn1.to_q";
    private static final String COLUMN = "down_blocks.0.attentions.0.transformer_blocks.0.attn1.to_k";
    private static final String KERNEL = "down_blocks.0.resnets.0.conv1";
    private static final float[] W = {1, 2, 3, 4, 5, 6};
    private static final float[] K = {1, 2, 3, 4, 5, 6, 7, 8};

    @TempDir
    private Path folder = Path.of("");

    private WeightSource unet() {
        Path file = folder.resolve("unet.safetensors");
        SafetensorsWriter.write(
                file,
                Map.of(
                        MATRIX + ".weight", HostTensor.of("w", Shape.of(2, 3), W),
                        COLUMN + ".weight", HostTensor.of("c", Shape.of(4, 1), 0f, 0, 0, 0),
                        KERNEL + ".weight", HostTensor.of("k", Shape.of(2, 2, 1, 2), K),
                        KERNEL + ".bias", HostTensor.of("b", Shape.of(2), 1, 1f)),
                Map.of());
        return SafetensorsFile.open(file);
    }

    private LoraFile lora(Object... namesShapesAndValues) {
        Map<String, HostTensor> tensors = new LinkedHashMap<>();
        for (int i = 0; i < namesShapesAndValues.length; i += 3) {
            String name = (String) namesShapesAndValues[i];
            tensors.put(name, HostTensor.of(name, (Shape) namesShapesAndValues[i + 1], (float[])
                    namesShapesAndValues[i + 2]));
        }
        Path file = folder.resolve("lora.safetensors");
        SafetensorsWriter.write(file, tensors, Map.of());
        return LoraFile.open(file);
    }

    private float[] applied(LoraFile lora, float strength, String tensor) {
        return Loras.apply(Map.of("unet", unet()), List.of(new Loras.Use(lora, strength)))
                .weights("unet")
                .get(tensor)
                .toFloats();
    }

    private static float[] of(float... values) {
        return values;
    }

    /** up [1, 2]ᵀ · down [1, 0, 3] = [1 0 3; 2 0 6]; without alpha times 1, here times 0.5. */
    @ParameterizedTest
    @ValueSource(
            strings = {
                "lora_unet_down_blocks_0_attentions_0_transformer_blocks_0_attn1_to_q.lora_%s.weight",
                "unet.down_blocks.0.attentions.0.transformer_blocks.0.attn1.to_q.lora.%s.weight",
                "unet.down_blocks.0.attentions.0.transformer_blocks.0.attn1.processor.to_q_lora.%s.weight",
                "lora_unet_input_blocks_1_1_transformer_blocks_0_attn1_to_q.lora_%s.weight",
                "diffusion_model.input_blocks.1.1.transformer_blocks.0.attn1.to_q.lora_%s.weight"
            })
    void isFoundInEverySpelling(String name) {
        LoraFile lora = lora(
                String.format(name, "up"),
                Shape.of(2, 1),
                of(1, 2),
                String.format(name, "down"),
                Shape.of(1, 3),
                of(1, 0, 3));
        assertArrayEquals(of(1.5f, 2, 4.5f, 5, 5, 9), applied(lora, 0.5f, MATRIX + ".weight"), name);
    }

    /** alpha / rank = 1 / 2. */
    @Test
    void isScaledByAlphaOverRank() {
        LoraFile lora = lora(
                "unet." + MATRIX + ".lora_A.weight",
                Shape.of(2, 3),
                of(1, 0, 0, 0, 1, 0),
                "unet." + MATRIX + ".lora_B.weight",
                Shape.of(2, 2),
                of(2, 0, 0, 4),
                "unet." + MATRIX + ".alpha",
                Shape.of(),
                of(1));
        assertArrayEquals(of(2, 2, 3, 4, 7, 6), applied(lora, 1, MATRIX + ".weight"));
    }

    /** up [2, 1], core [1, 1, 1, 2] = (1, 10), down [1, 2] = (1, 2): out o, in i, tap t gets up_o · core_t · down_i. */
    @Test
    void mayHaveACoreBetweenItsFactors() {
        String module = "lora_unet_" + KERNEL.replace('.', '_');
        LoraFile lora = lora(
                module + ".lora_up.weight",
                Shape.of(2, 1, 1, 1),
                of(1, 3),
                module + ".lora_mid.weight",
                Shape.of(1, 1, 1, 2),
                of(1, 10),
                module + ".lora_down.weight",
                Shape.of(1, 2, 1, 1),
                of(1, 2));
        assertArrayEquals(of(2, 12, 5, 24, 8, 36, 13, 68), applied(lora, 1, KERNEL + ".weight"));
    }

    /** ([1 2]ᵀ · [1 1 2]) ⊙ ([2 1]ᵀ · [1 0 1]) = [1 1 2; 2 2 4] ⊙ [2 0 2; 1 0 1]. */
    @Test
    void mayBeAHadamardProduct() {
        String module = "unet." + MATRIX;
        LoraFile lora = lora(
                module + ".hada_w1_a",
                Shape.of(2, 1),
                of(1, 2),
                module + ".hada_w1_b",
                Shape.of(1, 3),
                of(1, 1, 2),
                module + ".hada_w2_a",
                Shape.of(2, 1),
                of(2, 1),
                module + ".hada_w2_b",
                Shape.of(1, 3),
                of(1, 0, 1));
        assertArrayEquals(of(3, 2, 7, 6, 5, 10), applied(lora, 1, MATRIX + ".weight"));
    }

    /** [1; 2] ⊗ [1 0 2] = [1 0 2; 2 0 4]; whole factors have no rank, so that alpha does not count. */
    @Test
    void mayBeAKroneckerProduct() {
        String module = "unet." + MATRIX;
        LoraFile lora = lora(
                module + ".lokr_w1",
                Shape.of(2, 1),
                of(1, 2),
                module + ".lokr_w2",
                Shape.of(1, 3),
                of(1, 0, 2),
                module + ".alpha",
                Shape.of(),
                of(8));
        assertArrayEquals(of(2, 2, 5, 6, 5, 10), applied(lora, 1, MATRIX + ".weight"));
    }

    /** [1; 10] ⊗ [1; 2] = [1; 2; 10; 20]. */
    @Test
    void mayBeAKroneckerProductOfColumns() {
        LoraFile lora = lora(
                "unet." + COLUMN + ".lokr_w1",
                Shape.of(2, 1),
                of(1, 10),
                "unet." + COLUMN + ".lokr_w2",
                Shape.of(2, 1),
                of(1, 2));
        assertArrayEquals(of(1, 2, 10, 20), applied(lora, 1, COLUMN + ".weight"));
    }

    /** W + D = [3 0 4; 0 5 12] of norms 5 and 13; magnitudes 10 and 13 make [6 0 8; 0 5 12]. */
    @Test
    void mayTurnWeightsAndGiveThemTheirLength() {
        String module = "unet." + MATRIX;
        LoraFile lora = lora(
                module + ".lora_up.weight",
                Shape.of(2, 2),
                of(1, 0, 0, 1),
                module + ".lora_down.weight",
                Shape.of(2, 3),
                of(2, -2, 1, -4, 0, 6),
                module + ".dora_scale",
                Shape.of(2, 1),
                of(10, 13));
        assertArrayEquals(of(6, 0, 8, 0, 5, 12), applied(lora, 1, MATRIX + ".weight"), 1e-6f);
        assertArrayEquals(of(3.5f, 1, 5.5f, 2, 5, 9), applied(lora, 0.5f, MATRIX + ".weight"), 1e-6f);
    }

    @Test
    void mayBePlainDifferences() {
        LoraFile lora = lora(
                "diffusion_model." + KERNEL + ".diff",
                Shape.of(2, 2, 1, 2),
                of(1, 0, 0, 0, 0, 0, 0, 2),
                "diffusion_model." + KERNEL + ".diff_b",
                Shape.of(2),
                of(0, 4));
        assertArrayEquals(of(1.5f, 2, 3, 4, 5, 6, 7, 9), applied(lora, 0.5f, KERNEL + ".weight"));
        assertArrayEquals(of(1, 3), applied(lora, 0.5f, KERNEL + ".bias"));
    }

    @Test
    void leavesTheWeightsBelowAsTheyAreAndAddsUp() {
        WeightSource pristine = unet();
        LoraFile lora = lora(
                "unet." + MATRIX + ".lora_up.weight",
                Shape.of(2, 1),
                of(1, 2),
                "unet." + MATRIX + ".lora_down.weight",
                Shape.of(1, 3),
                of(1, 0, 3));
        Loras.Use use = new Loras.Use(lora, 1);
        for (int i = 0; i < 100; i++) {
            WeightSource twice =
                    Loras.apply(Map.of("unet", pristine), List.of(use, use)).weights("unet");
            assertArrayEquals(
                    of(3, 2, 9, 8, 5, 18), twice.get(MATRIX + ".weight").toFloats());
            assertArrayEquals(W, pristine.get(MATRIX + ".weight").toFloats());
        }
    }

    @Test
    void saysWhatItsTensorsWereUsedFor() {
        LoraFile lora = lora(
                "unet." + MATRIX + ".lora_up.weight",
                Shape.of(2, 1),
                of(1, 2),
                "unet." + MATRIX + ".lora_down.weight",
                Shape.of(1, 3),
                of(1, 0, 3),
                "unet.nowhere.lora_up.weight",
                Shape.of(2, 1),
                of(1, 2),
                "something",
                Shape.of(1),
                of(1));
        Loras.Report report = Loras.apply(Map.of("unet", unet()), List.of(new Loras.Use(lora, 1)))
                .reports()
                .get(0);
        assertEquals(2, report.matched().size());
        assertEquals(List.of("something", "unet.nowhere.lora_up.weight"), report.unmatched());
    }

    @Test
    void isRefusedWhereItChangesNothingOrDoesNotFit() {
        LoraFile other = lora("unet.nowhere.lora_up.weight", Shape.of(2, 1), of(1, 2));
        String nothing = ReferenceFiles.refusal(() -> applied(other, 1, MATRIX + ".weight"));
        assertTrue(nothing.contains("lora.safetensors changes nothing in this model"), nothing);
        LoraFile half = lora("unet." + MATRIX + ".lora_up.weight", Shape.of(2, 1), of(1, 2));
        String lacks = ReferenceFiles.refusal(() -> applied(half, 1, MATRIX + ".weight"));
        assertTrue(lacks.contains("lora.safetensors: module \"unet." + MATRIX + "\" is broken"), lacks);
        assertTrue(lacks.contains("lacks .lora_down.weight"), lacks);
        LoraFile large = lora(
                "unet." + MATRIX + ".lora_up.weight",
                Shape.of(4, 1),
                of(1, 2, 3, 4),
                "unet." + MATRIX + ".lora_down.weight",
                Shape.of(1, 3),
                of(1, 0, 3));
        String size = ReferenceFiles.refusal(() -> applied(large, 1, MATRIX + ".weight"));
        assertTrue(size.contains("12 values, where the model's has 6"), size);
        String none = ReferenceFiles.refusal(() -> LoraFile.open(folder.resolve("unet.safetensors")));
        assertTrue(none.contains("unet.safetensors is no LoRA"), none);
    }
}
