package dev.darkroom.weights;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.darkroom.tensor.HostTensor;
import dev.darkroom.tensor.Shape;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.UnaryOperator;
import java.util.stream.Stream;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

@DisplayName("A model")
class ModelFilesTest {
    private static final String WEIGHTS = "diffusion_pytorch_model.safetensors";

    @TempDir
    private Path temporary = Path.of("");

    @ParameterizedTest
    @CsvSource({"sd1, SD1", "sd2, SD2", "sdxl, SDXL"})
    void inAFolderHasTheComponentsThatItsIndexLists(String name, ModelFamily family) {
        ModelFiles model =
                ModelFiles.open(ReferenceFiles.of("checkpoints/" + name).toString());
        assertEquals(family, model.family());
        assertFalse(model.isInpainting());
        assertEquals(family == ModelFamily.SDXL, model.has("text_encoder_2"));
        assertFalse(model.has("safety_checker"));
        assertTrue(model.weights("unet").has("conv_in.weight"));
        assertTrue(model.weights("text_encoder").has("text_model.final_layer_norm.weight"));
        assertTrue(model.component("tokenizer")
                .folder()
                .orElseThrow()
                .resolve("vocab.json")
                .toFile()
                .exists());
        assertEquals(
                "UNet2DConditionModel", model.config("unet").get("_class_name").asText());
        assertFalse(model.component("scheduler").isNetwork());
        assertThrows(WeightsException.class, () -> model.weights("scheduler"));
    }

    @Test
    void takesTheConfigsItIsGiven() throws IOException {
        JsonNode config = new ObjectMapper().readTree("{\"in_channels\": 9}");
        ModelFiles model = ModelFiles.open(sd1().toString(), Map.of("unet", config));
        assertEquals(config, model.config("unet"));
        assertTrue(model.isInpainting());
        assertTrue(model.weights("unet").has("conv_in.weight"));
    }

    @Test
    void thatIsNotThereIsNamed() {
        assertRefused("there is no model \"none/at/all\"", "none/at/all");
        assertRefused(
                "is no model folder: it has no model_index.json",
                sd1().resolve("unet").toString());
        assertRefused(
                "is not a valid safetensors file",
                sd1().resolve("model_index.json").toString());
    }

    @ParameterizedTest
    @ValueSource(strings = {"unet", "vae", "text_encoder", "scheduler", "tokenizer"})
    void withoutAComponentThatItListsNamesIt(String component) throws IOException {
        Path copy = copy(sd1());
        Files.move(copy.resolve(component), copy.resolve("elsewhere"));
        assertRefused(copy.resolve(component) + " is missing: model_index.json lists", copy.toString());
    }

    @Test
    void mayLackAListedComponentThatNoPictureTakes() throws IOException {
        Path copy = copy(sd1());
        writeIndexWith(copy, "image_encoder");
        assertFalse(ModelFiles.open(copy.toString()).has("image_encoder"));
    }

    @Test
    void isNeverReadFromOutsideItsFolder() throws IOException {
        Path copy = copy(sd1());
        writeIndexWith(copy, "../elsewhere");
        assertRefused("lists the component \"../elsewhere\", which is no folder name", copy.toString());
    }

    private static void writeIndexWith(Path folder, String component) throws IOException {
        Path file = folder.resolve("model_index.json");
        ObjectNode index = (ObjectNode) new ObjectMapper().readTree(file.toFile());
        index.putArray(component).add("library").add("Class");
        Files.writeString(file, index.toString());
    }

    @Test
    void withoutAConfigNamesIt() throws IOException {
        Path copy = copy(sd1());
        Files.delete(copy.resolve("vae/config.json"));
        assertRefused(copy.resolve("vae") + " has none of config.json", copy.toString());
        Files.writeString(copy.resolve("vae/config.json"), "{\"a\": ");
        assertRefused(copy.resolve("vae/config.json") + " is not valid JSON", copy.toString());
    }

    @Test
    void withoutWeightsSaysWhatWasLookedForAndFound() throws IOException {
        Path copy = copy(sd1());
        Files.move(copy.resolve("vae").resolve(WEIGHTS), copy.resolve("vae/diffusion_pytorch_model.msgpack"));
        ModelFiles model = ModelFiles.open(copy.toString());
        String message = ReferenceFiles.refusal(() -> model.weights("vae"));
        assertTrue(message.contains("looked for " + WEIGHTS), message);
        assertTrue(message.contains("found config.json, diffusion_pytorch_model.msgpack"), message);
    }

    @Test
    void withOnlyTheFp16VariantTakesIt() throws IOException {
        Path copy = copy(sd1());
        Path unet = copy.resolve("unet");
        Files.move(unet.resolve(WEIGHTS), unet.resolve("diffusion_pytorch_model.fp16.safetensors"));
        ReferenceFiles.assertSame(
                ModelFiles.open(sd1().toString()).weights("unet"),
                ModelFiles.open(copy.toString()).weights("unet"));
    }

    @Test
    @DisplayName("correctness 23: with the old names of VAE attention is seen under the present ones")
    void withTheOldNamesOfVaeAttentionIsSeenUnderThePresentOnes() throws IOException {
        Path copy = copy(sd1());
        Path vae = copy.resolve("vae").resolve(WEIGHTS);
        rewrite(vae, name -> name.replace(".to_q.", ".query.")
                .replace(".to_k.", ".key.")
                .replace(".to_v.", ".value.")
                .replace(".to_out.0.", ".proj_attn."));
        assertTrue(SafetensorsFile.open(vae).has("encoder.mid_block.attentions.0.query.weight"));
        ReferenceFiles.assertSame(
                ModelFiles.open(sd1().toString()).weights("vae"),
                ModelFiles.open(copy.toString()).weights("vae"));
    }

    @ParameterizedTest
    @ValueSource(strings = {"text_encoder", "text_encoder_2"})
    void withTextEncodersWithoutThePrefixIsSeenWithIt(String encoder) throws IOException {
        Path original = ReferenceFiles.of("checkpoints/sdxl");
        Path copy = copy(original);
        Path file = copy.resolve(encoder).resolve("model.safetensors");
        rewrite(file, name -> name.replaceFirst("^text_model\\.", ""));
        assertTrue(SafetensorsFile.open(file).has("final_layer_norm.weight"));
        ReferenceFiles.assertSame(
                ModelFiles.open(original.toString()).weights(encoder),
                ModelFiles.open(copy.toString()).weights(encoder));
    }

    @Test
    void thatTransformers5WroteIsTheSame() {
        Path present = ReferenceFiles.ofWholeSet("formats/text_encoder_new_names");
        ReferenceFiles.assertSame(
                ModelComponent.open(ReferenceFiles.of("checkpoints/sdxl/text_encoder_2"))
                        .weights(),
                ModelComponent.open(present).weights());
    }

    @Test
    void withTheSameTensorInBothSpellingsIsRefused() throws IOException {
        Path copy = copy(sd1());
        Path file = copy.resolve("text_encoder/model.safetensors");
        Map<String, HostTensor> tensors = tensors(SafetensorsFile.open(file), UnaryOperator.identity());
        tensors.put("final_layer_norm.weight", HostTensor.of("x", Shape.of(1), 1f));
        SafetensorsWriter.write(file, tensors, Map.of());
        ModelFiles model = ModelFiles.open(copy.toString());
        String message = ReferenceFiles.refusal(() -> model.weights("text_encoder"));
        assertTrue(message.contains("both spellings of \"text_model.final_layer_norm.weight\""), message);
    }

    @Test
    void ofTheHuggingFaceCacheIsFoundByItsName() throws IOException {
        Path tools = temporary.resolve("home");
        Path hub = Files.createDirectories(tools.resolve("hub"));
        Path model = hub.resolve("models--some-org--tiny.model");
        Files.createDirectories(model.resolve("refs"));
        Files.createDirectories(model.resolve("snapshots"));
        Files.writeString(model.resolve("refs/main"), "0a1b2c\n");
        Path snapshot = model.resolve("snapshots/0a1b2c");
        Files.move(copy(sd1()), snapshot);
        Path elsewhere = temporary.resolve("elsewhere");
        for (HuggingFaceCache cache : List.of(
                HuggingFaceCache.of(Map.of("HF_HUB_CACHE", hub.toString(), "HF_HOME", "/none"), elsewhere),
                HuggingFaceCache.of(Map.of("HF_HOME", tools.toString()), elsewhere))) {
            assertEquals(snapshot, cache.snapshot("some-org/tiny.model"));
            assertEquals(snapshot, cache.snapshot("some-org/tiny.model@main"));
            assertEquals(snapshot, cache.snapshot("some-org/tiny.model@0a1b2c"));
            String revision = ReferenceFiles.refusal(() -> cache.snapshot("some-org/tiny.model@fp16"));
            assertTrue(revision.contains(model.resolve("refs/fp16").toString()), revision);
            String name = ReferenceFiles.refusal(() -> cache.snapshot("some-org/other"));
            assertTrue(name.contains(hub.resolve("models--some-org--other").toString()), name);
            assertThrows(WeightsException.class, () -> cache.snapshot("../up"));
        }
    }

    @Test
    void ofTheHuggingFaceCacheIsLookedForInTheHomeFolderLast() {
        HuggingFaceCache cache = HuggingFaceCache.of(Map.of("HF_HOME", ""), temporary);
        String message = ReferenceFiles.refusal(() -> cache.snapshot("a/b"));
        assertTrue(
                message.contains(
                        temporary.resolve(".cache/huggingface/hub/models--a--b").toString()),
                message);
    }

    private static Path sd1() {
        return ReferenceFiles.of("checkpoints/sd1");
    }

    private static void assertRefused(String fault, String spec) {
        String message = ReferenceFiles.refusal(() -> ModelFiles.open(spec));
        assertTrue(message.contains(fault), message);
    }

    private static void rewrite(Path file, UnaryOperator<String> rename) {
        SafetensorsWriter.write(file, tensors(SafetensorsFile.open(file), rename), Map.of());
    }

    private static Map<String, HostTensor> tensors(SafetensorsFile file, UnaryOperator<String> rename) {
        Map<String, HostTensor> tensors = new LinkedHashMap<>();
        file.names().forEach(name -> tensors.put(rename.apply(name), file.get(name)));
        return tensors;
    }

    private Path copy(Path folder) throws IOException {
        Path copy = temporary.resolve("copy");
        try (Stream<Path> files = Files.walk(folder)) {
            for (Path file : files.toList()) {
                Files.copy(file, copy.resolve(folder.relativize(file).toString()));
            }
        }
        return copy;
    }
}
