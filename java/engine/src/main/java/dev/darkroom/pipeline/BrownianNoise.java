package dev.darkroom.pipeline;

import dev.darkroom.sampling.BrownianTree;
import dev.darkroom.sampling.SamplingPlan;
import dev.darkroom.sampling.TorchCpuRandom;
import dev.darkroom.tensor.Ops;
import dev.darkroom.tensor.Shape;
import dev.darkroom.tensor.Tensor;
import java.util.Map;
import java.util.Objects;

/** Noise of which that over noise levels is the increment of a Brownian path, one for each image (docs/samplers.md). */
final class BrownianNoise implements Noise {
    private final Noise independent;
    private final Request.NoiseSource source;
    private final long seed;

    /** @param seed of the first image; image i has seed + i */
    BrownianNoise(Noise independent, Request.NoiseSource source, long seed) {
        this.independent = independent;
        this.source = source;
        this.seed = seed;
    }

    @Override
    public Tensor draw(Ops ops, Shape shape) {
        return independent.draw(ops, shape);
    }

    @Override
    public Tensor draw(Ops ops, Shape shape, SamplingPlan.Interval step) {
        Map<BrownianTree.Node, Double> sum = BrownianTree.noise(step);
        return source == Request.NoiseSource.TORCH_CUDA
                ? onDevice(ops, shape, sum)
                : Noise.fromHost(channelsFirst -> onHost(channelsFirst, sum)).draw(ops, shape);
    }

    private float[] onHost(Shape shape, Map<BrownianTree.Node, Double> sum) {
        int perImage = Math.toIntExact(shape.count() / shape.dim(0));
        double[] all = new double[Math.toIntExact(shape.count())];
        sum.forEach((node, weight) -> {
            for (int i = 0; i < shape.dim(0); i++) {
                float[] drawn = new TorchCpuRandom(Integer.toUnsignedLong(node.seed(seed + i))).normal(perImage);
                for (int k = 0; k < perImage; k++) {
                    all[i * perImage + k] += weight * drawn[k];
                }
            }
        });
        float[] rounded = new float[all.length];
        for (int k = 0; k < rounded.length; k++) {
            rounded[k] = (float) all[k];
        }
        return rounded;
    }

    private Tensor onDevice(Ops ops, Shape shape, Map<BrownianTree.Node, Double> sum) {
        int n = shape.dim(0);
        return ops.scoped("brownian", s -> {
            Tensor total = null;
            for (Map.Entry<BrownianTree.Node, Double> term : sum.entrySet()) {
                int[] streams = new int[3 * n]; // a seed of 32 bits, and the first draw
                for (int i = 0; i < n; i++) {
                    streams[3 * i] = term.getKey().seed(seed + i);
                }
                Tensor drawn = s.normal(s.upload(Shape.of(n, 3), streams), shape.dim(1), shape.dim(2), shape.dim(3));
                total = total == null
                        ? Denoiser.sum(s, new double[] {term.getValue()}, drawn)
                        : Denoiser.sum(s, new double[] {1, term.getValue()}, total, drawn);
            }
            return Objects.requireNonNull(total);
        });
    }
}
