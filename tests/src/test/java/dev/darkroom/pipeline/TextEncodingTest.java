package dev.darkroom.pipeline;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.darkroom.device.Devices;
import dev.darkroom.models.clip.ClipTextConfig;
import dev.darkroom.models.clip.ClipTextEncoder;
import dev.darkroom.nn.Activation;
import dev.darkroom.prompt.PromptRules;
import dev.darkroom.sampling.SamplingPlan;
import dev.darkroom.tensor.DType;
import dev.darkroom.tensor.Device;
import dev.darkroom.tensor.Ops;
import dev.darkroom.tensor.Scope;
import dev.darkroom.tensor.Tensor;
import dev.darkroom.tokenizer.ClipTokenizer;
import dev.darkroom.weights.ModelFamily;
import dev.darkroom.weights.ModelFiles;
import dev.darkroom.weights.PublishedConfigs;
import java.nio.IntBuffer;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Objects;
import java.util.Optional;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;

/** What engines get wrong about texts, each on the small models of the reference set. */
@DisplayName("From texts to embeddings")
class TextEncodingTest {
    private static final Path CHECKPOINTS =
            Path.of(System.getProperty("darkroom.root")).resolve("tests/reference/checkpoints");

    private static Device device;
    private static LoadedModel sd1;
    private static LoadedModel sd2;
    private static LoadedModel sdxl;
    private Scope scope;
    private Ops ops;

    @BeforeAll
    static void openTheModels() {
        device = Devices.open("cpu", 2);
        sd1 = open("sd1");
        sd2 = open("sd2");
        sdxl = open("sdxl");
    }

    @AfterAll
    static void closeThem() {
        List.of(sd1, sd2, sdxl).forEach(LoadedModel::close);
        device.close();
    }

    @BeforeEach
    void openAScope() {
        scope = Scope.open(device, "test");
        ops = device.ops(scope);
    }

    @AfterEach
    void closeIt() {
        scope.close();
    }

    private static LoadedModel open(String name) {
        return LoadedModel.of(device, ModelFiles.open(CHECKPOINTS.resolve(name).toString()), DType.F32);
    }

    private TextEmbedding encode(LoadedModel model, String text, int clipSkip) {
        return model.text().encode(ops, Texts.repeated(text, text, 1, clipSkip).readBy(PromptRules.A1111));
    }

    private float[] context(LoadedModel model, String text, int clipSkip) {
        return encode(model, text, clipSkip).context().toHost();
    }

    private ClipTextEncoder.Output output(LoadedModel model, int encoder, String text) {
        int[] ids = model.tokenizers().get(encoder).tokenize(text).ids();
        return encoder(model, encoder).encode(ops, new int[][] {ids});
    }

    private static ClipTextEncoder encoder(LoadedModel model, int index) {
        return model.networks().textEncoders().get(index);
    }

    /** The hidden state {@code back} layers from the last, 1 for the last. */
    private static Tensor hidden(ClipTextEncoder.Output output, int back) {
        return output.hiddenStates().get(output.hiddenStates().size() - back);
    }

    @Test
    @DisplayName("correctness 2: SD2 and SDXL's second encoder pad with id 0, the others with the end")
    void padding() {
        ClipTokenizer second = sdxl.tokenizers().get(1);
        ClipTokenizer first = sdxl.tokenizers().get(0);
        assertEquals(0, second.pad());
        assertEquals(0, sd2.tokenizers().get(0).pad());
        assertEquals(first.end(), first.pad());
        assertEquals(sd1.tokenizers().get(0).end(), sd1.tokenizers().get(0).pad());
    }

    @Test
    @DisplayName("correctness 3: OpenAI's encoders have quick_gelu, OpenCLIP's gelu")
    void activations() {
        assertEquals(
                Activation.QUICK_GELU,
                published(ModelFamily.SD1, "text_encoder").activation());
        assertEquals(Activation.GELU, published(ModelFamily.SD2, "text_encoder").activation());
        assertEquals(
                Activation.QUICK_GELU,
                published(ModelFamily.SDXL, "text_encoder").activation());
        assertEquals(
                Activation.GELU, published(ModelFamily.SDXL, "text_encoder_2").activation());
    }

    private static ClipTextConfig published(ModelFamily family, String component) {
        return ClipTextConfig.of(component, PublishedConfigs.of(family, component));
    }

    @Test
    @DisplayName("correctness 4: the token at the first end is pooled, normalised and projected")
    void pooling() {
        for (int index : new int[] {0, 1}) {
            ClipTextEncoder encoder = encoder(sdxl, index);
            ClipTokenizer tokenizer = sdxl.tokenizers().get(index);
            int[] ids = tokenizer.tokenize("a cat").ids();
            int end = 1;
            while (ids[end] != tokenizer.end()) {
                end++;
            }
            assertTrue(end > 2 && end < 20);
            ClipTextEncoder.Output out = encoder.encode(ops, new int[][] {ids});
            Tensor last = encoder.normalised(ops, hidden(out, 1));
            int width = last.dim(2);
            assertArrayEquals(
                    Arrays.copyOfRange(last.toHost(), end * width, (end + 1) * width),
                    out.pooled().toHost());
        }
    }

    @Test
    @DisplayName(
            "correctness 5: SD1 and SD2 take the last layer normalised, SDXL the one before it of both encoders as it is")
    void layers() {
        for (LoadedModel model : List.of(sd1, sd2)) {
            Tensor expected = encoder(model, 0).normalised(ops, hidden(output(model, 0, "a cat"), 1));
            assertArrayEquals(expected.toHost(), context(model, "a cat", 1));
        }
        Tensor both = ops.concatChannels(hidden(output(sdxl, 0, "a cat"), 2), hidden(output(sdxl, 1, "a cat"), 2));
        assertArrayEquals(both.toHost(), context(sdxl, "a cat", 1));
        assertEquals(23, published(ModelFamily.SD2, "text_encoder").layers()); // OpenCLIP's last but one of 24
    }

    @Test
    @DisplayName("correctness 6: clip skip 2 is the layer before the model's own")
    void clipSkip() {
        Tensor expected = encoder(sd1, 0).normalised(ops, hidden(output(sd1, 0, "a cat"), 2));
        assertArrayEquals(expected.toHost(), context(sd1, "a cat", 2));
        Tensor both = ops.concatChannels(hidden(output(sdxl, 0, "a cat"), 3), hidden(output(sdxl, 1, "a cat"), 3));
        assertArrayEquals(both.toHost(), context(sdxl, "a cat", 2));
        Tensor pooled = Objects.requireNonNull(output(sdxl, 1, "a cat").projected());
        assertArrayEquals( // which is of the last layer whatever is skipped
                pooled.toHost(),
                Objects.requireNonNull(encode(sdxl, "a cat", 2).pooled()).toHost());
    }

    @Test
    @DisplayName("correctness 7: where SDXL is given no negative prompt it has zeros, and not the empty text")
    void emptyNegative() {
        assertTrue(sdxl.forcesZeros());
        TextEmbedding none = embedded(Optional.empty());
        assertTrue(allZero(none.context().rows(0, 1)));
        assertTrue(allZero(Objects.requireNonNull(none.pooled()).rows(0, 1)));
        assertFalse(allZero(none.context().rows(1, 2)));
        TextEmbedding empty = embedded(Optional.of(Texts.repeated("", "", 1, 1)));
        assertArrayEquals(context(sdxl, "", 1), empty.context().rows(0, 1).toHost());
        assertFalse(allZero(empty.context().rows(0, 1)));
    }

    private TextEmbedding embedded(Optional<Texts> negative) {
        SamplingPlan plan = new SamplingPlan(
                List.of(new SamplingPlan.Step(500, 1, false, null, List.of(), true)),
                SamplingPlan.HISTORY,
                1,
                new SamplingPlan.Mixture(1, 1),
                null);
        MicroConditioning size = MicroConditioning.of(32, 32, 0);
        Job job = new Job(
                Texts.repeated("a cat", "a cat", 1, 1),
                negative,
                32,
                32,
                size,
                size,
                plan,
                1,
                5,
                0,
                Optional.empty(),
                () -> (o, shape) -> {
                    throw new IllegalStateException("nothing is drawn");
                });
        return PromptEmbeddings.of(ops, sdxl, job).variants().get(0);
    }

    private static boolean allZero(Tensor x) {
        for (float value : x.toHost()) {
            if (value != 0) {
                return false;
            }
        }
        return true;
    }

    @Test
    @DisplayName("correctness 8: SDXL's base is told six numbers, its refiner five, heights first")
    void sizes() {
        MicroConditioning told = new MicroConditioning(1, 2, 3, 4, 5, 6, 7.5);
        assertArrayEquals(new float[] {1, 2, 3, 4, 5, 6}, told.numbers(6));
        assertArrayEquals(new float[] {1, 2, 3, 4, 7.5f}, told.numbers(5));
    }

    @Test
    @DisplayName("correctness 10: chunks are encoded alone, filled up with the empty text, and the first is pooled")
    void chunks() {
        float[] cat = context(sdxl, "a cat", 1);
        float[] dog = context(sdxl, "a dog", 1);
        float[] empty = context(sdxl, "", 1);
        assertArrayEquals(joined(cat, dog), context(sdxl, "a cat BREAK a dog", 1));
        Texts two = new Texts(
                List.of("a cat", "a dog BREAK a dog"), List.of("a cat", "a dog BREAK a dog"), 1, PromptRules.A1111);
        float[] both = sdxl.text().encode(ops, two).context().toHost();
        assertArrayEquals(joined(cat, empty), Arrays.copyOf(both, both.length / 2));
        assertArrayEquals(
                Objects.requireNonNull(encode(sdxl, "a cat", 1).pooled()).toHost(),
                Objects.requireNonNull(encode(sdxl, "a cat BREAK a dog", 1).pooled())
                        .toHost());
    }

    private static float[] joined(float[] a, float[] b) {
        float[] all = Arrays.copyOf(a, a.length + b.length);
        System.arraycopy(b, 0, all, a.length, b.length);
        return all;
    }

    @Test
    @DisplayName("correctness 9: each of SDXL's encoders is weighed by itself, and what is pooled not at all")
    void weights() {
        TextEmbedding weighted = encode(sdxl, "a (cat:1.5)", 1);
        Tensor first = hidden(output(sdxl, 0, "a cat"), 2);
        float[] expected = weighed(sdxl, 0, first.toHost());
        float[] given = ops.sliceChannels(weighted.context(), 0, first.dim(2)).toHost();
        assertArrayEquals(expected, given, 1e-5f);
        assertArrayEquals(
                Objects.requireNonNull(encode(sdxl, "a cat", 1).pooled()).toHost(),
                Objects.requireNonNull(weighted.pooled()).toHost());
    }

    /** The embeddings of "a (cat:1.5)" from those of "a cat". */
    private static float[] weighed(LoadedModel model, int encoder, float[] tokens) {
        ClipTokenizer tokenizer = model.tokenizers().get(encoder);
        int from = 1 + tokenizer.encode("a").length;
        int to = from + tokenizer.encode("cat").length;
        int width = tokens.length / 77;
        float[] weighed = tokens.clone();
        double before = 0;
        double after = 0;
        for (int i = 0; i < tokens.length; i++) {
            int token = i / width;
            weighed[i] *= token >= from && token < to ? 1.5f : 1;
            before += tokens[i];
            after += weighed[i];
        }
        for (int i = 0; i < weighed.length; i++) {
            weighed[i] *= (float) (before / after);
        }
        return weighed;
    }

    @Test
    void embeddingsAreRememberedWhateverTheWeights() {
        LoadedModel model = sd2;
        float[] first = context(model, "a boat", 1);
        long hits = model.text().cache().hits();
        long bytes = model.text().cache().bytes();
        assertArrayEquals(first, context(model, "a boat", 1));
        context(model, "a (boat:1.3)", 1);
        assertEquals(hits + 4, model.text().cache().hits()); // and the empty text, twice
        assertEquals(bytes, model.text().cache().bytes());
        context(model, "a boat", 2);
        assertTrue(model.text().cache().bytes() > bytes);
    }

    @Test
    void whatWasUsedLongestAgoIsForgotten() {
        EmbeddingCache cache = new EmbeddingCache(100);
        EmbeddedChunk chunk = new EmbeddedChunk(new float[10], null);
        cache.put(key(1), chunk);
        cache.put(key(2), chunk);
        assertTrue(cache.get(key(1)) == chunk);
        cache.put(key(3), chunk);
        assertTrue(cache.get(key(2)) == null && cache.get(key(1)) == chunk && cache.get(key(3)) == chunk);
        assertEquals(80, cache.bytes());
        cache.clear();
        assertEquals(0, cache.bytes());
    }

    private static EmbeddingCache.Key key(int id) {
        return new EmbeddingCache.Key(0, DType.F32, 1, IntBuffer.wrap(new int[] {id}));
    }
}
