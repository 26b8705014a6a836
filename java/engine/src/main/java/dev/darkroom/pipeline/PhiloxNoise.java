package dev.darkroom.pipeline;

import dev.darkroom.tensor.Ops;
import dev.darkroom.tensor.Shape;
import dev.darkroom.tensor.Tensor;

/** Noise that the device draws itself: torch's generator of CUDA devices, whatever the device. */
final class PhiloxNoise implements Noise {
    private final long seed;
    private int draws;

    /** @param seed of the first image; image i has seed + i */
    PhiloxNoise(long seed) {
        this.seed = seed;
    }

    @Override
    public Tensor draw(Ops ops, Shape shape) {
        int n = shape.dim(0);
        int[] streams = new int[3 * n];
        for (int i = 0; i < n; i++) {
            streams[3 * i] = (int) (seed + i);
            streams[3 * i + 1] = (int) (seed + i >>> 32);
            streams[3 * i + 2] = draws;
        }
        draws++;
        return ops.scoped(
                "noise", s -> s.normal(s.upload(Shape.of(n, 3), streams), shape.dim(1), shape.dim(2), shape.dim(3)));
    }
}
