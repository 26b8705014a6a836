package dev.darkroom.reference;

import com.fasterxml.jackson.databind.JsonNode;
import dev.darkroom.tensor.DType;

/** How much a result may differ from its reference, by kind of computation and element type (docs/numerics.md). */
enum Tolerance {
    TEXT_AND_VAE(1e-4, 5e-3, 5e-2),
    UNET(1e-4, 1e-2, 1e-1),
    PIPELINE(2e-4, 2e-2, 1.5e-1);

    private static final int NOISE_FACTOR = 3; // a 16-bit result may err this many times as much as torch's own did

    private final double f32;
    private final double f16;
    private final double bf16;

    Tolerance(double f32, double f16, double bf16) {
        this.f32 = f32;
        this.f16 = f16;
        this.bf16 = bf16;
    }

    /** The limit for tensor {@code name} of a file whose entry in the index is {@code file}. */
    double of(DType dtype, JsonNode file, String name) {
        return switch (dtype) {
            case F32 -> f32;
            case F16 -> Math.max(f16, NOISE_FACTOR * noise(file, "float16", name));
            case BF16 -> Math.max(bf16, NOISE_FACTOR * noise(file, "bfloat16", name));
            default -> throw new IllegalArgumentException("networks do not compute in " + dtype);
        };
    }

    private static double noise(JsonNode file, String dtype, String name) {
        return file.path("noise").path(dtype).path(name).path("max").asDouble(0);
    }
}
