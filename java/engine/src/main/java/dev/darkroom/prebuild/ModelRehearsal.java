package dev.darkroom.prebuild;

import dev.darkroom.models.clip.ClipTextConfig;
import dev.darkroom.models.clip.ClipTextEncoder;
import dev.darkroom.models.unet.Conditioning;
import dev.darkroom.models.unet.TimeTable;
import dev.darkroom.models.unet.UNet;
import dev.darkroom.models.unet.UNetConfig;
import dev.darkroom.models.vae.Autoencoder;
import dev.darkroom.models.vae.VaeConfig;
import dev.darkroom.nn.Parameters;
import dev.darkroom.prebuild.PublishedModels.Model;
import dev.darkroom.tensor.DType;
import dev.darkroom.tensor.Device;
import dev.darkroom.tensor.Ops;
import dev.darkroom.tensor.Scope;
import dev.darkroom.tensor.Shape;
import dev.darkroom.tensor.Tensor;
import dev.darkroom.weights.ModelFamily;
import dev.darkroom.weights.ShapesOnlyWeights;
import dev.darkroom.weights.WeightPath;
import java.util.List;
import java.util.function.Consumer;

/** Runs everything that a model does between texts and pictures once, with shapes instead of weights, on a device that computes nothing. */
public final class ModelRehearsal {
    private static final int STEPS = 20;
    private static final int TOKENS = 77;
    private static final List<Integer> BATCHES = List.of(1, 2, 8); // pictures, twice as many with guidance

    private final Device device;
    private final Model model;
    private final DType dtype;
    private final Consumer<Part> watcher;

    /** A part of what a model does. */
    public enum Part {
        /** The text encoders. */
        TEXT,
        /** What the U-Net's steps share: keys and values of the text, and the times of all steps. */
        CONDITIONING,
        /** The U-Net's forward pass. */
        UNET,
        VAE_DECODE,
        /** All else. */
        OTHER
    }

    /** @param dtype what the networks compute in */
    ModelRehearsal(Device device, Model model, DType dtype) {
        this(device, model, dtype, part -> {});
    }

    /**
     * A rehearsal that tells what comes next.
     *
     * @param dtype   what the networks compute in
     * @param watcher told each part before it begins
     */
    public ModelRehearsal(Device device, Model model, DType dtype, Consumer<Part> watcher) {
        this.device = device;
        this.model = model;
        this.dtype = dtype;
        this.watcher = watcher;
    }

    /** One pass of the text encoders and the U-Net over {@code rows} texts and latents, and one of the VAE's decoder over as many. */
    public void forward(int rows) {
        try (Scope scope = Scope.open(device, model.title())) {
            Ops ops = device.ops(scope);
            encoders(ops, DType.F16).forEach(encoder -> encode(ops, encoder, rows));
            step(ops, unet(ops, DType.F16), rows);
            decode(ops, vae(ops, DType.F16), rows);
        }
    }

    void run() {
        for (DType stored : List.of(DType.F16, DType.F32)) {
            try (Scope scope = Scope.open(device, model.title())) {
                Ops ops = device.ops(scope);
                List<ClipTextEncoder> encoders = encoders(ops, stored);
                UNet unet = unet(ops, stored);
                Autoencoder vae = vae(ops, stored);
                if (stored == DType.F16) { // how weights are stored changes nothing afterwards
                    encoders.forEach(encoder -> BATCHES.forEach(rows -> encode(ops, encoder, rows)));
                    BATCHES.forEach(rows -> step(ops, unet, rows));
                    pictures(ops, vae);
                    sample(ops);
                }
            }
        }
    }

    private Parameters parameters(Ops ops, String component, DType stored) {
        return new Parameters(
                ops, dtype, WeightPath.of(new ShapesOnlyWeights(model.title() + " " + component, stored)));
    }

    private List<ClipTextEncoder> encoders(Ops ops, DType stored) {
        return model.components().stream()
                .filter(name -> name.startsWith("text_encoder"))
                .map(name -> new ClipTextEncoder(
                        parameters(ops, name, stored),
                        ClipTextConfig.of(model.title(), model.configs().apply(name))))
                .toList();
    }

    private UNet unet(Ops ops, DType stored) {
        return new UNet(
                parameters(ops, "unet", stored),
                UNetConfig.of(model.title(), model.configs().apply("unet")));
    }

    private Autoencoder vae(Ops ops, DType stored) {
        return new Autoencoder(
                parameters(ops, "vae", stored),
                VaeConfig.of(model.title(), model.configs().apply("vae")));
    }

    private void encode(Ops ops, ClipTextEncoder encoder, int rows) {
        ops.scoped("text", s -> {
            watcher.accept(Part.TEXT);
            Tensor hidden =
                    encoder.encode(s, new int[rows][TOKENS]).hiddenStates().get(0);
            watcher.accept(Part.OTHER);
            return s.concatChannels(encoder.normalised(s, hidden), hidden);
        });
    }

    private void step(Ops ops, UNet unet, int rows) {
        int width = unet.config().contextWidths().get(0);
        ops.scoped("step", s -> {
            Tensor context = tensor(s, dtype, rows, TOKENS, width);
            watcher.accept(Part.CONDITIONING);
            int sizes = model.family() == ModelFamily.SDXL_REFINER ? 5 : 6;
            Conditioning conditioning = model.family().isXl()
                    ? unet.condition(s, context, tensor(s, dtype, rows, 1280), tensor(s, DType.F32, rows, sizes))
                    : unet.condition(s, context);
            Tensor sample = tensor(
                    s,
                    DType.F32,
                    rows,
                    model.side(),
                    model.side(),
                    unet.config().inChannels());
            TimeTable times = unet.times(s, new float[STEPS][1], conditioning);
            watcher.accept(Part.UNET);
            Tensor prediction = unet.forward(s, sample, times.first(s), conditioning);
            watcher.accept(Part.OTHER);
            return s.countNonFinite(s.cast(prediction, DType.F32));
        });
    }

    private void decode(Ops ops, Autoencoder vae, int images) {
        int channels = vae.config().latentChannels();
        ops.scoped("decode", s -> {
            Tensor latents = tensor(s, DType.F32, images, model.side(), model.side(), channels);
            watcher.accept(Part.VAE_DECODE);
            Tensor picture = vae.decode(s, vae.unscaled(s, latents));
            watcher.accept(Part.OTHER);
            s.countNonFinite(picture);
            s.cast(picture, DType.F32);
            return s.toPixels(picture);
        });
    }

    private void pictures(Ops ops, Autoencoder vae) {
        int channels = vae.config().latentChannels();
        decode(ops, vae, 1);
        int pixels = model.side() * vae.config().downscale();
        ops.scoped("encode", s -> {
            Tensor picture = s.fromPixels(tensor(s, DType.U8, 1, pixels, pixels, 3), dtype);
            Autoencoder.Gaussian latents = vae.encode(s, picture);
            Tensor drawn = latents.sample(s, tensor(s, DType.F32, 1, model.side(), model.side(), channels));
            return s.scale(drawn, vae.config().scalingFactor());
        });
    }

    /** What samplers do between the steps. */
    private void sample(Ops ops) {
        ops.scoped("sampler", s -> {
            Tensor a = s.normal(tensor(s, DType.I32, 1, 3), model.side(), model.side(), 4);
            Tensor b = tensor(s, dtype, 1, model.side(), model.side(), 4);
            Tensor sum = s.weightedSum(tensor(s, DType.F32, 1, 2), a, a);
            s.weightedSums(tensor(s, DType.F32, 1, 4), 2, a, b);
            Tensor rescaled = s.rescaleGuidance(sum, a, 0.7f);
            return s.dynamicThreshold(s.clip(rescaled, -1, 1), 0.995f, 1);
        });
    }

    private static Tensor tensor(Ops ops, DType dtype, int... dims) {
        return ops.scope().allocate(Shape.of(dims), dtype);
    }
}
