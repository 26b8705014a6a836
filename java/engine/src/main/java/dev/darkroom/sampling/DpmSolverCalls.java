package dev.darkroom.sampling;

import static dev.darkroom.sampling.SamplingPlan.HISTORY;
import static dev.darkroom.sampling.SamplingPlan.OUTPUT;
import static dev.darkroom.sampling.SamplingPlan.SAMPLE;

/**
 * The calls of a single step of DPM-Solver (Lu et al. 2022a, algorithms 1 and 2) on samples picture + σ · noise, of order 1 to 3; intermediate calls lie
 * evenly in λ = -ln σ.
 */
final class DpmSolverCalls {
    private static final int START = HISTORY; // the sample before the step
    private static final int EPSILON = HISTORY + 1; // the noise predicted there
    private static final int AHEAD = HISTORY + 2; // the change of the prediction up to the second call

    /** Where a step of third order leaves the sample of second order, where that is wanted. */
    static final int LOW = HISTORY + 3;

    private final SamplingPlan.Builder plan;
    private final Prediction prediction;
    private final double[] trained;
    private final LinearForm x = LinearForm.of(SAMPLE);
    private final LinearForm start = LinearForm.of(START);
    private final LinearForm epsilon = LinearForm.of(EPSILON);

    DpmSolverCalls(SamplingPlan.Builder plan, Prediction prediction, double[] trained) {
        this.plan = plan;
        this.prediction = prediction;
        this.trained = trained;
    }

    /** Makes the calls of a step, all but the end of the last, and returns the sample at the level {@code to}. */
    LinearForm step(int order, double from, double to) {
        double h = Math.log(from / to);
        LinearForm first = call(from);
        plan.let(START, x);
        plan.let(EPSILON, first);
        if (order == 1) {
            return first(h, to);
        }
        double share = 1.0 / order;
        double sigma = from * Math.exp(-share * h);
        plan.end(first(share * h, sigma));
        LinearForm change = call(sigma).minus(epsilon);
        return order == 2 ? second(h, to, share, change) : thirdAfter(change, h, from, to, false);
    }

    /** As a step of third order, and leaves the sample of second order in {@link #LOW}. */
    LinearForm thirdBesideSecond(double from, double to) {
        double h = Math.log(from / to);
        LinearForm first = call(from);
        plan.let(START, x);
        plan.let(EPSILON, first);
        double sigma = from * Math.exp(-h / 3);
        plan.end(first(h / 3, sigma), false);
        return thirdAfter(call(sigma).minus(epsilon), h, from, to, true);
    }

    private LinearForm thirdAfter(LinearForm change, double h, double from, double to, boolean leavesSecond) {
        double r = 2.0 / 3;
        double sigma = from * Math.exp(-r * h);
        LinearForm ahead = plan.let(AHEAD, change);
        if (leavesSecond) {
            plan.let(LOW, second(h, to, 1.0 / 3, ahead));
        }
        plan.end(first(r * h, sigma).minus(ahead.times(sigma * 2 * (Math.expm1(r * h) / (r * h) - 1))), !leavesSecond);
        LinearForm furtherAhead = call(sigma).minus(epsilon);
        if (leavesSecond) {
            plan.let(LOW, LinearForm.of(LOW)); // read, so that it is handed on
        }
        return first(h, to).minus(furtherAhead.times(to / r * (Math.expm1(h) / h - 1)));
    }

    /** The step of second order, from the change of the prediction after {@code share} of the step. */
    private LinearForm second(double h, double to, double share, LinearForm change) {
        return first(h, to).minus(change.times(to / (2 * share) * Math.expm1(h)));
    }

    private LinearForm first(double h, double to) {
        return start.minus(epsilon.times(to * Math.expm1(h)));
    }

    /** Begins a call and returns the noise that it predicts. */
    private LinearForm call(double sigma) {
        plan.call(NoiseLevels.timeOf(trained, sigma), 1 / Math.sqrt(sigma * sigma + 1));
        return x.minus(prediction.pictureAt(x, LinearForm.of(OUTPUT), sigma)).times(1 / sigma);
    }
}
