package dev.darkroom.sampling;

import java.util.Arrays;

/**
 * DPM-Solver-fast (Lu et al. 2022a, section 3.3): so many calls are shared out to steps of order 3 and one or two of lower order, evenly in log σ, down
 * to the smallest trained level.
 */
final class DpmFastSampler implements Sampler {
    @Override
    public SamplingPlan plan(SchedulerConfig config, int steps, int skipped) {
        double[] trained = config.noise().sigmas();
        double[] visited = SigmaSchedule.SGM_UNIFORM.closedLevels(trained, steps);
        double start = -Math.log(visited[skipped]);
        double end = -Math.log(trained[0]);
        int[] orders = orders(steps - skipped);
        SamplingPlan.Builder plan = new SamplingPlan.Builder();
        DpmSolverCalls calls = new DpmSolverCalls(plan, config.prediction(), trained);
        double eta = config.real("eta", 1);
        for (int i = 0; i < orders.length; i++) {
            double from = Math.exp(-(start + i * (end - start) / orders.length));
            double to = Math.exp(-(start + (i + 1) * (end - start) / orders.length));
            double down = Math.max(trained[0], AncestralStep.of(from, to, eta).down());
            double up = Math.sqrt(Math.max(0, to * to - down * down)) * config.real("s_noise", 1);
            LinearForm next = calls.step(orders[i], from, down);
            plan.end(up > 0 ? next.plus(plan.noise().times(up)) : next);
        }
        return plan.build(visited[skipped], new SamplingPlan.Mixture(1, visited[skipped]));
    }

    /** Orders that add up to {@code calls}. */
    private static int[] orders(int calls) {
        int[] orders = new int[calls / 3 + 1];
        Arrays.fill(orders, 3);
        if (calls % 3 > 0) {
            orders[orders.length - 1] = calls % 3;
        } else {
            orders[orders.length - 2] = 2;
            orders[orders.length - 1] = 1;
        }
        return orders;
    }
}
