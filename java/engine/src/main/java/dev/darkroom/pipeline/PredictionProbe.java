package dev.darkroom.pipeline;

import dev.darkroom.models.unet.Conditioning;
import dev.darkroom.models.unet.UNet;
import dev.darkroom.sampling.Prediction;
import dev.darkroom.tensor.DType;
import dev.darkroom.tensor.Device;
import dev.darkroom.tensor.HostTensor;
import dev.darkroom.tensor.Ops;
import dev.darkroom.tensor.Scope;
import dev.darkroom.tensor.Shape;
import dev.darkroom.tensor.Tensor;
import java.util.Arrays;

/**
 * Asks a U-Net of Stable Diffusion 2 whether it predicts noise or velocity, where its file does not say: at the last time a sample is all noise, so that
 * noise prediction returns about the sample and velocity prediction about minus the picture. AUTOMATIC1111's question and threshold
 * (is_using_v_parameterization_for_sd2): input and text of 0.5, latents of 8 x 8, the mean of output minus input below -1.
 */
final class PredictionProbe {
    private static final int SIDE = 8;
    private static final int TOKENS = 2;
    private static final int TIME = 999;
    private static final float VALUE = 0.5f;
    private static final double VELOCITY_BELOW = -1;

    private PredictionProbe() {}

    static Prediction ask(Device device, UNet unet) {
        try (Scope scope = Scope.open(device, "probe")) {
            Ops ops = device.ops(scope);
            Tensor x = filled(ops, DType.F32, 1, SIDE, SIDE, unet.config().inChannels());
            Tensor context = filled(ops, unet.dtype(), 1, TOKENS, unet.config().contextWidths().get(0));
            Conditioning conditioning = unet.condition(ops, context);
            Tensor output = unet.forward(
                    ops, x, unet.times(ops, new float[][] {{TIME}}, conditioning).first(ops), conditioning);
            double sum = 0;
            float[] values = output.toHost();
            for (float value : values) {
                sum += value - VALUE;
            }
            return sum / values.length < VELOCITY_BELOW ? Prediction.V_PREDICTION : Prediction.EPSILON;
        }
    }

    private static Tensor filled(Ops ops, DType dtype, int... dims) {
        Shape shape = Shape.of(dims);
        float[] values = new float[(int) shape.count()];
        Arrays.fill(values, VALUE);
        return ops.upload(HostTensor.of("probe", shape, values), dtype);
    }
}
