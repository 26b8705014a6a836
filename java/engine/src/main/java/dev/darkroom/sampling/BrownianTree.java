package dev.darkroom.sampling;

import java.math.BigDecimal;
import java.math.RoundingMode;
import java.util.LinkedHashMap;
import java.util.Map;

/**
 * A Brownian path over noise levels, as torchsde's BrownianTree has it: the increment over the whole range is drawn first, and each interval is halved
 * by a draw of its own, whose seed depends on the place in the tree alone. Pictures therefore see the same path, however many steps are taken on it.
 *
 * <p>An increment is a weighted sum of the standard normal numbers of the nodes above its ends, with weights that depend on the ends alone.
 */
public final class BrownianTree {
    private static final int DIGITS = 6; // of a level; below them the path is not resolved

    /**
     * Where a draw belongs.
     *
     * @param depth 0 for the node of the whole range; -1 for the increment over it
     * @param path  the turns taken to it, a bit for each, 1 for right
     */
    public record Node(int depth, long path) {
        /** The seed of its draw for a picture. */
        public int seed(long entropy) {
            return depth < 0 ? SeedSequence.first(entropy) : SeedSequence.first(entropy, path, depth);
        }
    }

    private static final Node WHOLE = new Node(-1, 0);

    private BrownianTree() {}

    /**
     * The noise of a step, of unit variance: what each node's standard normal numbers are multiplied by.
     *
     * @throws IllegalArgumentException when the interval is too short to be resolved
     */
    public static Map<Node, Double> noise(SamplingPlan.Interval step) {
        if (rounded(step.to()) >= rounded(step.from())) {
            throw new IllegalArgumentException("the noise levels " + step.from() + " and " + step.to()
                    + " are too close for a Brownian path; take fewer steps");
        }
        Map<Node, Double> sum = new LinkedHashMap<>();
        add(sum, step, step.to(), 1);
        add(sum, step, step.from(), -1); // levels fall while the path runs upwards
        sum.values().removeIf(weight -> weight == 0);
        double deviation = Math.sqrt(step.from() - step.to());
        sum.replaceAll((node, weight) -> weight / deviation);
        return sum;
    }

    /** Adds the path's value at {@code level}, {@code factor} times. */
    private static void add(Map<Node, Double> sum, SamplingPlan.Interval range, double level, double factor) {
        double goal = rounded(Math.max(range.lowest(), Math.min(range.highest(), level)));
        double start = rounded(range.lowest());
        double end = rounded(range.highest());
        Map<Node, Double> increment = new LinkedHashMap<>(); // over start … end
        increment.put(WHOLE, Math.sqrt(range.highest() - range.lowest()));
        Node node = new Node(0, 0);
        while (goal > start && goal < end) {
            double middle = rounded((start + end) / 2);
            Map<Node, Double> left = scaled(increment, (middle - start) / (end - start));
            left.put(node, Math.sqrt((middle - start) * (end - middle) / (end - start)));
            boolean right = goal >= middle;
            if (right) {
                addAll(sum, left, factor);
                addAll(increment, left, -1);
                start = middle;
            } else {
                increment = left;
                end = middle;
            }
            node = new Node(node.depth() + 1, 2 * node.path() + (right ? 1 : 0));
        }
        if (goal == end) {
            addAll(sum, increment, factor);
        }
    }

    private static Map<Node, Double> scaled(Map<Node, Double> form, double factor) {
        Map<Node, Double> scaled = new LinkedHashMap<>();
        form.forEach((node, weight) -> scaled.put(node, weight * factor));
        return scaled;
    }

    private static void addAll(Map<Node, Double> sum, Map<Node, Double> form, double factor) {
        form.forEach((node, weight) -> sum.merge(node, weight * factor, Double::sum));
    }

    private static double rounded(double level) {
        return new BigDecimal(level).setScale(DIGITS, RoundingMode.HALF_EVEN).doubleValue();
    }
}
