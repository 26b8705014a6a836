package dev.darkroom.pipeline;

import dev.darkroom.image.Picture;
import dev.darkroom.models.adapter.IpAdapter;
import dev.darkroom.models.adapter.T2iAdapter;
import dev.darkroom.models.adapter.T2iAdapterConfig;
import dev.darkroom.models.controlnet.ControlNet;
import dev.darkroom.models.unet.Conditioning;
import dev.darkroom.models.unet.UNet;
import dev.darkroom.tensor.HostTensor;
import dev.darkroom.tensor.Ops;
import dev.darkroom.tensor.Shape;
import dev.darkroom.tensor.Tensor;
import java.util.ArrayList;
import java.util.List;
import java.util.OptionalDouble;

/** Shows a job's pictures to their networks, once, before the first step. */
final class GuidesBuilder {
    private final AddOnNetworks networks;
    private final Job job;
    private final UNet unet;
    private final PromptEmbeddings texts;

    GuidesBuilder(AddOnNetworks networks, Job job, UNet unet, PromptEmbeddings texts) {
        this.networks = networks;
        this.job = job;
        this.unet = unet;
        this.texts = texts;
    }

    /** The guides of the steps, owned by the scope of {@code ops}. */
    Guides guides(Ops ops) {
        List<Guides.Guide> guides = new ArrayList<>();
        for (Control control : job.addOns().controls()) {
            boolean adapts = AddOnNetworks.className(control.net()).equals(T2iAdapterConfig.CLASS);
            guides.add(adapts ? features(ops, control) : net(ops, control));
        }
        return new Guides(guides, job.plan().steps().size());
    }

    private Guides.Net net(Ops ops, Control control) {
        if (texts.variants().size() > 1) {
            throw new InvalidRequestException(
                    "the prompt changes between steps, and a ControlNet sees one prompt in all of them;"
                            + " leave out [a:b:0.5] and [a|b], or the ControlNet " + control.net());
        }
        ControlNet net = networks.controlNet(control.net(), unet.dtype());
        Tensor hint = ops.scoped(
                "hint",
                s -> net.hint(s, picture(s, control.picture(), 3, net.config().blueFirst())));
        int from = control.guess() ? withoutPrompt() : 0;
        List<MicroConditioning> sizes = texts.sizes(job);
        Conditioning conditioning = texts.variants()
                .get(0)
                .from(from)
                .conditioning(ops, net.conditioner(), sizes.subList(from, sizes.size()));
        return new Guides.Net(
                control,
                net,
                hint,
                conditioning,
                net.conditioner().times(ops, Denoiser.times(job.plan()), conditioning, OptionalDouble.empty()));
    }

    private Guides.Features features(Ops ops, Control control) {
        T2iAdapter adapter = networks.t2iAdapter(control.net(), unet.dtype());
        List<Tensor> features = ops.scopedAll("features", s -> {
            Tensor picture = picture(s, control.picture(), adapter.config().pictureChannels(), false);
            return adapter.features(s, picture).stream()
                    .map(each -> s.scale(each, (float) control.strength()))
                    .toList();
        });
        return new Guides.Features(control, adapter, features);
    }

    /** f32 [1, h, w, channels] in 0 … 1; one channel is the luminance (ITU-R BT.601). */
    private static Tensor picture(Ops ops, Picture picture, int channels, boolean blueFirst) {
        byte[] rgb = picture.rgb();
        float[] values = new float[rgb.length / 3 * channels];
        for (int i = 0; i < values.length; i++) {
            int pixel = i / channels * 3;
            if (channels == 1) {
                values[i] = (0.299f * (rgb[pixel] & 0xff)
                                + 0.587f * (rgb[pixel + 1] & 0xff)
                                + 0.114f * (rgb[pixel + 2] & 0xff))
                        / 255;
            } else {
                int channel = blueFirst ? 2 - i % 3 : i % 3;
                values[i] = (rgb[pixel + channel] & 0xff) / 255f;
            }
        }
        return ops.upload(Shape.of(1, picture.height(), picture.width(), channels), values);
    }

    /** {@code guidance} with the pictures of the image prompts beside the texts; those without prompt see none. */
    Guidance withImages(Ops ops, Guidance guidance) {
        List<Conditioning> variants = guidance.variants().stream()
                .map(variant -> withImages(ops, variant))
                .toList();
        return new Guidance(variants, guidance.variantOfCall(), guidance.weights());
    }

    private Conditioning withImages(Ops ops, Conditioning conditioning) {
        Conditioning all = conditioning;
        int without = withoutPrompt();
        for (ImagePrompt prompt : job.addOns().imagePrompts()) {
            IpAdapter adapter = networks.ipAdapter(prompt.adapter(), unet.config(), unet.dtype());
            Tensor tokens = ops.scoped(
                    "image_prompt", s -> adapter.tokens(s, embeddings(s, prompt, without, conditioning.images())));
            all = adapter.beside(ops, all, tokens, prompt.scale());
        }
        return all;
    }

    /** How many of the first texts are those without the prompts. */
    private int withoutPrompt() {
        return texts.program().isGuided() ? job.images() : 0;
    }

    /** [texts, pictures, width]: zeros for the first {@code without}, as diffusers has it. */
    private Tensor embeddings(Ops ops, ImagePrompt prompt, int without, int texts) {
        int pictures = prompt.embeddings().size();
        int width = prompt.embeddings().get(0).length;
        float[] values = new float[texts * pictures * width];
        for (int text = without; text < texts; text++) {
            for (int i = 0; i < pictures; i++) {
                System.arraycopy(prompt.embeddings().get(i), 0, values, (text * pictures + i) * width, width);
            }
        }
        Shape shape = Shape.of(texts, pictures, width);
        return ops.upload(HostTensor.of("image_embeds", shape, values), unet.dtype());
    }
}
