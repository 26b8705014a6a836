package dev.darkroom.sampling;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.Arrays;
import java.util.HashMap;
import java.util.Map;
import java.util.Random;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

@DisplayName("correctness 35: the noise of stochastic samplers is a Brownian path")
class BrownianTreeTest {
    private static final double LOWEST = 0.029168; // of as many digits as the path resolves
    private static final double HIGHEST = 14.614641;

    /** Printed by numpy.random.SeedSequence(entropy, spawn_key, pool_size=24).generate_state(1). */
    @ParameterizedTest
    @CsvSource({
        "42, -1, 0, 387750627",
        "42, 0, 0, 2102017995",
        "42, 3, 5, 3084123560",
        "1099511627783, 1, 1, 500863053",
        "0, 17, 123456, 623440621",
    })
    void whoseSeedsAreNumpys(long entropy, int depth, long path, long expected) {
        assertEquals(expected, Integer.toUnsignedLong(new BrownianTree.Node(depth, path).seed(entropy)));
    }

    /** What torchsde's BrownianTree gives, with k-diffusion's sign and scale, for a tensor of [1, 2, 3, 3] on the CPU. */
    @ParameterizedTest
    @CsvSource({
        "42, 7.25, 3.5, -0.4578787386417389, -0.643168032169342, -0.0713510811328888, 0.05701296031475067",
        "42, 3.5, 0.4, -0.7326281666755676, 0.3967869281768799, -0.33659783005714417, -0.16331735253334045",
        "42, 14.614641, 0.029168, -1.1561832427978516, -0.21913522481918335, 0.604801595211029, 0.6566147208213806",
        "8589934597, 7.25, 3.5, 1.020056962966919, 1.2710201740264893, 0.8052392601966858, -1.856966257095337",
        "8589934597, 3.5, 0.4, -0.27336233854293823, -1.1489452123641968, -0.027295606210827827, 0.3328667879104614",
    })
    void whoseNumbersAreTorchsdes(
            long seed, double from, double to, double first, double second, double third, double fourth) {
        double[] sum = new double[18];
        BrownianTree.noise(step(from, to)).forEach((node, weight) -> {
            float[] drawn = new TorchCpuRandom(Integer.toUnsignedLong(node.seed(seed))).normal(sum.length);
            for (int k = 0; k < sum.length; k++) {
                sum[k] += weight * drawn[k];
            }
        });
        double rounding = 2e-6; // of torch's float32 sums over some forty nodes
        assertArrayEquals(new double[] {first, second, third, fourth}, Arrays.copyOf(sum, 4), rounding);
    }

    @Test
    void ofUnitVariance() {
        double square = BrownianTree.noise(step(7.25, 3.5)).values().stream()
                .mapToDouble(weight -> weight * weight)
                .sum();
        assertEquals(1, square, 1e-9);
    }

    @Test
    void whoseIncrementsAddUpHoweverManyStepsAreTaken() {
        Map<BrownianTree.Node, Double> sum = new HashMap<>();
        double[] levels = {9.75, 6.1, 5.999, 2.25, 0.4};
        for (int i = 0; i + 1 < levels.length; i++) {
            add(sum, step(levels[i], levels[i + 1]), 1);
        }
        add(sum, step(9.75, 0.4), -1);
        sum.forEach((node, weight) -> assertEquals(0, weight, 1e-9, node.toString()));
    }

    @Test
    void whoseIncrementsOverDisjointIntervalsAreIndependent() {
        Map<BrownianTree.Node, Double> first = BrownianTree.noise(step(9.75, 6.1));
        double covariance = BrownianTree.noise(step(6.1, 2)).entrySet().stream()
                .mapToDouble(each -> each.getValue() * first.getOrDefault(each.getKey(), 0.0))
                .sum();
        assertEquals(0, covariance, 1e-9);
    }

    @Test
    void thatResolvesAnyLevels() {
        Random random = new Random(4);
        for (int i = 0; i < 200; i++) {
            double from = LOWEST + random.nextDouble() * (HIGHEST - LOWEST);
            double to = LOWEST + random.nextDouble() * (from - LOWEST);
            assertTrue(BrownianTree.noise(step(from, to)).size() < 70);
        }
        assertEquals(1, BrownianTree.noise(step(HIGHEST, LOWEST)).size());
        assertThrows(IllegalArgumentException.class, () -> BrownianTree.noise(step(2, 2 - 1e-9)));
    }

    private static void add(Map<BrownianTree.Node, Double> sum, SamplingPlan.Interval step, double sign) {
        double deviation = Math.sqrt(step.from() - step.to());
        BrownianTree.noise(step).forEach((node, weight) -> sum.merge(node, sign * deviation * weight, Double::sum));
    }

    private static SamplingPlan.Interval step(double from, double to) {
        return new SamplingPlan.Interval(from, to, LOWEST, HIGHEST);
    }
}
