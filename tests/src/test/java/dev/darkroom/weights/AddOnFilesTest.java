package dev.darkroom.weights;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import dev.darkroom.tensor.HostTensor;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.function.UnaryOperator;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

@DisplayName("Networks used beside a model")
class AddOnFilesTest {
    private static final Path CONTROLNET = ReferenceFiles.of("checkpoints/controlnet");
    private static final Path TAESD = ReferenceFiles.of("checkpoints/taesd");
    private static final int LAYERS = 2; // residual blocks of each of the ControlNet's levels

    @TempDir
    private Path folder = Path.of("");

    /** A file with the tensors of {@code weights} under other names; those that get none are left out. */
    private Path file(String name, WeightSource weights, UnaryOperator<String> spelling) {
        Map<String, HostTensor> tensors = new TreeMap<>();
        for (String each : weights.names()) {
            String other = spelling.apply(each);
            if (!other.isEmpty()) {
                tensors.put(other, weights.get(each));
            }
        }
        Path path = folder.resolve(name);
        SafetensorsWriter.write(path, tensors, Map.of());
        return path;
    }

    /** What lllyasviel's files call the tensor that diffusers calls {@code name}. */
    private static String original(String name) {
        Map<String, String> inBlock = Map.of(
                "norm1", "in_layers.0",
                "conv1", "in_layers.2",
                "time_emb_proj", "emb_layers.1",
                "norm2", "out_layers.0",
                "conv2", "out_layers.3",
                "conv_shortcut", "skip_connection");
        Matcher block = Pattern.compile("down_blocks\\.(\\d)\\.(resnets|attentions|downsamplers)\\.(\\d)\\.(.*)")
                .matcher(name);
        if (block.matches()) {
            int first = 1 + Integer.parseInt(block.group(1)) * (LAYERS + 1);
            int number = first + (block.group(2).equals("downsamplers") ? LAYERS : Integer.parseInt(block.group(3)));
            String rest = block.group(4);
            return "input_blocks." + number + "."
                    + switch (block.group(2)) {
                        case "resnets" -> "0." + inside(inBlock, rest);
                        case "attentions" -> "1." + rest;
                        default -> "0." + rest.replace("conv.", "op.");
                    };
        }
        Matcher hint = Pattern.compile("controlnet_cond_embedding\\.blocks\\.(\\d)\\.(.*)")
                .matcher(name);
        if (hint.matches()) {
            return "input_hint_block." + (2 + 2 * Integer.parseInt(hint.group(1))) + "." + hint.group(2);
        }
        return name.replaceFirst("^controlnet_cond_embedding\\.conv_in", "input_hint_block.0")
                .replaceFirst("^controlnet_cond_embedding\\.conv_out", "input_hint_block.14")
                .replaceFirst("^controlnet_down_blocks\\.(\\d+)", "zero_convs.$1.0")
                .replaceFirst("^controlnet_mid_block", "middle_block_out.0")
                .replaceFirst("^conv_in", "input_blocks.0.0")
                .replaceFirst("^time_embedding\\.linear_1", "time_embed.0")
                .replaceFirst("^time_embedding\\.linear_2", "time_embed.2")
                .replaceFirst("^mid_block\\.attentions\\.0", "middle_block.1")
                .replaceFirst("^mid_block\\.resnets\\.0\\.(.*)", "middle_block.0.$1")
                .replaceFirst("^mid_block\\.resnets\\.1\\.(.*)", "middle_block.2.$1")
                .transform(other -> other.startsWith("middle_block.0.") || other.startsWith("middle_block.2.")
                        ? other.substring(0, 15) + inside(inBlock, other.substring(15))
                        : other);
    }

    private static String inside(Map<String, String> inBlock, String rest) {
        int dot = rest.indexOf('.');
        return inBlock.get(rest.substring(0, dot)) + rest.substring(dot);
    }

    @ParameterizedTest
    @ValueSource(strings = {"control_model.", ""})
    void aControlNetOfTheOriginalNamesIsTheSameAsItsFolder(String prefix) {
        ModelComponent expected = AddOnFiles.open(CONTROLNET.toString());
        Path file = file("control.safetensors", expected.weights(), name -> prefix + original(name));
        ModelComponent actual = AddOnFiles.open(file.toString());
        ReferenceFiles.assertSame(expected.weights(), actual.weights());
        for (String field : List.of(
                "_class_name",
                "block_out_channels",
                "down_block_types",
                "layers_per_block",
                "in_channels",
                "cross_attention_dim",
                "conditioning_embedding_out_channels",
                "conditioning_channels")) {
            assertEquals(expected.config().get(field), actual.config().get(field), field);
        }
    }

    @Test
    void aControlNetOfDiffusersNamesInOneFileIsRecognised() {
        ModelComponent expected = AddOnFiles.open(CONTROLNET.toString());
        Path file = file("control.safetensors", expected.weights(), name -> name);
        ReferenceFiles.assertSame(
                expected.weights(), AddOnFiles.open(file.toString()).weights());
    }

    /** The author's file of the decoder, his file of both, and diffusers'. */
    @ParameterizedTest
    @ValueSource(strings = {"", "taesd_decoder."})
    void aTaesdOfTheAuthorsNamesIsTheSameAsItsFolder(String prefix) {
        WeightSource both = AddOnFiles.open(TAESD.toString()).weights();
        Path file = file("taesd.safetensors", both, name -> {
            Matcher decoder = Pattern.compile("decoder\\.layers\\.(\\d+)(.*)").matcher(name);
            if (decoder.matches()) {
                return prefix + (Integer.parseInt(decoder.group(1)) + 1) + decoder.group(2);
            }
            return prefix.isEmpty() ? "" : name.replace("encoder.layers.", "taesd_encoder.");
        });
        ModelComponent actual = AddOnFiles.open(file.toString());
        assertEquals("AutoencoderTiny", actual.config().path("_class_name").asText());
        assertEquals(
                16, actual.config().path("decoder_block_out_channels").path(3).asInt());
        for (String name : both.names()) {
            if (name.startsWith("decoder.") || !prefix.isEmpty()) {
                ReferenceFiles.assertSame(name, both.get(name), actual.weights().get(name));
            }
        }
    }

    @Test
    void theEncoderOfATaesdAloneIsRefused() {
        WeightSource both = AddOnFiles.open(TAESD.toString()).weights();
        Path file = file(
                "encoder.safetensors",
                both,
                name -> name.startsWith("encoder.") ? name.substring("encoder.layers.".length()) : "");
        String refusal = ReferenceFiles.refusal(() -> AddOnFiles.open(file.toString()));
        assertTrue(
                refusal.contains("to be used beside a model") || refusal.contains("encoder of a TAESD alone"), refusal);
    }

    @Test
    void aT2iAdapterInOneFileTellsItsSizes() {
        ModelComponent expected =
                AddOnFiles.open(ReferenceFiles.of("t2i_adapter/full_xl").toString());
        Path file = file("adapter.safetensors", expected.weights(), name -> name);
        JsonNode config = AddOnFiles.open(file.toString()).config();
        assertEquals("T2IAdapter", config.path("_class_name").asText());
        assertEquals(expected.config().get("channels"), config.get("channels"));
        assertEquals(expected.config().get("num_res_blocks"), config.get("num_res_blocks"));
    }

    @Test
    void anIpAdapterIsRecognisedByItsTensors() {
        Path file = ReferenceFiles.of("checkpoints/ip_adapter/ip-adapter.safetensors");
        assertEquals(
                AddOnFiles.IP_ADAPTER,
                AddOnFiles.open(file.toString()).config().path("_class_name").asText());
    }

    @Test
    void whatIsNoneOfThemIsNamed() {
        Path vae = ReferenceFiles.of("checkpoints/sd1/vae/diffusion_pytorch_model.safetensors");
        String refusal = ReferenceFiles.refusal(() -> AddOnFiles.open(vae.toString()));
        assertTrue(refusal.contains("it is a VAE") && refusal.contains("give a ControlNet"), refusal);
        String missing = ReferenceFiles.refusal(() -> AddOnFiles.open("no such file.safetensors"));
        assertTrue(missing.contains("no such folder or file"), missing);
    }
}
