package dev.darkroom.weights;

import dev.darkroom.tensor.DType;
import dev.darkroom.tensor.HostTensor;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;

/**
 * A network's weights with LoRAs merged in when a tensor is read. The weights below stay as they are, so that without the LoRAs they are
 * the same bits as before.
 */
final class AdaptedWeights implements WeightSource {
    /** One LoRA's say on a module, and how much of it is wanted. */
    record Change(AdapterTensors tensors, float strength, String origin) {}

    private final WeightSource base;
    private final Map<String, List<Change>> changes = new HashMap<>();

    AdaptedWeights(WeightSource base) {
        this.base = base;
    }

    void add(String module, Change change) {
        changes.computeIfAbsent(module, name -> new ArrayList<>()).add(change);
    }

    @Override
    public Set<String> names() {
        return base.names();
    }

    @Override
    public boolean has(String name) {
        return base.has(name);
    }

    @Override
    public HostTensor get(String name) {
        HostTensor tensor = base.get(name);
        boolean bias = name.endsWith(".bias");
        List<Change> wanted = changes.getOrDefault(name.replaceFirst("\\.(weight|bias)$", ""), List.of());
        if (wanted.isEmpty() || !tensor.dtype().isFloating()) {
            return tensor;
        }
        return new HostTensor(tensor.name(), tensor.shape(), DType.F32, reader -> {
            float[] values = tensor.toFloats();
            for (Change change : wanted) {
                if (bias) {
                    addBias(values, change);
                } else {
                    addWeight(values, tensor, change);
                }
            }
            HostTensor.of(tensor.name(), tensor.shape(), values).read(reader);
        });
    }

    private static void addBias(float[] values, Change change) {
        float[] difference = change.tensors().biasChange();
        if (difference != null) {
            addScaled(values, difference, change);
        }
    }

    private static void addWeight(float[] values, HostTensor tensor, Change change) {
        float[] difference;
        try {
            difference = change.tensors().change();
        } catch (WeightsException e) {
            throw new WeightsException(change.origin() + " is broken: " + e.getMessage(), e);
        }
        if (difference == null) {
            return;
        }
        float[] magnitudes = change.tensors().magnitudes();
        if (magnitudes == null) {
            addScaled(values, difference, change);
        } else {
            addDecomposed(values, tensor.shape().dim(0), difference, magnitudes, change);
        }
    }

    private static void addScaled(float[] values, float[] difference, Change change) {
        requireSame(values.length, difference.length, change);
        for (int i = 0; i < values.length; i++) {
            values[i] += change.strength() * difference[i];
        }
    }

    /**
     * DoRA: W' = m (W + D) / |W + D|, with the norm over all that belongs to one output, or to one input where there are as many
     * magnitudes; the strength scales W' - W, as ComfyUI does.
     */
    private static void addDecomposed(
            float[] values, int outputs, float[] difference, float[] magnitudes, Change change) {
        requireSame(values.length, difference.length, change);
        int perOutput = values.length / outputs;
        boolean byOutput = magnitudes.length == outputs;
        if (!byOutput && perOutput % magnitudes.length != 0) {
            throw new WeightsException(change.origin() + " has " + magnitudes.length + " magnitudes for a weight of "
                    + outputs + " outputs");
        }
        int perInput = byOutput ? 1 : perOutput / magnitudes.length;
        double[] squares = new double[magnitudes.length];
        for (int i = 0; i < values.length; i++) {
            double sum = values[i] + difference[i];
            squares[group(i, byOutput, perOutput, perInput)] += sum * sum;
        }
        for (int i = 0; i < values.length; i++) {
            int group = group(i, byOutput, perOutput, perInput);
            double decomposed = (values[i] + difference[i]) * (magnitudes[group] / Math.sqrt(squares[group]));
            values[i] += change.strength() * (float) (decomposed - values[i]);
        }
    }

    private static int group(int index, boolean byOutput, int perOutput, int perInput) {
        return byOutput ? index / perOutput : index % perOutput / perInput;
    }

    private static void requireSame(int expected, int actual, Change change) {
        if (expected != actual) {
            throw new WeightsException(change.origin() + " changes a weight of " + actual
                    + " values, where the model's has " + expected + "; it was made for another model");
        }
    }

    @Override
    public String describe() {
        return base.describe();
    }
}
