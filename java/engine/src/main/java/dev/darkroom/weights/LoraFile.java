package dev.darkroom.weights;

import dev.darkroom.weights.AdapterTensors.Role;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * A file of small changes to a model's weights: LoRA, LoCon, LoHa, LoKr, DoRA, or plain differences, in the spellings of kohya, diffusers
 * (peft and older) and ComfyUI.
 */
public final class LoraFile {
    private final Path path;
    private final Map<String, AdapterTensors> modules = new LinkedHashMap<>();
    private final Map<String, List<String>> names = new LinkedHashMap<>();
    private final List<String> others = new ArrayList<>();

    private LoraFile(Path path) {
        this.path = path;
    }

    /**
     * Opens a file of any format that holds tensors.
     *
     * @throws WeightsException when it is broken, or nothing in it is part of a LoRA
     */
    public static LoraFile open(Path path) {
        TensorFile file = TensorFile.open(path);
        LoraFile lora = new LoraFile(path);
        for (String name : file.names()) {
            Role role = Role.of(name);
            if (role == null) {
                lora.others.add(name);
            } else {
                String module = role.module(name);
                lora.modules.computeIfAbsent(module, key -> new AdapterTensors()).put(role, file.get(name));
                lora.names.computeIfAbsent(module, key -> new ArrayList<>()).add(name);
            }
        }
        if (lora.modules.isEmpty()) {
            throw new WeightsException(path + " is no LoRA: it is "
                    + CheckpointKind.of(file.names()).title() + ", and none of its " + file.names().size()
                    + " tensors is named as a LoRA's; give a LoRA, LoCon, LoHa, LoKr or DoRA");
        }
        return lora;
    }

    /** The file. */
    public Path path() {
        return path;
    }

    /** What it says of each module, by the module's name in the file. */
    Map<String, AdapterTensors> modules() {
        return Collections.unmodifiableMap(modules);
    }

    /** The names of the tensors that say something of a module. */
    List<String> names(String module) {
        return names.getOrDefault(module, List.of());
    }

    /** The names of tensors that are no part of a LoRA. */
    List<String> others() {
        return Collections.unmodifiableList(others);
    }
}
