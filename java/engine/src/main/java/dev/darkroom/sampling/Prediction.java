package dev.darkroom.sampling;

import java.util.Locale;

/** What a model predicts: the noise, the picture, or the velocity √ᾱ · noise - √(1 - ᾱ) · picture (Salimans and Ho 2022). */
public enum Prediction {
    EPSILON,
    SAMPLE,
    V_PREDICTION;

    /**
     * The prediction of this name, in diffusers' spelling or stable-diffusion.cpp's.
     *
     * @throws IllegalArgumentException naming the known ones
     */
    public static Prediction parse(String name) {
        return switch (name.toLowerCase(Locale.ROOT)) {
            case "eps", "epsilon" -> EPSILON;
            case "v", "v_prediction" -> V_PREDICTION;
            case "sample", "x0" -> SAMPLE;
            default ->
                throw new IllegalArgumentException(
                        "unknown prediction \"" + name + "\"; known are eps (epsilon), v (v_prediction), sample");
        };
    }

    /** The picture in a sample x = signal · picture + noise · ε, given the model's output. */
    LinearForm picture(LinearForm x, LinearForm output, double signal, double noise) {
        return switch (this) {
            case EPSILON -> x.minus(output.times(noise)).times(1 / signal);
            case SAMPLE -> output;
            case V_PREDICTION -> x.times(signal).minus(output.times(noise));
        };
    }

    /** The noise ε in a sample x = signal · picture + noise · ε, given the model's output. */
    LinearForm noise(LinearForm x, LinearForm output, double signal, double noise) {
        return switch (this) {
            case EPSILON -> output;
            case SAMPLE -> x.minus(output.times(signal)).times(1 / noise);
            case V_PREDICTION -> output.times(signal).plus(x.times(noise));
        };
    }

    /** The picture in a sample x = picture + σ · ε, given the model's output for x / √(σ² + 1). */
    LinearForm pictureAt(LinearForm x, LinearForm output, double sigma) {
        return switch (this) {
            case EPSILON -> x.minus(output.times(sigma));
            case SAMPLE -> output;
            case V_PREDICTION ->
                x.times(1 / (sigma * sigma + 1)).minus(output.times(sigma / Math.sqrt(sigma * sigma + 1)));
        };
    }
}
