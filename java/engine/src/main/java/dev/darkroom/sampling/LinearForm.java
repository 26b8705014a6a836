package dev.darkroom.sampling;

import java.util.Map;
import java.util.TreeMap;

/** A linear combination of slots, Σ coefficient · slot; immutable. Sums and multiples collapse, so that a sampler can be written as its paper has it. */
public final class LinearForm {
    private final Map<Integer, Double> coefficients;

    private LinearForm(Map<Integer, Double> coefficients) {
        this.coefficients = coefficients;
    }

    /** The slot itself. */
    public static LinearForm of(int slot) {
        TreeMap<Integer, Double> one = new TreeMap<>();
        one.put(slot, 1.0);
        return new LinearForm(one);
    }

    public LinearForm plus(LinearForm other) {
        TreeMap<Integer, Double> sum = new TreeMap<>(coefficients);
        other.coefficients.forEach((slot, coefficient) -> sum.merge(slot, coefficient, Double::sum));
        return new LinearForm(sum);
    }

    public LinearForm minus(LinearForm other) {
        return plus(other.times(-1));
    }

    public LinearForm times(double factor) {
        TreeMap<Integer, Double> product = new TreeMap<>();
        coefficients.forEach((slot, coefficient) -> product.put(slot, coefficient * factor));
        return new LinearForm(product);
    }

    /** This form with what {@code values} has for a slot put in the slot's place. */
    LinearForm with(Map<Integer, LinearForm> values) {
        LinearForm sum = new LinearForm(new TreeMap<>());
        for (Map.Entry<Integer, Double> term : coefficients.entrySet()) {
            LinearForm value = values.get(term.getKey());
            sum = sum.plus((value == null ? of(term.getKey()) : value).times(term.getValue()));
        }
        return sum;
    }

    /** What slot {@code slot} is multiplied by. */
    double coefficient(int slot) {
        return coefficients.getOrDefault(slot, 0.0);
    }

    /** Coefficients by slot, those that are zero left out. */
    public Map<Integer, Double> coefficients() {
        TreeMap<Integer, Double> present = new TreeMap<>(coefficients);
        present.values().removeIf(coefficient -> coefficient == 0);
        return present;
    }

    boolean isFinite() {
        return coefficients.values().stream().allMatch(Double::isFinite);
    }

    @Override
    public String toString() {
        return coefficients().toString();
    }
}
