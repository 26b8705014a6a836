package dev.darkroom.weights;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.darkroom.tensor.HostTensor;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

@DisplayName("Weights in shards")
class ShardedWeightsTest {
    private static final String INDEX = "diffusion_pytorch_model.safetensors.index.json";

    @TempDir
    private Path folder = Path.of("");

    private final SafetensorsFile whole =
            SafetensorsFile.open(ReferenceFiles.of("checkpoints/sd2/unet/diffusion_pytorch_model.safetensors"));

    private final ObjectNode index = new ObjectMapper().createObjectNode();

    @BeforeEach
    void splitIntoThree() throws IOException {
        List<String> names = List.copyOf(whole.names());
        ObjectNode map = index.putObject("weight_map");
        for (int shard = 0; shard < 3; shard++) {
            String file = "diffusion_pytorch_model-0000" + (shard + 1) + "-of-00003.safetensors";
            Map<String, HostTensor> tensors = new LinkedHashMap<>();
            for (int i = shard; i < names.size(); i += 3) {
                tensors.put(names.get(i), whole.get(names.get(i)));
                map.put(names.get(i), file);
            }
            SafetensorsWriter.write(folder.resolve(file), tensors, Map.of());
        }
        Files.writeString(folder.resolve("config.json"), "{\"_class_name\": \"UNet2DConditionModel\"}");
        writeIndex();
    }

    @Test
    void areTheSameAsInOneFile() {
        ReferenceFiles.assertSame(whole, ModelComponent.open(folder).weights());
    }

    @Test
    void thatAnotherProgramSplitAreTheSameToo() {
        Path sharded = ReferenceFiles.ofWholeSet("formats/sharded_controlnet");
        ReferenceFiles.assertSame(
                ModelComponent.open(ReferenceFiles.ofWholeSet("checkpoints/controlnet"))
                        .weights(),
                ModelComponent.open(sharded).weights());
    }

    @Test
    void withAMissingShardNameIt() throws IOException {
        Path shard = folder.resolve("diffusion_pytorch_model-00002-of-00003.safetensors");
        Files.delete(shard);
        assertRefused(shard + " is missing");
    }

    @Test
    void withATensorThatIsNotInItsShardNameBoth() throws IOException {
        index.withObjectProperty("weight_map")
                .put("conv_in.gain", "diffusion_pytorch_model-00001-of-00003.safetensors");
        writeIndex();
        assertRefused("tensor \"conv_in.gain\" is in diffusion_pytorch_model-00001-of-00003.safetensors");
    }

    @ParameterizedTest
    @ValueSource(strings = {"../outside.safetensors", "/etc/passwd", "..", "", "a\\b", "a\u0000b"})
    void neverComeFromOutsideTheFolder(String shard) throws IOException {
        index.withObjectProperty("weight_map").put("conv_in.weight", shard);
        writeIndex();
        assertRefused("is not the name of a file beside it");
    }

    @Test
    void withoutAMapAreRefused() throws IOException {
        index.remove("weight_map");
        writeIndex();
        assertRefused("has no \"weight_map\" object");
    }

    @Test
    void lackingATensorNameTheNearest() {
        WeightSource weights = ModelComponent.open(folder).weights();
        String message = ReferenceFiles.refusal(() -> weights.get("conv_in.wieght"));
        assertTrue(message.contains("nearest name is \"conv_in.weight\""), message);
        assertEquals(folder.resolve(INDEX).toString(), weights.describe());
    }

    private void assertRefused(String fault) {
        ModelComponent component = ModelComponent.open(folder);
        String message = ReferenceFiles.refusal(component::weights);
        assertTrue(message.contains(fault), message);
    }

    private void writeIndex() throws IOException {
        Files.writeString(folder.resolve(INDEX), index.toString());
    }
}
