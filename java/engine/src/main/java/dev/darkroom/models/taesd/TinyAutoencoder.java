package dev.darkroom.models.taesd;

import dev.darkroom.nn.Parameters;
import dev.darkroom.tensor.DType;
import dev.darkroom.tensor.Ops;
import dev.darkroom.tensor.Tensor;
import org.jspecify.annotations.Nullable;

/**
 * A small autoencoder that was trained to do roughly what a model's own does (Bohan 2023, TAESD): a picture for a hundredth of the work, good enough for previews.
 *
 * <p>Its latents are in the U-Net's scale.
 */
public final class TinyAutoencoder {
    private final TinyConfig config;
    private final DType dtype;
    private final @Nullable TinyEncoder encoder;
    private final TinyDecoder decoder;

    /**
     * A tiny autoencoder whose parameters are {@code p}, checked against {@code config}.
     *
     * @param encodes whether the encoder is wanted; files may hold the decoder alone
     */
    public TinyAutoencoder(Parameters p, TinyConfig config, boolean encodes) {
        this.config = config;
        this.dtype = p.dtype();
        encoder = encodes ? new TinyEncoder(p.at("encoder"), config) : null;
        decoder = new TinyDecoder(p.at("decoder"), config);
    }

    public TinyConfig config() {
        return config;
    }

    /** The type the network computes in. */
    public DType dtype() {
        return dtype;
    }

    /** pictures [n, h, w, 3] in -1 … 1 → latents [n, h / downscale, w / downscale, latentChannels]. */
    public Tensor encode(Ops ops, Tensor pictures) {
        TinyEncoder own = encoder;
        if (own == null) {
            throw new IllegalStateException("this tiny autoencoder was opened without its encoder");
        }
        return ops.scoped("taesd.encoder", s -> own.forward(s, s.cast(pictures, dtype)));
    }

    /** z [n, h, w, latentChannels], in any type → pictures [n, h · downscale, w · downscale, 3], about -1 … 1. */
    public Tensor decode(Ops ops, Tensor z) {
        return ops.scoped("taesd.decoder", s -> decoder.forward(s, z, dtype));
    }
}
