package dev.darkroom.sampling;

/** Which of the trained times a sampler visits (Lin et al. 2023, table 2). */
enum Spacing {
    LINSPACE,
    LEADING,
    TRAILING;

    /**
     * {@code steps} times, latest first; linspace may give fractions.
     *
     * @throws IllegalArgumentException when the model was trained for fewer times
     */
    double[] times(int trained, int steps, int offset) {
        if (steps > trained && this != LINSPACE) {
            throw tooMany(steps, trained);
        }
        double[] times = new double[steps];
        double stride = trained - (trained - (double) trained / steps); // rounded as numpy's arange rounds it
        for (int i = 0; i < steps; i++) {
            times[i] = switch (this) {
                case LINSPACE -> steps == 1 ? 0 : (steps - 1 - i) * ((trained - 1.0) / (steps - 1));
                case LEADING -> (double) (steps - 1 - i) * (trained / steps) + offset;
                case TRAILING -> Math.rint(trained - i * stride) - 1;
            };
        }
        if (this == LINSPACE && steps > 1) {
            times[0] = trained - 1.0; // the product above may miss it by a rounding
        }
        return times;
    }

    private static IllegalArgumentException tooMany(int steps, int trained) {
        return new IllegalArgumentException(
                "steps is " + steps + ", but the model was trained for only " + trained + " times; take fewer steps");
    }

    /** As {@link #times}, in whole numbers, each of them a time that the model was trained for. */
    int[] wholeTimes(int trained, int steps, int offset) {
        if (steps > trained) {
            throw tooMany(steps, trained);
        }
        double[] times = times(trained, steps, offset);
        int[] whole = new int[steps];
        for (int i = 0; i < steps; i++) {
            whole[i] = (int) Math.rint(times[i]);
        }
        if (whole[0] >= trained) {
            throw new IllegalArgumentException("steps is " + steps + " and steps_offset " + offset
                    + ": the first time would be " + whole[0] + ", but the last the model was trained for is "
                    + (trained - 1) + "; take fewer steps");
        }
        return whole;
    }
}
