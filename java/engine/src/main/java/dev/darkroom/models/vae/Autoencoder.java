package dev.darkroom.models.vae;

import dev.darkroom.nn.Linear;
import dev.darkroom.nn.Parameters;
import dev.darkroom.tensor.DType;
import dev.darkroom.tensor.Ops;
import dev.darkroom.tensor.Tensor;
import org.jspecify.annotations.Nullable;

/**
 * The autoencoder between pictures and latents (AutoencoderKL; Rombach et al. 2022, section 3.1).
 *
 * <p>Latents are the network's own here: whoever uses it multiplies by {@link VaeConfig#scalingFactor} after encoding and divides before
 * decoding.
 */
public final class Autoencoder {
    private static final float MIN_LOG_VARIANCE = -30;
    private static final float MAX_LOG_VARIANCE = 20;

    /**
     * The distribution of a picture's latents.
     *
     * @param mean        [n, h, w, latentChannels]
     * @param logVariance the same shape, between -30 and 20
     */
    public record Gaussian(Tensor mean, Tensor logVariance) {
        /** mean + exp(logVariance / 2) · noise, for noise of the same shape. */
        public Tensor sample(Ops ops, Tensor noise) {
            return ops.scoped("sample", s -> s.add(mean, s.mul(s.exp(s.scale(logVariance, 0.5f)), noise)));
        }
    }

    private final VaeConfig config;
    private final DType dtype;
    private final Encoder encoder;
    private final @Nullable Linear quantConv;
    private final @Nullable Linear postQuantConv;
    private final Decoder decoder;

    /** An autoencoder whose parameters are {@code p}, checked against {@code config}. */
    public Autoencoder(Parameters p, VaeConfig config) {
        this.config = config;
        this.dtype = p.dtype();
        int latent = config.latentChannels();
        encoder = new Encoder(p.at("encoder"), config);
        quantConv = config.quantConv() ? Linear.withBias(p.at("quant_conv"), 2 * latent, 2 * latent) : null; // 1 x 1
        postQuantConv =
                config.postQuantConv() ? Linear.withBias(p.at("post_quant_conv"), latent, latent) : null; // 1 x 1
        decoder = new Decoder(p.at("decoder"), config);
    }

    public VaeConfig config() {
        return config;
    }

    /** The type the network computes in. */
    public DType dtype() {
        return dtype;
    }

    /** pictures [n, h, w, 3] in -1 … 1 → the distribution of their latents, in f32. */
    public Gaussian encode(Ops ops, Tensor pictures) {
        Tensor moments = ops.scoped("vae.encoder", s -> {
            Tensor h = encoder.forward(s, s.cast(pictures, dtype));
            return s.cast(quantConv == null ? h : quantConv.forward(s, h), DType.F32);
        });
        int latent = config.latentChannels();
        return new Gaussian(
                ops.sliceChannels(moments, 0, latent),
                ops.clip(ops.sliceChannels(moments, latent, 2 * latent), MIN_LOG_VARIANCE, MAX_LOG_VARIANCE));
    }

    /** Latents in the U-Net's scale → the network's own. */
    public Tensor unscaled(Ops ops, Tensor latents) {
        return ops.scale(latents, 1 / config.scalingFactor());
    }

    /** z [n, h, w, latentChannels] → pictures [n, h * downscale, w * downscale, 3], about -1 … 1, in the network's type. */
    public Tensor decode(Ops ops, Tensor z) {
        return ops.scoped("vae.decoder", s -> {
            Tensor typed = s.cast(z, dtype);
            return decoder.forward(s, postQuantConv == null ? typed : postQuantConv.forward(s, typed));
        });
    }
}
