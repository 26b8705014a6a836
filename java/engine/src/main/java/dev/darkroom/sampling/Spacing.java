package dev.darkroom.sampling;

import java.util.Locale;

/** Which of the trained times a sampler visits (Lin et al. 2023, table 2). */
enum Spacing {
    LINSPACE,
    LEADING,
    TRAILING;

    static Spacing parse(String name) {
        for (Spacing each : values()) {
            if (each.name().toLowerCase(Locale.ROOT).equals(name)) {
                return each;
            }
        }
        throw new IllegalArgumentException(
                "timestep_spacing \"" + name + "\" is unknown; known are linspace, leading, trailing");
    }

    /** {@code steps} times, latest first; linspace may give fractions. */
    double[] times(int trained, int steps, int offset) {
        double[] times = new double[steps];
        for (int i = 0; i < steps; i++) {
            times[i] = switch (this) {
                case LINSPACE -> steps == 1 ? 0 : (trained - 1.0) * (steps - 1 - i) / (steps - 1);
                case LEADING -> (double) (steps - 1 - i) * (trained / steps) + offset;
                case TRAILING -> Math.rint(trained - i * ((double) trained / steps)) - 1;
            };
        }
        return times;
    }

    /** As {@link #times}, in whole numbers. */
    int[] wholeTimes(int trained, int steps, int offset) {
        double[] times = times(trained, steps, offset);
        int[] whole = new int[steps];
        for (int i = 0; i < steps; i++) {
            whole[i] = (int) Math.rint(times[i]);
        }
        return whole;
    }
}
