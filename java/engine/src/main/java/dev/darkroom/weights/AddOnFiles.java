package dev.darkroom.weights;

import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.darkroom.weights.RenamedWeights.View;
import java.nio.file.Files;
import java.nio.file.InvalidPathException;
import java.nio.file.Path;
import java.util.List;
import java.util.Set;
import java.util.function.UnaryOperator;

/**
 * Opens networks that are not part of a model but used beside one: ControlNets, T2I-Adapters, IP-Adapters, tiny autoencoders. What a file holds is told from its
 * tensors, never from its name; what such files do not say of the network is as in those published.
 */
public final class AddOnFiles {
    /** The {@code _class_name} in the config of an IP-Adapter, whose files have none. */
    public static final String IP_ADAPTER = "IPAdapter";

    private static final String TAESD_DECODER = "taesd_decoder.";
    private static final String TAESD_ENCODER = "taesd_encoder.";

    private AddOnFiles() {}

    /**
     * Opens a folder of diffusers' layout, a single safetensors file, or a folder of the local Hugging Face cache by its name {@code org/name}. The config's
     * {@code _class_name} says what it is.
     *
     * @throws WeightsException when there is nothing, or it is broken or none of these networks
     */
    public static ModelComponent open(String spec) {
        Path path = pathOf(spec);
        if (Files.isDirectory(path)) {
            return ModelComponent.open(path);
        }
        if (Files.isRegularFile(path)) {
            return open(SafetensorsFile.open(path));
        }
        if (HuggingFaceCache.isModelName(spec)) {
            return ModelComponent.open(HuggingFaceCache.ofEnvironment().snapshot(spec));
        }
        throw new WeightsException("there is no network \"" + spec
                + "\": no such folder or file; give a diffusers folder, a .safetensors file,"
                + " or org/name of the local Hugging Face cache");
    }

    private static ModelComponent open(SafetensorsFile file) {
        CheckpointKind kind = CheckpointKind.of(file.names());
        return switch (kind) {
            case CONTROLNET -> controlNet(file);
            case TAESD -> taesd(file);
            case T2I_ADAPTER -> t2iAdapter(file);
            case IP_ADAPTER -> {
                ObjectNode config = JsonNodeFactory.instance.objectNode();
                yield ModelComponent.network(config.put("_class_name", IP_ADAPTER), file);
            }
            default ->
                throw new WeightsException(file.path() + " is no network to be used beside a model: it is "
                        + kind.title() + "; give a ControlNet, a T2I-Adapter, an IP-Adapter or a TAESD");
        };
    }

    private static ModelComponent controlNet(SafetensorsFile file) {
        WeightSource weights = file.names().stream().anyMatch(name -> name.startsWith("controlnet_"))
                ? file
                : OriginalWeights.controlNet(file);
        return ModelComponent.network(AddOnConfigs.controlNet(weights), weights);
    }

    private static ModelComponent t2iAdapter(SafetensorsFile file) {
        WeightSource weights = Indices.anyStartsWith(file.names(), "adapter.")
                ? file
                : new RenamedWeights(file, name -> List.of(View.named("adapter." + name)));
        return ModelComponent.network(AddOnConfigs.t2iAdapter(weights), weights);
    }

    /** As diffusers has it, or as the author: encoder and decoder with a prefix each, or one of them alone without any. */
    private static ModelComponent taesd(SafetensorsFile file) {
        Set<String> names = file.names();
        WeightSource weights = file;
        if (!Indices.anyStartsWith(names, "decoder.layers.")) {
            boolean prefixed = Indices.anyStartsWith(names, TAESD_DECODER);
            UnaryOperator<String> spelling = prefixed
                    ? AddOnFiles::prefixedTaesd
                    : Indices.anyStartsWith(names, "0.") ? name -> "encoder.layers." + name : AddOnFiles::decoderLayer;
            weights = new RenamedWeights(file, name -> List.of(View.named(spelling.apply(name))));
        }
        if (!Indices.anyStartsWith(weights.names(), "decoder.layers.")) {
            throw new WeightsException(file.path() + " holds the encoder of a TAESD alone; give its decoder");
        }
        return ModelComponent.network(AddOnConfigs.taesd(weights), weights);
    }

    private static String prefixedTaesd(String name) {
        return name.startsWith(TAESD_DECODER)
                ? decoderLayer(name.substring(TAESD_DECODER.length()))
                : name.startsWith(TAESD_ENCODER) ? "encoder.layers." + name.substring(TAESD_ENCODER.length()) : name;
    }

    /** The author counts the squashing of the latents as layer 0. */
    private static String decoderLayer(String name) {
        int dot = name.indexOf('.');
        return "decoder.layers." + (Integer.parseInt(name.substring(0, dot)) - 1) + name.substring(dot);
    }

    private static Path pathOf(String spec) {
        try {
            return Path.of(spec);
        } catch (InvalidPathException e) {
            throw new WeightsException("\"" + spec + "\" is not a path: " + e.getReason(), e);
        }
    }
}
