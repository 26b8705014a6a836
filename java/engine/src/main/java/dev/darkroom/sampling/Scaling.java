package dev.darkroom.sampling;

/** What samples are made of at a noise level, and what a network makes of them. */
enum Scaling {
    /** Samples of unit variance, signal² + noise² = 1, which the network takes as they are (Ho et al. 2020). */
    UNIT {
        @Override
        double signal(NoiseLevels levels, int i) {
            return levels.signalRate(i);
        }

        @Override
        double noise(NoiseLevels levels, int i) {
            return levels.noiseRate(i);
        }

        @Override
        double input(NoiseLevels levels, int i) {
            return 1;
        }

        @Override
        LinearForm picture(Prediction prediction, LinearForm x, LinearForm output, NoiseLevels levels, int i) {
            return prediction.picture(x, output, levels.signalRate(i), levels.noiseRate(i));
        }

        @Override
        double initialScale(SchedulerConfig config, NoiseLevels levels) {
            return levels.unitInitialScale(config);
        }
    },
    /** picture + σ · noise, and a network whose input and output are scaled for pictures of deviation 1/2 (Karras et al. 2022, table 1). */
    EDM {
        private static final double DATA = 0.5; // deviation of pictures

        @Override
        double signal(NoiseLevels levels, int i) {
            return 1;
        }

        @Override
        double noise(NoiseLevels levels, int i) {
            return levels.sigma(i);
        }

        @Override
        double input(NoiseLevels levels, int i) {
            return 1 / Math.hypot(levels.sigma(i), DATA);
        }

        @Override
        LinearForm picture(Prediction prediction, LinearForm x, LinearForm output, NoiseLevels levels, int i) {
            double variance = levels.sigma(i) * levels.sigma(i) + DATA * DATA;
            double scale = levels.sigma(i) * DATA / Math.sqrt(variance);
            return x.times(DATA * DATA / variance)
                    .plus(output.times(prediction == Prediction.V_PREDICTION ? -scale : scale));
        }

        @Override
        double initialScale(SchedulerConfig config, NoiseLevels levels) {
            return Math.hypot(levels.largest(), 1);
        }
    };

    /** How much of the picture is in a sample at level i. */
    abstract double signal(NoiseLevels levels, int i);

    /** How much noise is in it. */
    abstract double noise(NoiseLevels levels, int i);

    /** What the network sees it multiplied by. */
    abstract double input(NoiseLevels levels, int i);

    /** The picture in it, given the network's output. */
    abstract LinearForm picture(Prediction prediction, LinearForm x, LinearForm output, NoiseLevels levels, int i);

    /** What noise is multiplied by to become the first sample. */
    abstract double initialScale(SchedulerConfig config, NoiseLevels levels);

    /** What a sample is made of at level i. */
    SamplingPlan.Mixture mixture(NoiseLevels levels, int i) {
        return new SamplingPlan.Mixture(signal(levels, i), noise(levels, i));
    }
}
