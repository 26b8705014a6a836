package dev.darkroom.pipeline;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.darkroom.cuda.SoftwareCuda;
import dev.darkroom.image.Picture;
import dev.darkroom.tensor.DType;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Networks whose numbers f16 cannot hold, though f32 can: their first layer multiplies by tens of thousands, and a normalisation follows. */
@Tag("software-cuda")
@DisplayName("What overflows in f16")
class OverflowTest {
    @TempDir
    private Path folder = Path.of("");

    @BeforeAll
    static void buildTheDevice() {
        assumeTrue(SoftwareCuda.build(), SoftwareCuda.NEEDS);
    }

    private static Darkroom open(Path model, DType dtype) {
        return Darkroom.builder(model.toString()).device("cuda").dtype(dtype).open();
    }

    private static Request.Builder small() {
        return Request.of("a red circle").size(32, 32).sampler("DDIM").steps(2).guidance(3).seed(5);
    }

    @Test
    @DisplayName("correctness 25: of the VAE is decoded again in f32")
    void ofTheVaeIsDecodedAgain() {
        Path model = TinyCheckpoints.copy("sd1", folder.resolve("vae"));
        TinyCheckpoints.change(model, "vae", "decoder.conv_in.weight", TinyCheckpoints::huge);
        Picture expected = inF32(model);
        try (Darkroom darkroom = open(model, DType.F16)) {
            Result result = darkroom.generate(small().build());
            assertNear(expected, result.picture());
            assertEquals(1, result.warnings().size());
            assertWarns(result, "in the decoded picture, first in vae", "again in f32");
            Picture init = new Picture(32, 32, new byte[32 * 32 * 3]);
            assertWarns(darkroom.generate(small().init(init).build()), "in the decoded picture", "again in f32");
        }
    }

    @Test
    void ofTheVaesEncoderIsEncodedAgain() {
        Path model = TinyCheckpoints.copy("sd1", folder.resolve("encoder"));
        TinyCheckpoints.change(model, "vae", "encoder.conv_in.weight", TinyCheckpoints::huge);
        try (Darkroom darkroom = open(model, DType.F16)) {
            Picture init = new Picture(32, 32, new byte[32 * 32 * 3]);
            Result result = darkroom.generate(small().init(init).build());
            assertWarns(result, "in the picture's latents, first in vae", "again in f32");
            assertEquals(List.of(), darkroom.generate(small().build()).warnings());
        }
    }

    @Test
    void ofTheUNetIsComputedAgainAndNoImageSeesItsNeighbours() {
        Path model = TinyCheckpoints.copy("sd1", folder.resolve("unet"));
        TinyCheckpoints.change(model, "unet", "conv_in.weight", TinyCheckpoints::huge);
        Picture expected = inF32(model);
        try (Darkroom darkroom = open(model, DType.F16)) {
            long live = darkroom.device().pool().statistics().live();
            Result result = darkroom.generate(small().build());
            assertNear(expected, result.picture());
            assertEquals(1, result.warnings().size());
            assertWarns(result, "at step 1 of 2", "first in unet/conv_in");
            Result batch = darkroom.generate(small().seed(4).count(2).build());
            assertEquals(result.picture(), batch.pictures().get(1));
            assertEquals(2, batch.warnings().size());
            assertTrue(darkroom.device().pool().statistics().live() <= live, "f32 weights are still there");
        }
    }

    private static void assertWarns(Result result, String... parts) {
        for (String part : parts) {
            assertTrue(result.warnings().toString().contains(part), result.warnings().toString());
        }
    }

    private static Picture inF32(Path model) {
        try (Darkroom darkroom = open(model, DType.F32)) {
            Result result = darkroom.generate(small().build());
            assertEquals(List.of(), result.warnings());
            return result.picture();
        }
    }

    /** Near to {@code expected}, and no empty picture. */
    private static void assertNear(Picture expected, Picture actual) {
        byte[] x = expected.rgb();
        byte[] y = actual.rgb();
        double apart = 0;
        double contrast = 0;
        for (int i = 0; i < x.length; i++) {
            apart += Math.abs((x[i] & 0xff) - (y[i] & 0xff)) / (double) x.length;
            contrast += Math.abs((y[i] & 0xff) - (y[0] & 0xff)) / (double) x.length;
        }
        assertTrue(contrast > 10, "no contrast: " + contrast);
        assertTrue(apart < 3, apart + " levels apart");
    }
}
