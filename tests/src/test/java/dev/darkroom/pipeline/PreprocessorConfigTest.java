package dev.darkroom.pipeline;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.ObjectMapper;
import dev.darkroom.image.ClipPreprocessing;
import dev.darkroom.image.ClipPreprocessing.Channels;
import dev.darkroom.image.ClipPreprocessing.Resize;
import dev.darkroom.image.ClipPreprocessing.Size;
import dev.darkroom.image.Resampling;
import java.util.Optional;
import org.junit.jupiter.api.Test;

/** preprocessor_config.json in its spellings. */
final class PreprocessorConfigTest {
    private static ClipPreprocessing of(String json) throws Exception {
        return PreprocessorConfig.of("there", new ObjectMapper().readTree(json), 224);
    }

    @Test
    void oldAndNewSpellingsMeanTheSame() throws Exception {
        ClipPreprocessing present =
                of("{\"size\": {\"shortest_edge\": 336}, \"crop_size\": {\"height\": 336, \"width\": 336}, \"resample\": 3}");
        assertEquals(present, of("{\"size\": 336, \"crop_size\": 336, \"feature_extractor_type\": \"CLIPFeatureExtractor\"}"));
        assertEquals(Optional.of(new Resize(336, new Size(336, 336), Resampling.BICUBIC)), present.resize());
        assertEquals(PreprocessorConfig.standard(224), of("{}"));
    }

    @Test
    void whatIsTurnedOffIsLeftOut() throws Exception {
        ClipPreprocessing none = of("{\"do_resize\": false, \"do_center_crop\": false, \"do_rescale\": false, \"do_normalize\": false}");
        assertEquals(
                new ClipPreprocessing(Optional.empty(), Optional.empty(), 1, new Channels(0, 0, 0), new Channels(1, 1, 1)),
                none);
        assertEquals(
                Optional.of(new Resize(0, new Size(80, 60), Resampling.BILINEAR)),
                of("{\"size\": {\"height\": 60, \"width\": 80}, \"resample\": 2}").resize());
    }

    @Test
    void whatCannotBeIsNamed() {
        for (String[] bad : new String[][] {
            {"{\"resample\": 5}", "there: resample is 5, which is not supported; supported: 1 (Lanczos)"},
            {"{\"image_mean\": [0.5, 0.5]}", "there: image_mean must have 3 elements, has 2"},
            {"{\"image_mean\": \"half\"}", "there: image_mean must be a list, is \"half\""},
            {"{\"image_std\": [1, 0, 1]}", "there: image_std must be positive"},
            {"{\"size\": {}}", "there, size: shortest_edge is missing"},
            {"{\"crop_size\": {\"height\": 3}}", "there, crop_size: width is missing"},
        }) {
            String message = String.valueOf(
                    assertThrows(IllegalArgumentException.class, () -> of(bad[0])).getMessage());
            assertTrue(message.startsWith(bad[1]), message);
        }
    }
}
