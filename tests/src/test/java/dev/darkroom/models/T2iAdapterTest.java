package dev.darkroom.models;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.darkroom.cuda.SoftwareCuda;
import dev.darkroom.device.Devices;
import dev.darkroom.models.adapter.T2iAdapter;
import dev.darkroom.models.adapter.T2iAdapterConfig;
import dev.darkroom.nn.Parameters;
import dev.darkroom.reference.Comparison;
import dev.darkroom.tensor.ChannelOrder;
import dev.darkroom.tensor.DType;
import dev.darkroom.tensor.Device;
import dev.darkroom.tensor.HostTensor;
import dev.darkroom.tensor.Ops;
import dev.darkroom.tensor.Scope;
import dev.darkroom.tensor.Shape;
import dev.darkroom.tensor.Tensor;
import dev.darkroom.weights.ModelComponent;
import dev.darkroom.weights.ReferenceFiles;
import dev.darkroom.weights.SafetensorsFile;
import dev.darkroom.weights.WeightPath;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Against goldens that weights-tools/reference/t2i_adapter.py computed in float64. */
@DisplayName("T2I-Adapters")
class T2iAdapterTest {
    private static final double LIMIT = 1e-5; // f32, relative to the largest

    @ParameterizedTest
    @ValueSource(strings = {"full", "full_xl"})
    void giveTheFeaturesOfTheirPicture(String name) {
        check("cpu", name);
    }

    @Tag("software-cuda")
    @ParameterizedTest
    @ValueSource(strings = {"full", "full_xl"})
    void giveTheSameOnTheCudaDevice(String name) {
        assumeTrue(SoftwareCuda.build(), SoftwareCuda.NEEDS);
        check("cuda", name);
    }

    private static void check(String spec, String name) {
        Path folder = ReferenceFiles.of("t2i_adapter/" + name);
        ModelComponent part = ModelComponent.open(folder);
        SafetensorsFile golden = SafetensorsFile.open(folder.resolve("golden.safetensors"));
        try (Device device = Devices.open(spec, 0);
                Scope scope = Scope.open(device, "test")) {
            Ops ops = device.ops(scope);
            Parameters parameters = new Parameters(ops, DType.F32, WeightPath.of(part.weights()));
            T2iAdapter adapter = new T2iAdapter(parameters, T2iAdapterConfig.of(name, part.config()));
            List<Tensor> features = adapter.features(ops, upload(ops, golden.get("picture")));
            assertEquals(adapter.config().channels().size(), features.size());
            for (int i = 0; i < features.size(); i++) {
                Tensor feature = features.get(i);
                HostTensor expected = golden.get("feature." + i);
                float[] actual = ChannelOrder.toChannelsFirst(
                        feature.toHost(), 1, feature.dim(1), feature.dim(2), feature.dim(3));
                assertEquals(expected.shape(), Shape.of(1, feature.dim(3), feature.dim(1), feature.dim(2)));
                double error = Comparison.of(actual, expected.toFloats()).max();
                assertTrue(error <= LIMIT, "feature " + i + " errs by " + error);
            }
        }
    }

    private static Tensor upload(Ops ops, HostTensor nchw) {
        Shape s = nchw.shape();
        float[] values = ChannelOrder.toChannelsLast(nchw.toFloats(), s.dim(0), s.dim(1), s.dim(2), s.dim(3));
        return ops.upload(Shape.of(s.dim(0), s.dim(2), s.dim(3), s.dim(1)), values);
    }
}
