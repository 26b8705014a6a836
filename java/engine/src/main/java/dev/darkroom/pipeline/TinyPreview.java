package dev.darkroom.pipeline;

import dev.darkroom.image.Picture;
import dev.darkroom.models.taesd.TinyAutoencoder;
import dev.darkroom.tensor.Device;
import dev.darkroom.tensor.Ops;
import dev.darkroom.tensor.Scope;
import dev.darkroom.tensor.Tensor;
import java.util.function.Supplier;

/** Pictures of latents in full size, by a tiny autoencoder. */
final class TinyPreview implements Preview {
    private final Supplier<TinyAutoencoder> network;

    /** @param network is asked for when the first preview is */
    TinyPreview(Supplier<TinyAutoencoder> network) {
        this.network = network;
    }

    @Override
    public Picture of(Device device, Tensor latents, double scale) {
        try (Scope scope = Scope.open(device, "preview")) {
            Tensor pixels = pixels(device.ops(scope), network.get(), latents, scale);
            return new Picture(pixels.dim(2), pixels.dim(1), pixels.toHostBytes());
        }
    }

    /** latents [1, h, w, c] → u8 [1, height, width, 3]. */
    static Tensor pixels(Ops ops, TinyAutoencoder network, Tensor latents, double scale) {
        return ops.scoped("pixels", s -> s.toPixels(network.decode(s, s.scale(latents, (float) scale))));
    }
}
