package dev.darkroom.pipeline;

import dev.darkroom.sampling.PhiloxRandom;
import dev.darkroom.sampling.RandomStream;
import dev.darkroom.sampling.TorchCpuRandom;
import java.util.ArrayList;
import java.util.List;

/** Where the noise of a job comes from, draw by draw. */
@FunctionalInterface
public interface Noise {
    /** The next draw: standard normal numbers [n, c, h, w], in torch's order. */
    float[] draw(int n, int c, int h, int w);

    /** Noise from a stream of its own for each image, so that no image depends on its neighbours: image i has seed + i. */
    static Noise seeded(Request.NoiseSource source, long seed, int images) {
        List<RandomStream> streams = new ArrayList<>();
        for (int i = 0; i < images; i++) {
            streams.add(
                    source == Request.NoiseSource.TORCH_CUDA
                            ? new PhiloxRandom(seed + i)
                            : new TorchCpuRandom(seed + i));
        }
        return (n, c, h, w) -> {
            float[] all = new float[n * c * h * w];
            for (int i = 0; i < n; i++) {
                System.arraycopy(streams.get(i).normal(c * h * w), 0, all, i * c * h * w, c * h * w);
            }
            return all;
        };
    }
}
