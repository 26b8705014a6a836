package dev.darkroom.pipeline;

import dev.darkroom.image.Picture;
import dev.darkroom.models.taesd.TinyAutoencoder;
import dev.darkroom.models.unet.UNet;
import dev.darkroom.models.vae.Autoencoder;
import dev.darkroom.pipeline.Networks.Task;
import dev.darkroom.sampling.SamplingPlan;
import dev.darkroom.tensor.ChannelOrder;
import dev.darkroom.tensor.DType;
import dev.darkroom.tensor.Device;
import dev.darkroom.tensor.HostTensor;
import dev.darkroom.tensor.Ops;
import dev.darkroom.tensor.Scope;
import dev.darkroom.tensor.Shape;
import dev.darkroom.tensor.Tensor;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/** Carries out one job once: text, steps, decoding. */
final class Attempt {
    private final Device device;
    private final Job job;
    private final LoadedModel base;
    private final @Nullable LoadedModel refiner;
    private final boolean sequential;
    private final AddOnNetworks addOns;
    private final List<String> warnings = new ArrayList<>();

    /**
     * An attempt at {@code job}.
     *
     * @param refiner    takes the steps from {@link Job#refinerFrom} on; null for none
     * @param sequential whether only what is at work is held in memory
     * @param addOns     the networks that the job uses beside the model
     */
    Attempt(
            Device device,
            Job job,
            LoadedModel base,
            @Nullable LoadedModel refiner,
            boolean sequential,
            AddOnNetworks addOns) {
        this.device = device;
        this.job = job;
        this.base = base;
        this.refiner = refiner;
        this.sequential = sequential;
        this.addOns = addOns;
    }

    /**
     * Makes the pictures.
     *
     * @throws CancelledException when the monitor asks for it
     * @throws NotFiniteException when numbers became infinite or none; names the layer
     */
    Generation.Outcome run(Monitor monitor) {
        Clock clock = new Clock(device, job.plan().steps().size(), monitor);
        try (Scope scope = Scope.open(device, "request")) {
            Ops ops = device.ops(scope);
            PromptEmbeddings text = checkedText(ops, base);
            LoadedModel second = refiner;
            PromptEmbeddings refinerText = second == null ? null : checkedText(ops, second);
            clock.textDone();
            Preview preview = preview();
            Noise noise = job.noise().get();
            Tensor start = start(ops, noise);
            List<Tensor> state = denoise(ops, base, text, List.of(start), noise, clock, preview);
            if (second != null && refinerText != null) {
                state = denoise(ops, second, refinerText, state, noise, clock, preview);
            }
            return decode(ops, state.get(0), clock);
        }
    }

    /** Loads what {@code model} needs for {@code task}; where memory is short, what is not needed for it is released first. */
    void enter(LoadedModel model, Task task) {
        if (sequential) {
            base.networks().releaseAllBut(model == base ? task : null);
            if (refiner != null) {
                refiner.networks().releaseAllBut(model == refiner ? task : null);
            }
            if (model != base || task != Task.UNET) {
                addOns.close();
            }
        }
        model.networks().load(task);
    }

    private PromptEmbeddings checkedText(Ops ops, LoadedModel model) {
        PromptEmbeddings text = embed(ops, model);
        FiniteCheck.require(ops, text.tensors(), model.networks(), Task.TEXT, "in the text", () -> {
            try (Scope again = ops.scope().child("again")) {
                embed(ops.in(again), model);
            }
        });
        return text;
    }

    /** The texts of the job as {@code model} encodes them. */
    PromptEmbeddings embed(Ops ops, LoadedModel model) {
        enter(model, Task.TEXT);
        return PromptEmbeddings.of(ops, model, job);
    }

    /** The steps of a model, ready to be taken. */
    Denoiser denoiser(Ops ops, LoadedModel model, PromptEmbeddings text) {
        enter(model, Task.UNET);
        UNet unet = model.networks().unet();
        Guidance guidance = text.guidance(ops, unet, job);
        if (model != base) {
            return new Denoiser(unet, guidance, job); // what guides was made for the base model
        }
        GuidesBuilder pictures = new GuidesBuilder(addOns, job, unet, text);
        return new Denoiser(unet, pictures.withImages(ops, guidance), job, pictures.guides(ops));
    }

    /** Does what a preview of {@code sample} takes, on a device without values. */
    void rehearsePreview(Tensor sample) {
        job.addOns().previewer().ifPresent(tiny -> {
            try (Scope scope = Scope.open(device, "preview")) {
                TinyPreview.pixels(device.ops(scope), addOns.tiny(tiny, base.dtype()), sample.rows(0, 1), 1);
            }
        });
    }

    private Preview preview() {
        if (job.addOns().previewer().isPresent()) {
            String tiny = job.addOns().previewer().get();
            return new TinyPreview(() -> addOns.tiny(tiny, base.dtype()));
        }
        LatentPreview linear = new LatentPreview(() -> base.networks().vae());
        if (sequential) { // the decoder is at hand later only beside the U-Net, for which there may be no room
            enter(base, Task.VAE);
            linear.fit(device);
        }
        return linear;
    }

    /** The steps that {@code model} takes: the state before them, or the first sample alone → the state after them. */
    private List<Tensor> denoise(
            Ops ops,
            LoadedModel model,
            PromptEmbeddings text,
            List<Tensor> before,
            Noise noise,
            Clock clock,
            Preview preview) {
        int from = model == base ? 0 : job.refinerFrom();
        int to = model == base ? job.refinerFrom() : job.plan().steps().size();
        if (from == to) {
            return before;
        }
        Denoiser denoiser = denoiser(ops, model, text);
        List<Tensor> state = before.size() == 1 ? denoiser.begin(before.get(0)) : before;
        String steps = " of " + job.plan().steps().size();
        Denoiser.StepListener listener = (i, sample, again) -> {
            String when = "at step " + (i + 1) + steps;
            FiniteCheck.require(ops, List.of(sample), model.networks(), Task.UNET, when, again);
            clock.stepDone(i, () -> preview.of(device, sample.rows(0, 1), previewScale(job.plan(), i)));
        };
        return job.plan().adaptive() == null
                ? denoiser.run(ops, state, from, to, noise, listener)
                : List.of(denoiser.adapt(ops, state.get(0), noise, listener));
    }

    /** The shape of the latents, [n, h, w, c]. */
    Shape latentShape() {
        int downscale = base.networks().vaeConfig().downscale();
        return Shape.of(
                job.images(),
                job.height() / downscale,
                job.width() / downscale,
                base.networks().vaeConfig().latentChannels());
    }

    /** The first sample: noise, or a picture's latents mixed with noise. */
    private Tensor start(Ops ops, Noise noise) {
        Shape shape = latentShape();
        if (job.init().isEmpty()) {
            double scale = job.plan().initialNoiseScale();
            return ops.scoped("start", s -> Denoiser.sum(s, new double[] {scale}, noise.draw(s, shape)));
        }
        SamplingPlan.Mixture mixture = job.plan().start();
        return ops.scoped("start", s -> {
            Tensor latents = encode(s, job.init().get(), noise);
            return Denoiser.sum(s, new double[] {mixture.signal(), mixture.noise()}, latents, noise.draw(s, shape));
        });
    }

    /** The latents of the init picture, sampled for each image, in the U-Net's scale. */
    private Tensor encode(Ops ops, Picture picture, Noise noise) {
        Shape shape = Shape.of(1, picture.height(), picture.width(), 3);
        Tensor pixels = ops.upload(HostTensor.of("picture", shape, picture.rgb()), DType.U8);
        Autoencoder.Gaussian one = widerIfNeeded(() -> {
            Autoencoder.Gaussian latents = encoded(ops, pixels);
            List<Tensor> results = List.of(latents.mean(), latents.logVariance());
            FiniteCheck.require(ops, results, base.networks(), Task.VAE, "in the picture's latents", () -> {
                try (Scope again = ops.scope().child("again")) {
                    encoded(ops.in(again), pixels);
                }
            });
            return latents;
        });
        Tensor mean = repeated(ops, one.mean());
        Tensor logVariance = repeated(ops, one.logVariance());
        Tensor latents = new Autoencoder.Gaussian(mean, logVariance).sample(ops, noise.draw(ops, mean.shape()));
        return ops.scale(latents, base.networks().vaeConfig().scalingFactor());
    }

    /** pixels u8 [1, h, w, 3] → the distribution of their latents. */
    Autoencoder.Gaussian encoded(Ops ops, Tensor pixels) {
        enter(base, Task.VAE);
        Autoencoder vae = base.networks().vae();
        return vae.encode(ops, ops.fromPixels(pixels, vae.dtype()));
    }

    private Tensor repeated(Ops ops, Tensor one) {
        Tensor[] copies = new Tensor[job.images()];
        Arrays.fill(copies, one);
        return copies.length == 1 ? one : ops.concatRows(copies);
    }

    private Generation.Outcome decode(Ops ops, Tensor last, Clock clock) {
        List<Picture> pictures = new ArrayList<>();
        int n = job.images();
        float[] decoded = new float[n * 3 * job.height() * job.width()];
        for (int i = 0; i < n; i++) { // one at a time: the decoder needs the most memory of all
            clock.requireNotCancelled();
            Tensor latents = last.rows(i, i + 1);
            int index = i;
            pictures.add(widerIfNeeded(() -> picture(ops, latents, index, decoded)));
        }
        Timings timings = clock.decodeDone();
        Shape s = last.shape();
        float[] latents = ChannelOrder.toChannelsFirst(last.toHost(), n, s.dim(1), s.dim(2), s.dim(3));
        return new Generation.Outcome(
                pictures,
                new Generation.Values(Shape.of(n, s.dim(3), s.dim(1), s.dim(2)), latents),
                new Generation.Values(Shape.of(n, 3, job.height(), job.width()), decoded),
                warnings,
                timings);
    }

    /** Picture {@code index}, whose values before rounding go to their place in {@code decoded}. */
    private Picture picture(Ops ops, Tensor latents, int index, float[] decoded) {
        try (Scope scope = ops.scope().child("decode")) {
            Ops s = ops.in(scope);
            Tensor image = decoded(s, latents);
            FiniteCheck.require(s, List.of(image), base.networks(), Task.VAE, "in the decoded picture", () -> {
                try (Scope again = scope.child("again")) {
                    decoded(s.in(again), latents);
                }
            });
            byte[] pixels = s.toPixels(image).toHostBytes(); // the wait of the request
            float[] one =
                    ChannelOrder.toChannelsFirst(s.cast(image, DType.F32).toHost(), 1, job.height(), job.width(), 3);
            System.arraycopy(one, 0, decoded, index * one.length, one.length);
            return new Picture(job.width(), job.height(), pixels);
        }
    }

    /** Latents in the U-Net's scale [1, h, w, c] → a picture [1, height, width, 3]. */
    Tensor decoded(Ops ops, Tensor latents) {
        if (job.addOns().decoder().isPresent()) { // so small that nothing need make room for it
            DType dtype = base.networks().of(Task.VAE).get(0).dtype();
            TinyAutoencoder tiny = addOns.tiny(job.addOns().decoder().get(), dtype);
            return ops.scoped("vae", s -> tiny.decode(s, latents));
        }
        enter(base, Task.VAE);
        Autoencoder vae = base.networks().vae();
        return ops.scoped("vae", s -> vae.decode(s, vae.unscaled(s, latents)));
    }

    /** Work of the VAE, done once more in f32 where its numbers overflowed. The next picture starts in its usual type again: it must not depend on this one. */
    private <T> T widerIfNeeded(Supplier<T> work) {
        try {
            return work.get();
        } catch (NotFiniteException e) {
            if (!e.widen()) {
                throw e;
            }
            warnings.add(Generation.again(e));
            try {
                return work.get();
            } finally {
                base.networks().restore(Task.VAE);
            }
        }
    }

    private static double previewScale(SamplingPlan plan, int step) {
        boolean isLast = step + 1 == plan.steps().size();
        return isLast ? 1 : plan.steps().get(step + 1).inputScale(); // brings the sample to unit variance
    }
}
