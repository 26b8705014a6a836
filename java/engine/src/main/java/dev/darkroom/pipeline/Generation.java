package dev.darkroom.pipeline;

import dev.darkroom.image.Picture;
import dev.darkroom.models.unet.Conditioning;
import dev.darkroom.models.vae.Autoencoder;
import dev.darkroom.sampling.SamplingPlan;
import dev.darkroom.tensor.ChannelOrder;
import dev.darkroom.tensor.DType;
import dev.darkroom.tensor.Device;
import dev.darkroom.tensor.HostTensor;
import dev.darkroom.tensor.Ops;
import dev.darkroom.tensor.Scope;
import dev.darkroom.tensor.Shape;
import dev.darkroom.tensor.Tensor;
import dev.darkroom.tokenizer.ClipTokenizer;
import dev.darkroom.weights.ModelFamily;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;

/** Carries out one job: text, steps, decoding. */
public final class Generation {
    /**
     * What came of a job.
     *
     * @param pictures one for each prompt
     * @param latents  f32 [n, c, h, w], the last sample, in the U-Net's scale
     * @param decoded  f32 [n, 3, height, width], the pictures before they were clipped and rounded
     * @param timings  what took how long
     */
    public record Outcome(List<Picture> pictures, Values latents, Values decoded, Timings timings) {}

    /** Numbers of a shape, on the host. */
    public static final class Values {
        private final Shape shape;
        private final float[] values;

        Values(Shape shape, float[] values) {
            this.shape = shape;
            this.values = values;
        }

        public Shape shape() {
            return shape;
        }

        /** The numbers, row-major, as a new array. */
        public float[] toArray() {
            return values.clone();
        }
    }

    private final Device device;
    private final Networks networks;
    private final TextConditioner text;

    /** @param tokenizers one for each text encoder */
    public Generation(Device device, Networks networks, List<ClipTokenizer> tokenizers, ModelFamily family) {
        this.device = device;
        this.networks = networks;
        this.text = new TextConditioner(networks, tokenizers, family);
    }

    TextConditioner text() {
        return text;
    }

    /**
     * Runs a job.
     *
     * @throws CancelledException when the monitor asks for it
     * @throws IllegalStateException when the network produced numbers that are none; names the stage
     */
    public Outcome run(Job job, Monitor monitor) {
        Clock clock = new Clock(device, job.plan().steps().size(), monitor);
        try (Scope scope = Scope.open(device, "request")) {
            Ops ops = device.ops(scope);
            Conditioning conditioning = condition(ops, job);
            clock.textDone();
            Noise noise = job.noise().get();
            Tensor start = start(ops, job, noise);
            LatentPreview preview = new LatentPreview(networks.vae());
            Denoiser denoiser = new Denoiser(networks.unet(), conditioning, job);
            Tensor last = denoiser.run(
                    ops,
                    start,
                    job.plan().steps().size(),
                    noise,
                    (i, sample) -> clock.stepDone(
                            i, () -> preview.of(device, sample.rows(0, 1), previewScale(job.plan(), i))));
            requireNumbers(ops, last, "the U-Net");
            return decode(ops, job, last, clock);
        }
    }

    /** The texts of a job as the U-Net sees them: the negative ones first, where there is guidance. */
    Conditioning condition(Ops ops, Job job) {
        TextEmbedding prompts = text.encode(ops, job.prompts());
        List<MicroConditioning> sizes = Collections.nCopies(job.images(), job.size());
        if (Denoiser.isGuided(networks.unet(), job)) {
            TextEmbedding negative = job.negativePrompts().isPresent()
                    ? text.encode(ops, job.negativePrompts().get())
                    : prompts.zeros(ops);
            prompts = negative.followedBy(ops, prompts);
            sizes = new ArrayList<>(Collections.nCopies(job.images(), job.negativeSize()));
            sizes.addAll(Collections.nCopies(job.images(), job.size()));
        }
        return prompts.conditioning(ops, networks.unet(), sizes);
    }

    /** The shape of a job's latents, [n, h, w, c]. */
    Shape latentShape(Job job) {
        int downscale = networks.vae().config().downscale();
        return Shape.of(
                job.images(),
                job.height() / downscale,
                job.width() / downscale,
                networks.vae().config().latentChannels());
    }

    /** The first sample: noise, or a picture's latents mixed with noise. */
    private Tensor start(Ops ops, Job job, Noise noise) {
        Shape shape = latentShape(job);
        if (job.init().isEmpty()) {
            double scale = job.plan().initialNoiseScale();
            return ops.scoped(
                    "start",
                    s -> Denoiser.sum(s, new double[] {scale}, noise.draw(s, shape)));
        }
        SamplingPlan.Mixture mixture = job.plan().start();
        return ops.scoped("start", s -> {
            Tensor latents = encode(s, job, job.init().get(), noise);
            return Denoiser.sum(
                    s,
                    new double[] {mixture.signal(), mixture.noise()},
                    latents,
                    noise.draw(s, shape));
        });
    }

    /** The latents of the init picture, sampled for each image, in the U-Net's scale. */
    private Tensor encode(Ops ops, Job job, Picture picture, Noise noise) {
        Autoencoder vae = networks.vae();
        Shape shape = Shape.of(1, picture.height(), picture.width(), 3);
        Tensor pixels = ops.upload(HostTensor.of("picture", shape, picture.rgb()), DType.U8);
        Autoencoder.Gaussian one = vae.encode(ops, ops.fromPixels(pixels, vae.dtype()));
        Tensor mean = repeated(ops, one.mean(), job.images());
        Tensor logVariance = repeated(ops, one.logVariance(), job.images());
        Tensor latents = new Autoencoder.Gaussian(mean, logVariance)
                .sample(ops, noise.draw(ops, mean.shape()));
        return ops.scale(latents, vae.config().scalingFactor());
    }

    private static Tensor repeated(Ops ops, Tensor one, int times) {
        Tensor[] copies = new Tensor[times];
        Arrays.fill(copies, one);
        return times == 1 ? one : ops.concatRows(copies);
    }

    private Outcome decode(Ops ops, Job job, Tensor last, Clock clock) {
        List<Picture> pictures = new ArrayList<>();
        int n = job.images();
        float[] decoded = new float[n * 3 * job.height() * job.width()];
        for (int i = 0; i < n; i++) { // one at a time: the decoder needs the most memory of all
            clock.requireNotCancelled();
            try (Scope scope = ops.scope().child("decode")) {
                Ops s = ops.in(scope);
                Tensor image = decoded(s, last.rows(i, i + 1));
                requireNumbers(s, image, "the VAE");
                byte[] pixels = s.toPixels(image).toHostBytes(); // the wait of the request
                pictures.add(new Picture(job.width(), job.height(), pixels));
                float[] one = ChannelOrder.toChannelsFirst(
                        s.cast(image, DType.F32).toHost(), 1, job.height(), job.width(), 3);
                System.arraycopy(one, 0, decoded, i * one.length, one.length);
            }
        }
        Timings timings = clock.decodeDone();
        Shape s = last.shape();
        float[] latents = ChannelOrder.toChannelsFirst(last.toHost(), n, s.dim(1), s.dim(2), s.dim(3));
        return new Outcome(
                pictures,
                new Values(Shape.of(n, s.dim(3), s.dim(1), s.dim(2)), latents),
                new Values(Shape.of(n, 3, job.height(), job.width()), decoded),
                timings);
    }

    /** Latents in the U-Net's scale [n, h, w, c] → pictures [n, height, width, 3]. */
    Tensor decoded(Ops ops, Tensor latents) {
        Autoencoder vae = networks.vae();
        return ops.scoped("vae", s -> vae.decode(s, vae.unscaled(s, latents)));
    }

    private static double previewScale(SamplingPlan plan, int step) {
        boolean isLast = step + 1 == plan.steps().size();
        return isLast ? 1 : plan.steps().get(step + 1).inputScale(); // brings the sample to unit variance
    }

    private static void requireNumbers(Ops ops, Tensor x, String network) {
        int broken = (int) ops.countNonFinite(x).toHost()[0];
        if (broken > 0) {
            throw new IllegalStateException(network + " produced " + broken
                    + " values that are infinite or not a number; its weights are damaged, or overflow in "
                    + x.dtype() + ": try --dtype f32");
        }
    }
}
