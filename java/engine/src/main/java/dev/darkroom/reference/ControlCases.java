package dev.darkroom.reference;

import com.fasterxml.jackson.databind.JsonNode;
import dev.darkroom.image.Picture;
import dev.darkroom.image.PictureReader;
import dev.darkroom.models.controlnet.ControlNetConfig;
import dev.darkroom.pipeline.AddOns;
import dev.darkroom.pipeline.Control;
import java.nio.file.Path;
import java.util.List;
import java.util.Set;

/** What a pipeline case says of ControlNets, in diffusers' arguments. */
final class ControlCases {
    /** Those it may have besides other pipelines'. */
    static final Set<String> ARGUMENTS = Set.of(
            "control_image",
            "controlnet_conditioning_scale",
            "control_guidance_start",
            "control_guidance_end",
            "guess_mode");

    private static final String PICTURE = "control.png";

    private ControlCases() {}

    /** Every ControlNet that the case's description names, with its picture. */
    static AddOns addOns(ReferenceSet set, String group, JsonNode entry) {
        List<Path> nets = set.checkpoints(entry).stream()
                .filter(each -> ReferenceSet.className(each).equals(ControlNetConfig.CLASS))
                .toList();
        JsonNode arguments = entry.path("arguments");
        AddOns addOns = AddOns.NONE;
        for (int i = 0; i < nets.size(); i++) {
            String file = element(arguments.path("control_image"), i).asText(PICTURE);
            Picture picture = PictureReader.read(set.file(group, file));
            addOns = addOns.with(new Control(
                    nets.get(i).toString(),
                    picture,
                    element(arguments.path("controlnet_conditioning_scale"), i).asDouble(1),
                    element(arguments.path("control_guidance_start"), i).asDouble(0),
                    element(arguments.path("control_guidance_end"), i).asDouble(1),
                    arguments.path("guess_mode").asBoolean(false)));
        }
        return addOns;
    }

    /** Element {@code index} of a list, or what stands for all. */
    private static JsonNode element(JsonNode value, int index) {
        return value.isArray() ? value.path(index) : value;
    }
}
