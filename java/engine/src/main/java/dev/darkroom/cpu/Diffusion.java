package dev.darkroom.cpu;

import dev.darkroom.tensor.Philox;
import dev.darkroom.tensor.Tensor;
import java.nio.ByteBuffer;
import java.util.Arrays;

/** Small operations of samplers and pictures in plain Java: sums in double, results rounded once. */
final class Diffusion {
    private Diffusion() {}

    /** Σ coefficients[·, k] · terms[k] → y. */
    static void weightedSum(Tensor coefficients, Tensor[] terms, Tensor y) {
        int images = coefficients.dim(0);
        long perImage = y.shape().count() / Math.max(1, images);
        float[] factors = new float[terms.length];
        double[] sums = new double[NativeMemory.CHUNK];
        float[] values = new float[NativeMemory.CHUNK];
        for (int image = 0; image < images; image++) {
            NativeMemory.read(coefficients, (long) image * terms.length, factors, terms.length);
            for (long at = 0; at < perImage; at += NativeMemory.CHUNK) {
                int count = (int) Math.min(NativeMemory.CHUNK, perImage - at);
                long start = image * perImage + at;
                Arrays.fill(sums, 0);
                for (int k = 0; k < terms.length; k++) {
                    NativeMemory.read(terms[k], start, values, count);
                    for (int i = 0; i < count; i++) {
                        sums[i] += (double) factors[k] * values[i];
                    }
                }
                for (int i = 0; i < count; i++) {
                    values[i] = (float) sums[i];
                }
                NativeMemory.write(y, start, values, count);
            }
        }
    }

    /** x held between low and high → y; a NaN stays one. */
    static void clip(Tensor x, float low, float high, Tensor y) {
        NativeMemory.forEachChunk(x, (values, count, start) -> {
            for (int i = 0; i < count; i++) {
                values[i] = Math.min(Math.max(values[i], low), high); // Math's, unlike comparisons, keep NaN
            }
            NativeMemory.write(y, start, values, count);
        });
    }

    /** e^x → y; oneDNN's makes infinity of a NaN and loses four digits of large results. */
    static void exp(Tensor x, Tensor y) {
        NativeMemory.forEachChunk(x, (values, count, start) -> {
            for (int i = 0; i < count; i++) {
                values[i] = (float) Math.exp(values[i]);
            }
            NativeMemory.write(y, start, values, count);
        });
    }

    /** Normal numbers of streams [n, 3] → y [n, h, w, c]. */
    static void normal(Tensor streams, Tensor y) {
        int images = y.dim(0);
        int channels = y.dim(3);
        int pixels = y.dim(1) * y.dim(2);
        ByteBuffer words = NativeMemory.buffer(streams.address(), Math.toIntExact(streams.byteSize()));
        float[] row = new float[channels];
        for (int image = 0; image < images; image++) {
            long low = Integer.toUnsignedLong(words.getInt(12 * image));
            long seed = (long) words.getInt(12 * image + 4) << 32 | low;
            int draw = words.getInt(12 * image + 8);
            for (int pixel = 0; pixel < pixels; pixel++) {
                for (int c = 0; c < channels; c++) {
                    row[c] = (float) Philox.normal(seed, draw, c * pixels + pixel);
                }
                NativeMemory.write(y, ((long) image * pixels + pixel) * channels, row, channels);
            }
        }
    }

    /** Sinusoids of t [n] → y [n, width]. */
    static void timeEmbedding(Tensor t, int width, boolean cosFirst, float shift, Tensor y) {
        int half = width / 2;
        float[] times = new float[t.dim(0)];
        NativeMemory.read(t, 0, times, times.length);
        float[] row = new float[width];
        for (int image = 0; image < times.length; image++) {
            for (int i = 0; i < half; i++) {
                double angle = times[image] * Math.exp(-Math.log(10000) * i / (half - shift));
                row[cosFirst ? i : half + i] = (float) Math.cos(angle);
                row[cosFirst ? half + i : i] = (float) Math.sin(angle);
            }
            NativeMemory.write(y, (long) image * width, row, width);
        }
    }

    /** factor · guided · std(conditional) / std(guided) + (1 - factor) · guided, image by image → y. */
    static void rescaleGuidance(Tensor guided, Tensor conditional, float factor, Tensor y) {
        for (int image = 0; image < guided.dim(0); image++) {
            Tensor from = guided.rows(image, image + 1);
            double ratio = deviation(conditional.rows(image, image + 1)) / deviation(from);
            double scale = factor * ratio + (1 - factor);
            Tensor to = y.rows(image, image + 1);
            NativeMemory.forEachChunk(from, (values, count, start) -> {
                for (int i = 0; i < count; i++) {
                    values[i] = (float) (values[i] * scale);
                }
                NativeMemory.write(to, start, values, count);
            });
        }
    }

    private static double deviation(Tensor x) {
        double[] sum = new double[1];
        NativeMemory.forEachChunk(x, (values, count, start) -> {
            for (int i = 0; i < count; i++) {
                sum[0] += values[i];
            }
        });
        double mean = sum[0] / x.shape().count();
        double[] squares = new double[1];
        NativeMemory.forEachChunk(x, (values, count, start) -> {
            for (int i = 0; i < count; i++) {
                squares[0] += (values[i] - mean) * (values[i] - mean);
            }
        });
        return Math.sqrt(squares[0] / (x.shape().count() - 1));
    }

    /** x held within ±s and divided by s, image by image → y. */
    static void dynamicThreshold(Tensor x, float ratio, float max, Tensor y) {
        int perImage = Math.toIntExact(x.shape().count() / Math.max(1, x.dim(0)));
        float[] values = new float[perImage];
        float[] magnitudes = new float[perImage];
        for (int image = 0; image < x.dim(0); image++) {
            NativeMemory.read(x, (long) image * perImage, values, perImage);
            for (int i = 0; i < perImage; i++) {
                magnitudes[i] = Math.abs(values[i]);
            }
            Arrays.sort(magnitudes);
            float s = Math.min(Math.max(quantile(magnitudes, ratio), 1), max);
            for (int i = 0; i < perImage; i++) {
                values[i] = Math.min(Math.max(values[i], -s), s) / s;
            }
            NativeMemory.write(y, (long) image * perImage, values, perImage);
        }
    }

    /** The quantile of sorted values, with a straight line between neighbours. */
    private static float quantile(float[] sorted, float ratio) {
        double position = (double) ratio * (sorted.length - 1);
        int below = (int) Math.floor(position);
        int above = Math.min(below + 1, sorted.length - 1);
        return (float) (sorted[below] + (position - below) * (sorted[above] - sorted[below]));
    }

    /** round(255 · clip(x / 2 + 0.5, 0, 1)) → y u8. */
    static void toPixels(Tensor x, Tensor y) {
        NativeMemory.forEachChunk(x, (values, count, start) -> {
            ByteBuffer pixels = NativeMemory.buffer(y.address() + start, count);
            for (int i = 0; i < count; i++) {
                float value = Math.min(Math.max(values[i] / 2 + 0.5f, 0), 1);
                pixels.put(i, (byte) Math.rint(value * 255));
            }
        });
    }

    /** x u8 / 127.5 - 1 → y. */
    static void fromPixels(Tensor x, Tensor y) {
        NativeMemory.forEachChunk(x, (values, count, start) -> {
            for (int i = 0; i < count; i++) {
                values[i] = values[i] / 127.5f - 1;
            }
            NativeMemory.write(y, start, values, count);
        });
    }

    /** How many elements of x are infinite or not a number → y i32 [1]. */
    static void countNonFinite(Tensor x, Tensor y) {
        int[] found = new int[1];
        NativeMemory.forEachChunk(x, (values, count, start) -> {
            for (int i = 0; i < count; i++) {
                found[0] += Float.isFinite(values[i]) ? 0 : 1;
            }
        });
        NativeMemory.buffer(y.address(), 4).putInt(0, found[0]);
    }
}
