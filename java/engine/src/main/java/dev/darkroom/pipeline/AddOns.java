package dev.darkroom.pipeline;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;

/**
 * The networks that a request uses beside the model.
 *
 * @param controls     pictures that guide the steps
 * @param imagePrompts pictures that the U-Net attends to
 * @param decoder      a tiny autoencoder that decodes in place of the model's own; empty for none
 * @param previewer    a tiny autoencoder that draws the previews; empty for the linear map
 */
public record AddOns(
        List<Control> controls, List<ImagePrompt> imagePrompts, Optional<String> decoder, Optional<String> previewer) {
    public static final AddOns NONE = new AddOns(List.of(), List.of(), Optional.empty(), Optional.empty());

    public AddOns {
        controls = List.copyOf(controls);
        imagePrompts = List.copyOf(imagePrompts);
    }

    /** These and another control. */
    public AddOns with(Control control) {
        List<Control> all = new ArrayList<>(controls);
        all.add(control);
        return new AddOns(all, imagePrompts, decoder, previewer);
    }

    /** These and another image prompt. */
    public AddOns with(ImagePrompt prompt) {
        List<ImagePrompt> all = new ArrayList<>(imagePrompts);
        all.add(prompt);
        return new AddOns(controls, all, decoder, previewer);
    }

    /** These with the pictures decoded by the tiny autoencoder at {@code spec}. */
    public AddOns decodedBy(String spec) {
        return new AddOns(controls, imagePrompts, Optional.of(spec), previewer);
    }

    /** These with previews drawn by the tiny autoencoder at {@code spec}. */
    public AddOns previewedBy(String spec) {
        return new AddOns(controls, imagePrompts, decoder, Optional.of(spec));
    }

    /** These with all controls counting in all steps. */
    AddOns inAllSteps() {
        List<Control> all = controls.stream()
                .map(each -> new Control(each.net(), each.picture(), each.strength(), 0, 1, each.guess()))
                .toList();
        return new AddOns(all, imagePrompts, decoder, previewer);
    }

    /** For a picture's text: ControlNets under the names of AUTOMATIC1111's extension. */
    Map<String, String> description() {
        Map<String, String> values = new LinkedHashMap<>();
        for (int i = 0; i < controls.size(); i++) {
            Control each = controls.get(i);
            values.put(
                    "ControlNet " + i,
                    "Module: none, Model: " + name(each.net()) + ", Weight: " + each.strength() + ", Guidance Start: "
                            + each.start() + ", Guidance End: " + each.end() + ", Guess Mode: " + each.guess());
        }
        for (int i = 0; i < imagePrompts.size(); i++) {
            ImagePrompt each = imagePrompts.get(i);
            values.put("IP-Adapter " + i, "Model: " + name(each.adapter()) + ", Weight: " + each.scale());
        }
        decoder.ifPresent(each -> values.put("VAE", name(each)));
        return values;
    }

    private static String name(String spec) {
        Path file = Path.of(spec).getFileName();
        return file == null ? spec : file.toString();
    }

    /** Where all of the networks lie. */
    Set<String> networks() {
        Set<String> all = new LinkedHashSet<>();
        controls.forEach(each -> all.add(each.net()));
        imagePrompts.forEach(each -> all.add(each.adapter()));
        decoder.ifPresent(all::add);
        previewer.ifPresent(all::add);
        return all;
    }
}
