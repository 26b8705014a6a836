package dev.darkroom.sampling;

/**
 * DPM-Solver-23 with error control (Lu et al. 2022a, algorithm 3; k-diffusion's dpm_adaptive): each trial is a plan of three calls that ends in samples of
 * second and of third order, and their difference decides whether it counts and how long the next one is.
 *
 * <p>Step sizes depend on the picture, so that a solver serves one picture at a time.
 */
public final class AdaptiveSolver {
    private static final double RELATIVE_TOLERANCE = 0.05;
    private static final double ABSOLUTE_TOLERANCE = 0.0078; // about one level of 256, for values in -1 … 1
    private static final double FIRST_STEP = 0.05; // in λ = -ln σ
    private static final double LEAST_FACTOR =
            0.81; // a trial counts unless its successor would have to be this much shorter
    private static final double RESOLUTION = 1e-5; // in λ

    private final Prediction prediction;
    private final double[] trained;
    private final double begin;
    private final double end;
    private final double eta;
    private final double noiseFactor;

    /** @param from the noise level to begin at; the end is the smallest trained one */
    AdaptiveSolver(SchedulerConfig config, double[] trained, double from) {
        this.prediction = config.prediction();
        this.trained = trained;
        this.begin = -Math.log(from);
        this.end = -Math.log(trained[0]);
        this.eta = config.real("eta", 1);
        this.noiseFactor = config.real("s_noise", 1);
    }

    /** The slot in which a trial leaves the sample of second order; that of third order is the sample. */
    public int lowOrderSlot() {
        return DpmSolverCalls.LOW;
    }

    /** Begins with a sample. */
    public Run run(double[] sample) {
        return new Run(sample);
    }

    /** So many trials of equal length: what is predicted and counted with before anything is known. */
    SamplingPlan nominal(int trials) {
        SamplingPlan.Builder plan = new SamplingPlan.Builder();
        for (int i = 0; i < trials; i++) {
            double from = begin + i * (end - begin) / trials;
            addTrial(plan, from, Step.of(this, from, begin + (i + 1) * (end - begin) / trials));
        }
        double sigma = Math.exp(-begin);
        return plan.build(sigma, new SamplingPlan.Mixture(1, sigma), this);
    }

    private void addTrial(SamplingPlan.Builder plan, double from, Step step) {
        plan.end(new DpmSolverCalls(plan, prediction, trained).thirdBesideSecond(Math.exp(-from), step.down()));
    }

    /** Where a trial ends: it is computed to {@code down}, and noise brings it {@code up}. */
    private record Step(double down, double up) {
        static Step of(AdaptiveSolver solver, double from, double to) {
            double level = Math.exp(-to);
            double down = Math.max(
                    Math.exp(-solver.end),
                    AncestralStep.of(Math.exp(-from), level, solver.eta).down());
            return new Step(down, Math.sqrt(Math.max(0, level * level - down * down)) * solver.noiseFactor);
        }
    }

    /** The way of one picture. */
    public final class Run {
        private double lambda = begin;
        private double length = FIRST_STEP;
        private double[] before; // the last sample of second order

        private Run(double[] sample) {
            before = sample;
        }

        public boolean isDone() {
            return lambda >= end - RESOLUTION;
        }

        /** How much of the way is done, 0 … 1. */
        public double share() {
            return (lambda - begin) / (end - begin);
        }

        /** The next trial. */
        public SamplingPlan trial() {
            SamplingPlan.Builder plan = new SamplingPlan.Builder();
            addTrial(plan, lambda, step());
            return plan.build(1, new SamplingPlan.Mixture(1, 0));
        }

        private double goal() {
            return Math.min(end, lambda + length);
        }

        private Step step() {
            return Step.of(AdaptiveSolver.this, lambda, goal());
        }

        /** What noise is multiplied by, and then added to the trial's sample if it counts. */
        public double noise() {
            return step().up();
        }

        /**
         * Whether a trial counts, which moves on; in any case the next trial has a length of its own. {@link #noise} is to be asked before.
         *
         * @param low  the sample of second order
         * @param high that of third order
         */
        public boolean accepts(double[] low, double[] high) {
            double sum = 0;
            for (int i = 0; i < low.length; i++) {
                double scale = RELATIVE_TOLERANCE * Math.max(Math.abs(low[i]), Math.abs(before[i]));
                double error = (low[i] - high[i]) / Math.max(ABSOLUTE_TOLERANCE, scale);
                sum += error * error;
            }
            double error = Math.sqrt(sum / low.length);
            if (!Double.isFinite(error)) {
                throw new IllegalStateException(
                        "the samples of an adaptive step are not numbers; the network's output is broken");
            }
            double order = eta > 0 ? 1.5 : 3;
            double factor = 1 + Math.atan(Math.pow(1 / (error + 1e-8), 1 / order) - 1);
            boolean counts = factor >= LEAST_FACTOR;
            if (counts) {
                lambda = goal();
                before = low;
            }
            length *= factor;
            return counts;
        }
    }
}
