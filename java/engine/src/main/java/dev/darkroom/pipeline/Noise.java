package dev.darkroom.pipeline;

import dev.darkroom.sampling.SamplingPlan;
import dev.darkroom.sampling.TorchCpuRandom;
import dev.darkroom.tensor.ChannelOrder;
import dev.darkroom.tensor.Ops;
import dev.darkroom.tensor.Shape;
import dev.darkroom.tensor.Tensor;
import java.util.List;
import java.util.function.Function;
import java.util.stream.LongStream;

/** Where the noise of a job comes from, draw by draw. */
@FunctionalInterface
public interface Noise {
    /** The next draw: standard normal numbers, f32 of {@code shape} [n, h, w, c]. */
    Tensor draw(Ops ops, Shape shape);

    /** The next draw for a step over an interval of noise levels; sources without Brownian paths draw independent noise. */
    default Tensor draw(Ops ops, Shape shape, SamplingPlan.Interval step) {
        return draw(ops, shape);
    }

    /** The noise of image {@code index} of {@code images} alone: what it has where all are drawn together. */
    default Noise only(int index, int images) {
        Noise all = this;
        return new Noise() {
            @Override
            public Tensor draw(Ops ops, Shape shape) {
                int n = shape.dim(0);
                return all.draw(ops, shape.with(0, n * images)).rows(index * n, (index + 1) * n);
            }

            @Override
            public Tensor draw(Ops ops, Shape shape, SamplingPlan.Interval step) {
                int n = shape.dim(0);
                return all.draw(ops, shape.with(0, n * images), step).rows(index * n, (index + 1) * n);
            }
        };
    }

    /** Noise from a stream of its own for each image, so that no image depends on its neighbours: image i has seed + i. */
    static Noise seeded(Request.NoiseSource source, long seed, int images) {
        return new BrownianNoise(independent(source, seed, images), source, seed);
    }

    private static Noise independent(Request.NoiseSource source, long seed, int images) {
        if (source == Request.NoiseSource.TORCH_CUDA) {
            return new PhiloxNoise(seed);
        }
        List<TorchCpuRandom> streams = LongStream.range(0, images)
                .mapToObj(i -> new TorchCpuRandom(seed + i))
                .toList();
        return fromHost(shape -> {
            int perImage = Math.toIntExact(shape.count() / shape.dim(0));
            float[] all = new float[Math.toIntExact(shape.count())];
            for (int i = 0; i < shape.dim(0); i++) {
                System.arraycopy(streams.get(i).normal(perImage), 0, all, i * perImage, perImage);
            }
            return all;
        });
    }

    /** Noise that is drawn on the host. @param draws gives the numbers of a shape [n, c, h, w] in torch's order */
    static Noise fromHost(Function<Shape, float[]> draws) {
        return (ops, shape) -> {
            int n = shape.dim(0);
            int h = shape.dim(1);
            int w = shape.dim(2);
            int c = shape.dim(3);
            return ops.upload(shape, ChannelOrder.toChannelsLast(draws.apply(Shape.of(n, c, h, w)), n, c, h, w));
        };
    }
}
