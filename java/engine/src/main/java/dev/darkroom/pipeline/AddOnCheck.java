package dev.darkroom.pipeline;

import dev.darkroom.models.adapter.IpAdapter;
import dev.darkroom.models.adapter.T2iAdapterConfig;
import dev.darkroom.models.controlnet.ControlNetConfig;
import dev.darkroom.models.taesd.TinyConfig;
import dev.darkroom.models.unet.UNetConfig;
import dev.darkroom.models.vae.VaeConfig;
import dev.darkroom.weights.AddOnFiles;
import dev.darkroom.weights.ModelComponent;
import java.util.ArrayList;
import java.util.List;

/** Refuses add-ons that do not go with the model, before anything is computed: their configs are read, not their weights. */
final class AddOnCheck {
    private static final double MOST = 10;

    private final UNetConfig unet;
    private final VaeConfig vae;

    AddOnCheck(UNetConfig unet, VaeConfig vae) {
        this.unet = unet;
        this.vae = vae;
    }

    /**
     * The same with pictures of the request's size.
     *
     * @throws InvalidRequestException naming the network, what of it against what of the model, and what to do
     */
    AddOns checked(AddOns addOns, int width, int height) {
        List<Control> controls = new ArrayList<>();
        for (Control control : addOns.controls()) {
            check(control, width, height);
            controls.add(control.resized(width, height));
        }
        addOns.imagePrompts().forEach(this::check);
        addOns.decoder().ifPresent(this::checkTiny);
        addOns.previewer().ifPresent(this::checkTiny);
        return new AddOns(controls, addOns.imagePrompts(), addOns.decoder(), addOns.previewer());
    }

    private void check(Control control, int width, int height) {
        require(
                control.strength() >= 0 && control.strength() <= MOST,
                "control strength",
                control.strength(),
                "0 to 10");
        require(control.start() >= 0 && control.start() < 1, "control start", control.start(), "0 to below 1");
        require(control.end() > 0 && control.end() <= 1, "control end", control.end(), "above 0, to 1");
        if (control.start() >= control.end()) {
            throw new InvalidRequestException("control start is " + control.start() + " and control end "
                    + control.end() + "; the start must lie before the end, both in shares of the steps");
        }
        ModelComponent part = AddOnFiles.open(control.net());
        String kind = AddOnNetworks.className(part);
        if (kind.equals(ControlNetConfig.CLASS)) {
            checkNet(control.net(), ControlNetConfig.of(control.net(), part.config()));
        } else if (kind.equals(T2iAdapterConfig.CLASS)) {
            checkAdapter(control, T2iAdapterConfig.of(control.net(), part.config()), width, height);
        } else {
            throw new InvalidRequestException(control.net() + " is " + (kind.isEmpty() ? "of an unknown kind" : kind)
                    + ", no ControlNet and no T2I-Adapter; give one of these");
        }
    }

    private void checkNet(String net, ControlNetConfig config) {
        UNetConfig own = config.unet();
        List<String> faults = new ArrayList<>();
        compare(faults, "channels of its levels", own.channels(), unet.channels());
        compare(faults, "residual blocks of its levels", own.layers(), unet.layers());
        compare(faults, "channels of the text", own.contextWidths(), unet.contextWidths());
        compare(faults, "channels of the latents", own.inChannels(), vae.latentChannels());
        compare(faults, "channels of pooled text and sizes", own.addedWidth(), unet.addedWidth());
        compare(faults, "pixels for each of the latents", config.downscale(), vae.downscale());
        requireNone("the ControlNet " + net, faults);
    }

    private void checkAdapter(Control control, T2iAdapterConfig config, int width, int height) {
        if (control.guess()) {
            throw new InvalidRequestException(
                    "guess mode is for ControlNets, and " + control.net() + " is a T2I-Adapter; leave it out");
        }
        List<Integer> wanted = new ArrayList<>(unet.channels());
        if (config.xl()) {
            wanted.add(unet.channels().get(unet.levels() - 1)); // for the middle
        }
        List<String> faults = new ArrayList<>();
        compare(faults, "channels of its levels", config.channels(), wanted);
        int first = vae.downscale() * (config.xl() ? 2 : 1); // SDXL's first level is halved before it is added to
        compare(faults, "pixels for each of its finest features", config.patch(), first);
        requireNone("the T2I-Adapter " + control.net(), faults);
        requireMultiple("width", width, config.patch(), control.net());
        requireMultiple("height", height, config.patch(), control.net());
    }

    private void check(ImagePrompt prompt) {
        require(Math.abs(prompt.scale()) <= MOST, "ip adapter scale", prompt.scale(), "-10 to 10"); // false for NaN
        ModelComponent part = AddOnFiles.open(prompt.adapter());
        if (!AddOnNetworks.className(part).equals(AddOnFiles.IP_ADAPTER)) {
            throw new InvalidRequestException(prompt.adapter() + " is no IP-Adapter; give a .safetensors file of one");
        }
        IpAdapter.Config config = IpAdapter.Config.of(part.weights());
        List<String> faults = new ArrayList<>();
        int text = unet.contextWidths().get(unet.levels() - 1);
        compare(faults, "channels of its tokens", config.contextWidth(), text);
        requireNone("the IP-Adapter " + prompt.adapter(), faults);
        if (prompt.embeddings().isEmpty()) {
            throw new InvalidRequestException("the IP-Adapter " + prompt.adapter() + " has no picture; give it one");
        }
        for (float[] embedding : prompt.embeddings()) {
            if (embedding.length != config.embeddingWidth()) {
                throw new InvalidRequestException("the IP-Adapter " + prompt.adapter() + " takes embeddings of "
                        + config.embeddingWidth() + " channels, and the picture's has " + embedding.length
                        + "; it was trained with another image encoder");
            }
        }
    }

    private void checkTiny(String spec) {
        ModelComponent part = AddOnFiles.open(spec);
        String kind = AddOnNetworks.className(part);
        if (!kind.equals(TinyConfig.CLASS)) {
            throw new InvalidRequestException(spec + " is " + (kind.isEmpty() ? "of an unknown kind" : kind)
                    + ", no tiny autoencoder; give a TAESD");
        }
        TinyConfig config = TinyConfig.of(spec, part.config());
        List<String> faults = new ArrayList<>();
        compare(faults, "channels of the latents", config.latentChannels(), vae.latentChannels());
        compare(faults, "pixels for each of the latents", config.downscale(), vae.downscale());
        compare(faults, "channels of the picture", config.imageChannels(), vae.imageChannels());
        compare(faults, "scaling_factor", config.scalingFactor(), 1f);
        requireNone("the tiny autoencoder " + spec, faults);
    }

    private static void compare(List<String> faults, String what, Object own, Object models) {
        if (!own.equals(models)) {
            faults.add(what + ": " + own + " against the model's " + models);
        }
    }

    private static void requireNone(String network, List<String> faults) {
        if (!faults.isEmpty()) {
            throw new InvalidRequestException(network + " was made for another kind of model; they differ in "
                    + String.join(", in ", faults) + "; give one for this model's family, or its model");
        }
    }

    private static void requireMultiple(String field, int size, int multiple, String net) {
        require(size % multiple == 0, field, size, "a multiple of " + multiple + " for " + net);
    }

    private static void require(boolean holds, String field, Object value, String allowed) {
        if (!holds) {
            throw new InvalidRequestException(field + " is " + value + "; must be " + allowed);
        }
    }
}
