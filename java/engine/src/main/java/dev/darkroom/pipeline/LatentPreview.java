package dev.darkroom.pipeline;

import dev.darkroom.image.Picture;
import dev.darkroom.models.vae.Autoencoder;
import dev.darkroom.tensor.DType;
import dev.darkroom.tensor.Device;
import dev.darkroom.tensor.Ops;
import dev.darkroom.tensor.Scope;
import dev.darkroom.tensor.Shape;
import dev.darkroom.tensor.Tensor;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/**
 * Rough pictures of latents without the decoder: a linear map from latent channels to colours.
 *
 * <p>The map is the decoder's own answer to small uniform latents, taken once when the first preview is asked for, so that it fits
 * whatever autoencoder a model has.
 */
final class LatentPreview implements Preview {
    private static final int PATCH = 4; // latent pixels in each direction: enough for the decoder's kernels

    private final Supplier<Autoencoder> network;
    private float @Nullable [] colours; // [channels + 1, 3]: the colour of zero, then what each channel adds

    /** @param network is asked for when the first preview is */
    LatentPreview(Supplier<Autoencoder> network) {
        this.network = network;
    }

    /** A picture of w × h pixels. */
    @Override
    public Picture of(Device device, Tensor latents, double scale) {
        float[] map = fit(device);
        float[] values = latents.toHost();
        int channels = latents.dim(3);
        byte[] rgb = new byte[latents.dim(1) * latents.dim(2) * 3];
        for (int i = 0; i < rgb.length; i++) {
            double colour = map[i % 3];
            for (int c = 0; c < channels; c++) {
                colour += map[3 * (c + 1) + i % 3] * scale * values[i / 3 * channels + c];
            }
            rgb[i] = (byte) Math.rint(255 * Math.max(0, Math.min(1, colour / 2 + 0.5)));
        }
        return new Picture(latents.dim(2), latents.dim(1), rgb);
    }

    /** Finds the map, where it is not known yet. */
    float[] fit(Device device) {
        float[] known = colours;
        if (known == null) {
            known = answers(device, network.get());
            colours = known;
        }
        return known;
    }

    private static float[] answers(Device device, Autoencoder vae) {
        int channels = vae.config().latentChannels();
        int pixels = PATCH * PATCH;
        float[] patches = new float[(channels + 1) * pixels * channels]; // zero, then one patch of 1 for each channel
        for (int c = 0; c < channels; c++) {
            for (int i = 0; i < pixels; i++) {
                patches[((c + 1) * pixels + i) * channels + c] = 1;
            }
        }
        try (Scope scope = Scope.open(device, "preview")) {
            Ops ops = device.ops(scope);
            Tensor latents = ops.upload(Shape.of(channels + 1, PATCH, PATCH, channels), patches);
            float[] decoded = ops.cast(vae.decode(ops, vae.unscaled(ops, latents)), DType.F32)
                    .toHost();
            float[] means = means(decoded, channels + 1);
            for (int i = 3; i < means.length; i++) {
                means[i] -= means[i % 3];
            }
            return means;
        }
    }

    /** decoded [n, h, w, 3] → the mean colour of each image [n, 3]. */
    private static float[] means(float[] decoded, int n) {
        float[] means = new float[n * 3];
        int size = decoded.length / n;
        for (int i = 0; i < decoded.length; i++) {
            means[i / size * 3 + i % 3] += decoded[i] / (size / 3);
        }
        return means;
    }
}
