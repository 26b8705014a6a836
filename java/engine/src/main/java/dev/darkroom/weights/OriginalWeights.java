package dev.darkroom.weights;

import dev.darkroom.weights.RenamedWeights.View;
import java.util.List;
import java.util.Set;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Collectors;

/**
 * The parts of an original checkpoint under diffusers' names. What has no place in a network (schedule buffers, {@code model_ema.*},
 * {@code position_ids}) is left out.
 */
final class OriginalWeights {
    private static final Pattern FUSED = Pattern.compile("(.*\\.attn)\\.in_proj_(weight|bias)");
    private static final List<String> PROJECTIONS = List.of("q_proj", "k_proj", "v_proj");

    private OriginalWeights() {}

    /** The U-Net, whose names begin with {@code prefix}. */
    static WeightSource unet(WeightSource file, String prefix) {
        WeightSource part = below(file, prefix);
        ModuleNames names = UnetNames.fromOriginal(part.names());
        return new RenamedWeights(part, name -> asList(names, name));
    }

    /** The ControlNet, with or without a prefix of its own. */
    static WeightSource controlNet(WeightSource file) {
        boolean prefixed = Indices.anyStartsWith(file.names(), ControlNetNames.PREFIX);
        WeightSource part = below(file, prefixed ? ControlNetNames.PREFIX : "");
        ModuleNames names = ControlNetNames.fromOriginal(part.names());
        return new RenamedWeights(part, name -> asList(names, name));
    }

    /** The VAE; its attention weights, 1x1 convolutions in the original, as matrices. */
    static WeightSource vae(WeightSource file, String prefix) {
        WeightSource part = below(file, prefix);
        ModuleNames names = VaeNames.fromOriginal(part.names());
        return DiffusersNames.vae(new RenamedWeights(part, name -> asList(names, name)));
    }

    /** A text encoder spelled as transformers spells it. */
    static WeightSource clip(WeightSource file, String prefix) {
        return DiffusersNames.textEncoder(below(file, prefix));
    }

    /** A text encoder of OpenCLIP without its {@code dropped} last layers. */
    static WeightSource openClip(WeightSource file, String prefix, int dropped, boolean projection) {
        WeightSource part = below(file, prefix);
        ModuleNames names = OpenClipNames.of(layers(part.names()) - dropped);
        return new RenamedWeights(part, name -> {
            if (name.equals("text_projection")) {
                return projection ? List.of(new View("text_projection.weight", TensorViews::transposed)) : List.of();
            }
            Matcher fused = FUSED.matcher(name);
            return fused.matches() ? cut(names, fused) : asList(names, name);
        });
    }

    /** How many layers an OpenCLIP text encoder with these tensors has. */
    static int layers(Set<String> names) {
        return Indices.count(names, "transformer.resblocks.%d.");
    }

    private static List<View> cut(ModuleNames names, Matcher fused) {
        return names.toDiffusers(fused.group(1)).stream()
                .flatMap(attention -> PROJECTIONS.stream()
                        .map(projection -> new View(
                                attention + "." + projection + "." + fused.group(2),
                                tensor ->
                                        TensorViews.part(tensor, PROJECTIONS.indexOf(projection), PROJECTIONS.size()))))
                .collect(Collectors.toList());
    }

    private static List<View> asList(ModuleNames names, String name) {
        return names.toDiffusers(name).map(View::named).stream().toList();
    }

    /** The tensors whose names begin with {@code prefix}, without it. */
    private static WeightSource below(WeightSource file, String prefix) {
        return new RenamedWeights(
                file,
                name -> name.startsWith(prefix) ? List.of(View.named(name.substring(prefix.length()))) : List.of());
    }
}
