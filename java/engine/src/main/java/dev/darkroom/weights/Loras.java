package dev.darkroom.weights;

import dev.darkroom.weights.LoraTargets.Target;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** LoRAs applied to a model: its networks' weights with them merged in, and what of each file was used. */
public final class Loras {
    /** A LoRA, and how much of it is wanted: 1 is as trained, 0 nothing. */
    public record Use(LoraFile file, float unetStrength, float textStrength) {
        /** The same strength everywhere. */
        public Use(LoraFile file, float strength) {
            this(file, strength, strength);
        }
    }

    /**
     * What became of a file's tensors.
     *
     * @param matched   names of tensors that change a weight
     * @param unmatched names of tensors that mean nothing in this model
     */
    public record Report(LoraFile file, List<String> matched, List<String> unmatched) {}

    private final Map<String, WeightSource> weights;
    private final List<Report> reports;

    private Loras(Map<String, WeightSource> weights, List<Report> reports) {
        this.weights = weights;
        this.reports = reports;
    }

    /**
     * Merges {@code uses}, in their order, into networks.
     *
     * @param pristine the networks' own weights, by diffusers' names of the networks
     * @throws WeightsException when a LoRA changes nothing in this model
     */
    public static Loras apply(Map<String, WeightSource> pristine, List<Use> uses) {
        LoraTargets targets = new LoraTargets();
        Map<String, AdaptedWeights> adapted = new LinkedHashMap<>();
        pristine.forEach((network, source) -> {
            targets.add(network, source);
            adapted.put(network, new AdaptedWeights(source));
        });
        List<Report> reports = new ArrayList<>();
        for (Use use : uses) {
            reports.add(apply(targets, adapted, use));
        }
        return new Loras(new LinkedHashMap<>(adapted), List.copyOf(reports));
    }

    private static Report apply(LoraTargets targets, Map<String, AdaptedWeights> adapted, Use use) {
        List<String> matched = new ArrayList<>();
        List<String> unmatched = new ArrayList<>(use.file().others());
        use.file().modules().forEach((name, tensors) -> {
            Target target = targets.find(name);
            AdaptedWeights network = target == null ? null : adapted.get(target.network());
            if (target == null || network == null) {
                unmatched.addAll(use.file().names(name));
                return;
            }
            float strength = target.network().equals("unet") ? use.unetStrength() : use.textStrength();
            network.add(
                    target.module(),
                    new AdaptedWeights.Change(tensors, strength, use.file().path() + ": module \"" + name + "\""));
            matched.addAll(use.file().names(name));
        });
        if (matched.isEmpty()) {
            throw new WeightsException(use.file().path() + " changes nothing in this model: none of its "
                    + unmatched.size() + " tensors has a place there, as " + unmatched.get(0)
                    + "; it was made for another family of models");
        }
        return new Report(use.file(), List.copyOf(matched), List.copyOf(unmatched));
    }

    /** The weights of a network with the LoRAs merged in. */
    public WeightSource weights(String network) {
        WeightSource source = weights.get(network);
        if (source == null) {
            throw new IllegalArgumentException("no weights of \"" + network + "\" were given");
        }
        return source;
    }

    /** What became of each file's tensors, in the order of use. */
    public List<Report> reports() {
        return reports;
    }
}
