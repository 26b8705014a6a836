package dev.darkroom.reference;

import com.fasterxml.jackson.databind.JsonNode;
import dev.darkroom.image.ClipPreprocessing;
import dev.darkroom.image.Picture;
import dev.darkroom.image.PictureReader;
import dev.darkroom.models.clip.ClipImageEncoder;
import dev.darkroom.models.clip.ClipModel;
import dev.darkroom.pipeline.PreprocessorConfig;
import dev.darkroom.tensor.ChannelOrder;
import dev.darkroom.tensor.HostTensor;
import dev.darkroom.tensor.Ops;
import dev.darkroom.tensor.Scope;
import dev.darkroom.tensor.Shape;
import dev.darkroom.tensor.Tensor;
import dev.darkroom.weights.ClipFiles;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Objects;

/** The whole of CLIP: preparing pictures, every hidden state of the image encoder, the embeddings of pictures and texts, and their logits. */
final class ClipGroup implements Group {
    private static final String EXPECTED = "_expected.png";

    @Override
    public String name() {
        return "clip";
    }

    @Override
    public void run(Check check) {
        check.set().files(name()).forEach((file, entry) -> {
            if (file.endsWith(EXPECTED)) {
                check.attempt(name(), file, () -> comparePictures(check, file));
            } else if (file.endsWith(".safetensors")) {
                check.attempt(name(), file, () -> runCase(check, file, entry));
            } // the rest are pictures that these begin with
        });
    }

    /** X.png, resized and cut to the size of X_expected.png, is that picture bit by bit. */
    private void comparePictures(Check check, String file) {
        Picture expected = PictureReader.read(check.set().file(name(), file));
        String source = file.substring(0, file.length() - EXPECTED.length()) + ".png";
        Picture actual = PreprocessorConfig.standard(expected.width())
                .crop(PictureReader.read(check.set().file(name(), source)));
        check.report(CaseResult.exact(name(), file, "", actual.equals(expected), difference(actual, expected)));
    }

    private static String difference(Picture actual, Picture expected) {
        byte[] a = actual.rgb();
        byte[] b = expected.rgb();
        int first = Arrays.mismatch(a, b);
        return actual + " where the reference is a " + expected
                + (a.length == b.length && first >= 0
                        ? ": value " + first + " is " + (a[first] & 0xff) + ", not " + (b[first] & 0xff)
                        : "");
    }

    private void runCase(Check check, String file, JsonNode entry) {
        Check.Values values = check.values(name(), file);
        ClipFiles files = ClipFiles.open(check.set().checkpoint(file, entry).toString());
        try (Scope scope = Scope.open(check.device(), file)) {
            Ops ops = check.device().ops(scope);
            ClipModel model = Checkpoints.clip(ops, check.dtype(), files);
            comparePixels(check, file, values, preprocessing(files, model));
            Map<String, float[]> results = results(ops, model, values);
            Check.Case comparison = check.new Case(name(), file, entry, Tolerance.TEXT_AND_VAE);
            results.forEach((tensor, result) -> comparison.compare(tensor, result, values.floats(tensor)));
        }
    }

    private static ClipPreprocessing preprocessing(ClipFiles files, ClipModel model) {
        int size = model.image().config().imageSize();
        return files.preprocessor()
                .map(json -> PreprocessorConfig.of(files.location() + ", preprocessor_config.json", json, size))
                .orElseGet(() -> PreprocessorConfig.standard(size));
    }

    /** image_i.png, prepared, is image i of pixel_values, number by number. */
    private void comparePixels(Check check, String file, Check.Values values, ClipPreprocessing preprocessing) {
        HostTensor expected = values.get("pixel_values");
        for (int i = 0; i < expected.shape().dim(0); i++) {
            String picture = "image_" + i + ".png";
            Path path = check.set().file(name(), picture);
            if (!Files.exists(path)) {
                check.report(CaseResult.skipped(name(), file, picture + " is not in this copy of the set"));
                continue;
            }
            float[] actual = preprocessing.normalise(preprocessing.crop(PictureReader.read(path)));
            float[] wanted = channelsLast(expected.rows(i, i + 1));
            check.report(CaseResult.exact(
                    name(),
                    file,
                    "pixel_values[" + i + "]",
                    Arrays.equals(actual, wanted),
                    picture + " departs: " + (actual.length == wanted.length ? Comparison.of(actual, wanted) : "another size")));
        }
    }

    private static Map<String, float[]> results(Ops ops, ClipModel model, Check.Values values) {
        Tensor pixels = Check.uploadImage(ops, values.get("pixel_values"));
        ClipImageEncoder.Output image = model.image().encode(ops, pixels);
        Tensor features = Objects.requireNonNull(image.projected());
        float[][] images = ClipModel.unitRows(features);
        float[][] texts = model.embedTexts(ops, values.ids("input_ids"));
        Map<String, float[]> results = new LinkedHashMap<>();
        results.put("vision_hidden_states", ops.concatRows(image.hiddenStates().toArray(Tensor[]::new)).toHost());
        results.put("vision_pooler_output", image.pooled().toHost());
        results.put("image_features", features.toHost());
        results.put("image_embeds", flat(images));
        results.put("text_embeds", flat(texts));
        results.put("logits_per_image", flat(model.logits(images, texts)));
        return results;
    }

    /** values [1, c, h, w] → [h, w, c]. */
    private static float[] channelsLast(HostTensor values) {
        Shape s = values.shape();
        return ChannelOrder.toChannelsLast(values.toFloats(), s.dim(0), s.dim(1), s.dim(2), s.dim(3));
    }

    private static float[] flat(float[][] rows) {
        int width = rows[0].length;
        float[] all = new float[rows.length * width];
        for (int i = 0; i < all.length; i++) {
            all[i] = rows[i / width][i % width];
        }
        return all;
    }

    private static float[] flat(double[][] rows) {
        int width = rows[0].length;
        float[] all = new float[rows.length * width];
        for (int i = 0; i < all.length; i++) {
            all[i] = (float) rows[i / width][i % width];
        }
        return all;
    }
}
