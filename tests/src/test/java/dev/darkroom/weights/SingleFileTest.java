package dev.darkroom.weights;

import static java.util.Objects.requireNonNull;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.darkroom.tensor.HostTensor;
import dev.darkroom.tensor.Shape;
import java.io.IOException;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

@DisplayName("A checkpoint in a single file")
class SingleFileTest {
    @TempDir
    private Path folder = Path.of("");

    @ParameterizedTest
    @ValueSource(strings = {"sd1", "sd2", "sdxl"})
    void isTheSameAsTheFolderTensorByTensor(String name) {
        Path file = ReferenceFiles.ofWholeSet("formats/" + name + ".safetensors");
        assertSameModel(folder(name), ModelFiles.open(file.toString()));
    }

    @ParameterizedTest
    @ValueSource(strings = {"sd1", "sd2", "sdxl"})
    void isNamedAsTheKeyMapsSay(String name) throws IOException {
        Map<String, HostTensor> original = OriginalNames.of(folder(name));
        JsonNode maps = keyMap(name);
        for (String network : List.of("unet", "vae")) {
            WeightSource weights = folder(name).weights(network);
            assertEquals(maps.get(network).size(), weights.names().size());
            for (Map.Entry<String, JsonNode> pair : maps.get(network).properties()) {
                HostTensor expected = weights.get(pair.getKey());
                HostTensor actual = requireNonNull(original.get(pair.getValue().asText()), pair.getKey());
                ReferenceFiles.assertSame(pair.getKey(), expected, actual.reshape(expected.shape()));
            }
        }
    }

    @Test
    void builtByTheKeyMapIsTheSameAsTheFolder() throws IOException {
        Path file = folder.resolve("anything at all.bin");
        SafetensorsWriter.write(file, builtByKeyMap(), Map.of());
        assertSameModel(folder("sd1"), ModelFiles.open(file.toString()));
    }

    @ParameterizedTest
    @ValueSource(strings = {"sd1", "sd2", "sdxl"})
    void thatWeWriteIsReadAsTheFolder(String name) {
        Path file = folder.resolve("model.safetensors");
        SafetensorsWriter.write(file, OriginalNames.of(folder(name)), Map.of());
        assertSameModel(folder(name), ModelFiles.open(file.toString()));
    }

    @Test
    @DisplayName("correctness 23: VAE attention is convolutions in original files, matrices in ours")
    void keepsVaeAttentionAsConvolutionsWhenWritten() {
        HostTensor query =
                requireNonNull(OriginalNames.of(folder("sd1")).get("first_stage_model.encoder.mid.attn_1.q.weight"));
        assertEquals(4, query.shape().rank());
    }

    @Test
    void holdsQueryKeyAndValueOfOpenClipInThisOrderAndTheProjectionTransposed() {
        Map<String, HostTensor> original = OriginalNames.of(folder("sdxl"));
        WeightSource text = folder("sdxl").weights("text_encoder_2");
        String encoder = "conditioner.embedders.1.model.";
        for (String parameter : List.of("weight", "bias")) {
            HostTensor fused =
                    requireNonNull(original.get(encoder + "transformer.resblocks.2.attn.in_proj_" + parameter));
            int rows = fused.shape().dim(0) / 3;
            List<String> order = List.of("q_proj", "k_proj", "v_proj");
            for (int i = 0; i < order.size(); i++) {
                String name = "text_model.encoder.layers.2.self_attn." + order.get(i) + "." + parameter;
                ReferenceFiles.assertSame(name, text.get(name), fused.rows(i * rows, (i + 1) * rows));
            }
        }
        HostTensor projection = text.get("text_projection.weight");
        int width = projection.shape().dim(1);
        float[] rows = projection.toFloats();
        float[] columns =
                requireNonNull(original.get(encoder + "text_projection")).toFloats();
        assertEquals(rows[3 * width + 5], columns[5 * projection.shape().dim(0) + 3]);
        assertNotEquals(rows[3 * width + 5], rows[5 * width + 3]);
    }

    @Test
    void isTransposedWithoutMixingRowsAndColumns() {
        HostTensor matrix = HostTensor.of("m", Shape.of(2, 3), 1f, 2, 3, 4, 5, 6);
        HostTensor transposed = TensorViews.transposed(matrix);
        assertEquals(Shape.of(3, 2), transposed.shape());
        assertArrayEquals(new float[] {1, 4, 2, 5, 3, 6}, transposed.toFloats());
    }

    @ParameterizedTest
    @ValueSource(strings = {"sd1", "sd2", "sdxl"})
    @DisplayName("correctness 16: tells its sizes by its shapes, and whether the U-Net's projections are convolutions or matrices")
    void tellsItsSizesByItsShapes(String name) {
        Path file = folder.resolve("model.safetensors");
        SafetensorsWriter.write(file, OriginalNames.of(folder(name)), Map.of());
        ModelFiles model = ModelFiles.open(file.toString());
        assertConfig(
                folder(name),
                model,
                "unet",
                "block_out_channels layers_per_block in_channels out_channels"
                        + " cross_attention_dim use_linear_projection down_block_types up_block_types"
                        + " transformer_layers_per_block projection_class_embeddings_input_dim addition_time_embed_dim");
        assertConfig(
                folder(name),
                model,
                "vae",
                "block_out_channels layers_per_block in_channels out_channels"
                        + " latent_channels scaling_factor down_block_types up_block_types use_quant_conv");
        assertConfig(
                folder(name),
                model,
                "text_encoder",
                "hidden_size num_hidden_layers intermediate_size vocab_size" + " max_position_embeddings hidden_act");
    }

    @Test
    void ofOneVaeIsAComponentButNoModel() {
        Map<String, HostTensor> vae = new LinkedHashMap<>();
        OriginalNames.of(folder("sd2")).forEach((name, tensor) -> {
            if (name.startsWith("first_stage_model.")) {
                vae.put(name.substring("first_stage_model.".length()), tensor);
            }
        });
        Path file = folder.resolve("vae.safetensors");
        SafetensorsWriter.write(file, vae, Map.of());
        ReferenceFiles.assertSame(
                folder("sd2").weights("vae"), ModelComponent.openVae(file).weights());
        assertRefused(file, "is not a whole model: it is a VAE (original names)");
        Path diffusers = ReferenceFiles.of("checkpoints/sd2/vae/diffusion_pytorch_model.safetensors");
        ReferenceFiles.assertSame(
                folder("sd2").weights("vae"), ModelComponent.openVae(diffusers).weights());
        assertThrows(WeightsException.class, () -> ModelComponent.openVae(unetFile()));
    }

    @Test
    void ofAnythingElseIsRefusedWithWhatItIs() {
        assertRefused(unetFile(), "it is a U-Net (diffusers names)");
        assertRefused(ReferenceFiles.of("checkpoints/sd1/text_encoder/model.safetensors"), "it is a CLIP text encoder");
        assertRefused(
                ReferenceFiles.of("formats/malformed/ok_no_tensors.safetensors"),
                "of an unknown kind (it has no tensors)");
        Path file = folder.resolve("model.safetensors");
        SafetensorsWriter.write(file, Map.of("foo.bar", HostTensor.of("x", Shape.of(1), 1f)), Map.of());
        assertRefused(file, "of an unknown kind (1 tensors, as foo.bar)");
    }

    @Test
    void takesTheHeadCountsItIsGiven() throws IOException {
        Path file = folder.resolve("model.safetensors");
        SafetensorsWriter.write(file, builtByKeyMap(), Map.of());
        ModelFiles model =
                ModelFiles.open(file.toString(), Map.of("unet", folder("sd1").config("unet")));
        assertEquals(folder("sd1").config("unet"), model.config("unet"));
        assertEquals(
                8,
                ModelFiles.open(file.toString())
                        .config("unet")
                        .get("attention_head_dim")
                        .asInt());
    }

    private static void assertSameModel(ModelFiles expected, ModelFiles actual) {
        assertEquals(expected.family(), actual.family());
        assertEquals(new TreeSet<>(expected.names()), new TreeSet<>(actual.names()));
        for (String name : expected.names()) {
            assertEquals(
                    expected.component(name).isNetwork(), actual.component(name).isNetwork());
            if (expected.component(name).isNetwork()) {
                ReferenceFiles.assertSame(expected.weights(name), actual.weights(name));
            }
        }
        assertFalse(actual.isInpainting());
    }

    private static void assertConfig(ModelFiles expected, ModelFiles actual, String component, String fields) {
        for (String field : Set.of(fields.split(" "))) {
            JsonNode value = expected.config(component).path(field);
            assertEquals(value, actual.config(component).path(field), component + "." + field);
        }
    }

    /** The Stable Diffusion 1 folder under the names that the reference's key map gives, with what else such files hold. */
    private static Map<String, HostTensor> builtByKeyMap() throws IOException {
        Map<String, HostTensor> tensors = new LinkedHashMap<>();
        ModelFiles model = folder("sd1");
        JsonNode maps = keyMap("sd1");
        for (String network : List.of("unet", "vae")) {
            WeightSource weights = model.weights(network);
            for (Map.Entry<String, JsonNode> pair : maps.get(network).properties()) {
                tensors.put(pair.getValue().asText(), weights.get(pair.getKey()));
            }
        }
        WeightSource text = model.weights("text_encoder");
        text.names().forEach(name -> tensors.put("cond_stage_model.transformer." + name, text.get(name)));
        tensors.put(
                "cond_stage_model.transformer.text_model.embeddings.position_ids",
                HostTensor.of("ids", Shape.of(1, 2), 0, 1));
        tensors.put("alphas_cumprod", HostTensor.of("alphas", Shape.of(2), 1f, 0.9f));
        tensors.put("model_ema.decay", HostTensor.of("decay", Shape.of(), 0.9f));
        return tensors;
    }

    private static JsonNode keyMap(String name) throws IOException {
        return new ObjectMapper()
                .readTree(ReferenceFiles.of("formats/key_map_" + name + ".json").toFile());
    }

    private static ModelFiles folder(String name) {
        return ModelFiles.open(ReferenceFiles.of("checkpoints/" + name).toString());
    }

    private static Path unetFile() {
        return ReferenceFiles.of("checkpoints/sd1/unet/diffusion_pytorch_model.safetensors");
    }

    private static void assertRefused(Path file, String fault) {
        String message = ReferenceFiles.refusal(() -> ModelFiles.open(file.toString()));
        assertTrue(message.contains(fault), message);
    }
}
