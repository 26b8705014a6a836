package dev.darkroom.pipeline;

import dev.darkroom.device.Devices;
import dev.darkroom.image.ClipPreprocessing;
import dev.darkroom.image.ImageException;
import dev.darkroom.image.Picture;
import dev.darkroom.models.clip.ClipConfig;
import dev.darkroom.models.clip.ClipModel;
import dev.darkroom.nn.Parameters;
import dev.darkroom.tensor.DType;
import dev.darkroom.tensor.Device;
import dev.darkroom.tensor.Ops;
import dev.darkroom.tensor.Scope;
import dev.darkroom.tensor.Shape;
import dev.darkroom.tensor.Tensor;
import dev.darkroom.tokenizer.ClipTokenizer;
import dev.darkroom.tokenizer.TokenizedPrompt;
import dev.darkroom.weights.ClipFiles;
import dev.darkroom.weights.WeightPath;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;

/**
 * A CLIP model on a device, ready to say how well pictures and texts suit each other.
 *
 * <pre>{@code
 * try (Clip clip = Clip.open("models/demo")) {
 *     Picture picture = PictureReader.read(Path.of("tree.png"));
 *     double[][] cosines = clip.similarities(List.of(picture), List.of("a tree", "a fish")).cosines();
 * }
 * }</pre>
 *
 * <p>Requests of several threads are served one after the other. An embedding never depends on what it was computed beside.
 */
public final class Clip implements AutoCloseable {
    private static final int AT_ONCE =
            16; // pictures or texts in a batch, so that memory does not grow with their number
    private static final double SCORE_WEIGHT = 100; // of torchmetrics and of most tables; Hessel et al. have 2.5

    /** A picture, and what messages call it. */
    public record Named(String name, Picture picture) {}

    /**
     * How m pictures and n texts suit each other.
     *
     * @param images        the pictures' embeddings, [m][channels], of unit length
     * @param texts         the texts' embeddings, [n][channels], of unit length
     * @param cosines       [m][n], from -1 to 1
     * @param probabilities [m][n]: of each text, given that one of them belongs to the picture; the softmax of the model's logits
     */
    @SuppressWarnings("ArrayRecordComponent") // two are never compared
    public record Similarities(float[][] images, float[][] texts, double[][] cosines, double[][] probabilities) {}

    private final Device device;
    private final DType dtype;
    private final Scope weights;
    private final ClipModel model;
    private final ClipTokenizer tokenizer;
    private final ClipPreprocessing preprocessing;
    private boolean closed;

    private Clip(ClipFiles files, Device device, DType dtype) {
        this.device = device;
        this.dtype = dtype;
        ClipConfig config = ClipConfig.of(files.location() + ", config.json", files.config());
        int size = config.image().imageSize();
        String source = files.location() + ", preprocessor_config.json";
        preprocessing = files.preprocessor()
                .map(json -> PreprocessorConfig.of(source, json, size))
                .orElseGet(() -> PreprocessorConfig.standard(size));
        tokenizer = files.tokenizer().map(ClipTokenizer::open).orElseGet(ClipTokenizer::clip);
        weights = Scope.open(device, "weights");
        try {
            Parameters parameters = new Parameters(device.ops(weights), dtype, WeightPath.of(files.weights()));
            model = new ClipModel(parameters, config);
            device.synchronize();
        } catch (RuntimeException | Error e) {
            weights.close();
            throw e;
        }
    }

    /**
     * Opens a model on the best device there is: a folder of transformers' CLIPModel, a diffusers folder with an image encoder, or org/name of
     * the Hugging Face cache.
     */
    public static Clip open(String model) {
        return open(model, "auto", null, 0);
    }

    /**
     * Opens a model.
     *
     * @param device  {@code auto}, {@code cpu}, {@code cuda} or {@code cuda:N}
     * @param dtype   the type to compute in; null for the one that the device prefers
     * @param threads of the CPU device; 0 for as many as there are cores
     * @throws dev.darkroom.device.DeviceUnavailableException when the device cannot be had
     * @throws dev.darkroom.weights.WeightsException when the model is missing, broken, or lacks a part of a CLIP model
     */
    public static Clip open(String model, String device, @Nullable DType dtype, int threads) {
        ClipFiles files = ClipFiles.open(model);
        Device opened = Devices.open(device, threads);
        try {
            return new Clip(files, opened, dtype == null ? opened.preferredType() : dtype);
        } catch (RuntimeException | Error e) {
            opened.close();
            throw e;
        }
    }

    public Device device() {
        return device;
    }

    /** The type the networks compute in. */
    public DType dtype() {
        return dtype;
    }

    /** How {@code pictures} and {@code texts} suit each other. @throws InvalidRequestException when either list is empty */
    public Similarities similarities(List<Picture> pictures, List<String> texts) {
        List<Named> named = IntStream.range(0, pictures.size())
                .mapToObj(i -> new Named("picture " + (i + 1), pictures.get(i)))
                .toList();
        return compare(named, texts);
    }

    /** As {@link #similarities(List, List)}, for pictures that are taken one after the other and need not all fit into memory. */
    public Similarities compare(Iterable<Named> pictures, List<String> texts) {
        float[][] textEmbeddings = embedTexts(texts);
        float[][] imageEmbeddings = embedImages(pictures);
        double[][] probabilities = model.logits(imageEmbeddings, textEmbeddings);
        for (double[] row : probabilities) {
            softmax(row);
        }
        return new Similarities(
                imageEmbeddings, textEmbeddings, ClipModel.cosines(imageEmbeddings, textEmbeddings), probabilities);
    }

    /**
     * The embeddings of pictures, [n][channels], of unit length.
     *
     * @throws InvalidRequestException when there are none
     * @throws ImageException when a picture cannot be prepared; names it
     */
    public synchronized float[][] embedImages(Iterable<Named> pictures) {
        requireOpen();
        List<float[]> embeddings = new ArrayList<>();
        List<float[]> batch = new ArrayList<>();
        for (Named picture : pictures) {
            batch.add(prepared(picture));
            if (batch.size() == AT_ONCE) {
                embeddings.addAll(embedPrepared(batch));
                batch.clear();
            }
        }
        if (!batch.isEmpty()) {
            embeddings.addAll(embedPrepared(batch));
        }
        if (embeddings.isEmpty()) {
            throw new InvalidRequestException("there are no pictures; give at least one");
        }
        return embeddings.toArray(float[][]::new);
    }

    /** The embeddings of texts, [n][channels], of unit length. What of a text finds no room is left out: see {@link #warnings}. */
    public synchronized float[][] embedTexts(List<String> texts) {
        requireOpen();
        if (texts.isEmpty()) {
            throw new InvalidRequestException("there are no texts; give at least one");
        }
        List<float[]> embeddings = new ArrayList<>();
        for (int from = 0; from < texts.size(); from += AT_ONCE) {
            int[][] ids = texts.subList(from, Math.min(texts.size(), from + AT_ONCE)).stream()
                    .map(text -> tokenizer.tokenize(text).ids())
                    .toArray(int[][]::new);
            try (Scope scope = Scope.open(device, "clip")) {
                embeddings.addAll(Arrays.asList(model.embedTexts(device.ops(scope), ids)));
            }
        }
        return embeddings.toArray(float[][]::new);
    }

    /**
     * The CLIP score of a picture and its text, 0 to 100, from their embeddings: 100 · max(cosine, 0) (Hessel et al. 2021, section 3, with another weight).
     */
    public static double score(float[] image, float[] text) {
        return SCORE_WEIGHT * Math.max(0, ClipModel.cosines(new float[][] {image}, new float[][] {text})[0][0]);
    }

    /** What of {@code texts} the model does not see, a sentence for each text that is too long. */
    public List<String> warnings(List<String> texts) {
        List<String> warnings = new ArrayList<>();
        for (int i = 0; i < texts.size(); i++) {
            TokenizedPrompt text = tokenizer.tokenize(texts.get(i));
            if (!text.cutOff().isEmpty()) {
                warnings.add("text " + (i + 1) + " has " + text.tokens() + " tokens, and the model takes "
                        + (tokenizer.maxLength() - 2) + "; left out: \"" + text.cutOff() + "\"");
            }
        }
        return warnings;
    }

    /** Waits for a request that is being served. */
    @Override
    public synchronized void close() {
        if (!closed) {
            closed = true;
            try (device) {
                weights.close();
            }
        }
    }

    private void requireOpen() {
        if (closed) {
            throw new IllegalStateException("this Clip was closed; open the model again");
        }
    }

    private float[] prepared(Named named) {
        int size = model.image().config().imageSize();
        try {
            Picture cropped = preprocessing.crop(named.picture());
            if (cropped.width() != size || cropped.height() != size) {
                throw new ImageException(
                        "the model's preprocessor_config.json makes it a " + cropped + ", and its image encoder takes "
                                + size + " x " + size + "; correct size and crop_size there");
            }
            return preprocessing.normalise(cropped);
        } catch (ImageException e) {
            throw new ImageException(named.name() + ": " + e.getMessage(), e);
        }
    }

    private List<float[]> embedPrepared(List<float[]> pictures) {
        int size = model.image().config().imageSize();
        int each = size * size * 3;
        float[] pixels = new float[pictures.size() * each];
        for (int i = 0; i < pictures.size(); i++) {
            System.arraycopy(pictures.get(i), 0, pixels, i * each, each);
        }
        try (Scope scope = Scope.open(device, "clip")) {
            Ops ops = device.ops(scope);
            Tensor x = ops.upload(Shape.of(pictures.size(), size, size, 3), pixels);
            return Arrays.asList(model.embedImages(ops, x));
        }
    }

    private static void softmax(double[] logits) {
        double largest = Arrays.stream(logits).max().orElseThrow();
        double sum =
                Arrays.stream(logits).map(logit -> Math.exp(logit - largest)).sum();
        Arrays.setAll(logits, i -> Math.exp(logits[i] - largest) / sum);
    }
}
