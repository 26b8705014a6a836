package dev.darkroom.weights;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.darkroom.tensor.DType;
import dev.darkroom.tensor.Shape;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;

@DisplayName("A path among weights")
class WeightPathTest {
    private final SafetensorsFile file =
            SafetensorsFile.open(ReferenceFiles.of("checkpoints/sd1/unet/diffusion_pytorch_model.safetensors"));
    private final WeightPath root = WeightPath.of(file);

    @Test
    void leadsToATensor() {
        WeightPath resnet = root.at("down_blocks").at(0).at("resnets").at(1);
        Shape shape = file.get("down_blocks.0.resnets.1.conv1.weight").shape();
        assertEquals(shape, resnet.at("conv1").tensor("weight", shape).shape());
        assertEquals("down_blocks.0.resnets.1", resnet.path());
        assertTrue(resnet.has("conv1.weight"));
        assertFalse(resnet.has("conv3.weight"));
    }

    @Test
    void toAMissingTensorNamesItAndItsShapeAndTheNearest() {
        WeightPath wrong = root.at("down_block").at(0).at("resnets").at(1).at("conv1");
        String message = ReferenceFiles.refusal(() -> wrong.tensor("weight", 16, 16, 3, 3));
        assertTrue(message.contains("no tensor \"down_block.0.resnets.1.conv1.weight\""), message);
        assertTrue(message.contains("expected with shape [16, 16, 3, 3]"), message);
        assertTrue(message.contains("nearest name is \"down_blocks.0.resnets.1.conv1.weight\""), message);
        assertTrue(message.startsWith(file.path().toString()), message);
    }

    @Test
    void toATensorOfAnotherShapeNamesBoth() {
        String message = ReferenceFiles.refusal(() -> root.at("conv_in").tensor("weight", 7, 4, 3, 3));
        assertTrue(message.contains("\"conv_in.weight\""), message);
        assertTrue(message.contains(file.get("conv_in.weight").shape().toString()), message);
        assertTrue(message.contains("[7, 4, 3, 3]"), message);
    }

    @Test
    void takesAMatrixForA1x1ConvolutionAndTheOtherWayRound() {
        WeightPath attention = root.at("down_blocks.0.attentions.0");
        Shape convolution =
                file.get("down_blocks.0.attentions.0.proj_in.weight").shape();
        assertEquals(4, convolution.rank());
        Shape matrix = Shape.of(convolution.dim(0), convolution.dim(1));
        assertEquals(matrix, attention.at("proj_in").tensor("weight", matrix).shape());

        WeightPath query = attention.at("transformer_blocks.0.attn1.to_q");
        Shape stored = file.get(query.path() + ".weight").shape();
        Shape asConvolution = Shape.of(stored.dim(0), stored.dim(1), 1, 1);
        assertEquals(asConvolution, query.tensor("weight", asConvolution).shape());
        assertThrows(WeightsException.class, () -> query.tensor("weight", 1, 1, stored.dim(0), stored.dim(1)));
        Shape bias = file.get("conv_in.bias").shape();
        assertThrows(WeightsException.class, () -> root.at("conv_in").tensor("bias", bias.dim(0), 1));
    }

    @Test
    void ofShapesAloneHasWhatIsAskedOfItAndRemembersIt() {
        ShapesOnlyWeights shapes = new ShapesOnlyWeights("unet", DType.F16);
        WeightPath path = WeightPath.of(shapes).at("conv_in");
        assertFalse(path.has("weight"));
        assertEquals(Shape.of(320, 4, 3, 3), path.tensor("weight", 320, 4, 3, 3).shape());
        path.tensor("bias", 320);
        assertEquals(Map.of("conv_in.weight", Shape.of(320, 4, 3, 3), "conv_in.bias", Shape.of(320)), shapes.asked());
        assertEquals(List.of("conv_in.weight", "conv_in.bias"), List.copyOf(shapes.names()));
        assertThrows(WeightsException.class, () -> path.tensor("bias", 4));
    }
}
