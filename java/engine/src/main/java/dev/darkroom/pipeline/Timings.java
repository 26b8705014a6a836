package dev.darkroom.pipeline;

import java.util.List;

/**
 * How long the stages of a request took, in seconds.
 *
 * @param text   encoding the prompts
 * @param steps  each model call with what follows from it
 * @param decode decoding all pictures
 */
public record Timings(double text, List<Double> steps, double decode) {
    /** All stages together. */
    public double total() {
        return text + decode + steps.stream().mapToDouble(each -> each).sum();
    }

    /** Of several requests one after the other. */
    static Timings sum(List<Timings> parts) {
        return new Timings(
                parts.stream().mapToDouble(Timings::text).sum(),
                parts.stream().flatMap(each -> each.steps().stream()).toList(),
                parts.stream().mapToDouble(Timings::decode).sum());
    }
}
