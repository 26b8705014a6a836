package dev.darkroom.tokenizer;

import com.fasterxml.jackson.databind.JsonNode;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.text.Normalizer;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.Locale;
import java.util.Map;
import java.util.function.Supplier;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.IntStream;

/**
 * CLIP's byte-level byte-pair encoding (Radford et al. 2021, section 2.4), with exactly the ids that Hugging Face's transformers gives.
 *
 * <p>Text is brought to NFC, runs of white space become one space, letters become small one by one; words, single digits and runs of other characters
 * are encoded apart. Safe for use by several threads.
 */
public final class ClipTokenizer {
    static final String START = "<|startoftext|>";
    static final String END = "<|endoftext|>";
    static final String END_OF_WORD = "</w>";

    private static final int CLIP_LENGTH = 77;
    private static final int CACHED_WORDS = 4096;
    private static final int LONGEST_CACHED_WORD = 64;

    private static final Pattern SPACE = Pattern.compile("\\s+", Pattern.UNICODE_CHARACTER_CLASS);
    private static final Pattern WORD = Pattern.compile(
            "'s|'t|'re|'ve|'m|'ll|'d|\\p{L}++|\\p{N}|[^\\s\\p{L}\\p{N}]++", Pattern.UNICODE_CHARACTER_CLASS);

    private final Vocabulary vocabulary;
    private final BytePairEncoder encoder;
    private final Pattern special;
    private final int start;
    private final int end;
    private final int pad;
    private final int comma;
    private final int maxLength;
    private final Map<String, int[]> cache = new LinkedHashMap<>(16, 0.75f, true) {
        private static final long serialVersionUID = 1L;

        @Override
        protected boolean removeEldestEntry(Map.Entry<String, int[]> eldest) {
            return size() > CACHED_WORDS;
        }
    };

    private ClipTokenizer(String source, Vocabulary vocabulary, String padSymbol, int maxLength) {
        this.vocabulary = vocabulary;
        this.encoder = new BytePairEncoder(vocabulary);
        this.start = vocabulary.id(source, START);
        this.end = vocabulary.id(source, END);
        this.pad = vocabulary.id(source, padSymbol);
        this.comma = vocabulary.id(source, "," + END_OF_WORD);
        // Padding is special in texts too: "!" becomes id 0 for Stable Diffusion 2, not the "!" that ends a word.
        this.special =
                Pattern.compile(Pattern.quote(START) + "|" + Pattern.quote(END) + "|" + Pattern.quote(padSymbol));
        this.maxLength = maxLength;
        for (int b = 0; b < 256; b++) { // so that every text can be encoded
            vocabulary.id(source, String.valueOf(Vocabulary.byteSymbol(b)));
            vocabulary.id(source, Vocabulary.byteSymbol(b) + END_OF_WORD);
        }
    }

    /** The tokenizer of OpenAI's CLIP and of Stable Diffusion 1, built in: 49408 symbols, padded with the end. */
    public static ClipTokenizer clip() {
        return new ClipTokenizer("the built-in CLIP vocabulary", Vocabulary.clip(), END, CLIP_LENGTH);
    }

    /** The built-in vocabulary padded with "!", as Stable Diffusion 2 and the second encoder of SDXL have it. */
    public static ClipTokenizer openClip() {
        return new ClipTokenizer("the built-in CLIP vocabulary", Vocabulary.clip(), "!", CLIP_LENGTH);
    }

    /**
     * The tokenizer of a model's folder.
     *
     * @throws IllegalArgumentException when its files are missing or broken; names the file
     */
    public static ClipTokenizer open(Path folder) {
        String padSymbol = END;
        int maxLength = CLIP_LENGTH;
        for (String name : new String[] {"tokenizer_config.json", "special_tokens_map.json"}) {
            Path file = folder.resolve(name);
            if (Files.isRegularFile(file)) {
                JsonNode json = Vocabulary.json(file);
                JsonNode given = json.path("pad_token").isObject()
                        ? json.path("pad_token").path("content")
                        : json.path("pad_token");
                padSymbol = given.asText(padSymbol);
                maxLength = json.path("model_max_length").isInt()
                        ? json.path("model_max_length").asInt()
                        : maxLength;
            }
        }
        if (maxLength < 3) {
            throw new IllegalArgumentException(folder + ": model_max_length is " + maxLength + ", must be at least 3");
        }
        return new ClipTokenizer(folder.toString(), Vocabulary.open(folder), padSymbol, maxLength);
    }

    /** The id before the first token. */
    public int start() {
        return start;
    }

    /** The id after the last token. */
    public int end() {
        return end;
    }

    /** The id of the places left over. */
    public int pad() {
        return pad;
    }

    /** The id of a comma that ends a word, where long prompts are divided. */
    public int comma() {
        return comma;
    }

    /** How many ids {@link #tokenize} gives: 77. */
    public int maxLength() {
        return maxLength;
    }

    /** Number of symbols. */
    public int vocabularySize() {
        return vocabulary.size();
    }

    /** The ids of {@code text}, without start and end, however many. */
    public int[] encode(String text) {
        IntStream.Builder ids = IntStream.builder();
        Matcher found = special.matcher(text);
        int position = 0;
        while (found.find()) {
            encodeWords(text.substring(position, found.start()), ids);
            ids.add(vocabulary.id("tokenizer", found.group()));
            position = found.end();
        }
        encodeWords(text.substring(position), ids);
        return ids.build().toArray();
    }

    /** {@code text} as the text encoder takes it: cut off where there is no room, and the end kept. */
    public TokenizedPrompt tokenize(String text) {
        int[] tokens = encode(text);
        int room = maxLength - 2;
        int used = Math.min(room, tokens.length);
        int[] ids = new int[maxLength];
        Arrays.fill(ids, pad);
        ids[0] = start;
        System.arraycopy(tokens, 0, ids, 1, used);
        ids[used + 1] = end;
        String cutOff = tokens.length <= room ? "" : decode(Arrays.copyOfRange(tokens, room, tokens.length));
        return new TokenizedPrompt(ids, tokens.length, cutOff);
    }

    /** The text of {@code ids}, with a space after each word, and without start and end. */
    public String decode(int[] ids) {
        StringBuilder symbols = new StringBuilder();
        for (int id : ids) {
            symbols.append(id == start || id == end ? "" : vocabulary.symbol(id).replace(END_OF_WORD, " "));
        }
        byte[] bytes = new byte[symbols.length()];
        for (int i = 0; i < bytes.length; i++) {
            bytes[i] = (byte) byteOf(symbols.charAt(i));
        }
        return new String(bytes, StandardCharsets.UTF_8).strip();
    }

    private static int byteOf(char symbol) {
        for (int b = 0; b < 256; b++) {
            if (Vocabulary.byteSymbol(b) == symbol) {
                return b;
            }
        }
        return ' ';
    }

    private void encodeWords(String text, IntStream.Builder ids) {
        String plain = lowerCased(
                SPACE.matcher(Normalizer.normalize(text, Normalizer.Form.NFC)).replaceAll(" "));
        Matcher word = WORD.matcher(plain);
        while (word.find()) {
            for (int id : encodeWord(word.group())) {
                ids.add(id);
            }
        }
    }

    /** Letter by letter, without regard to what stands beside: a capital sigma becomes σ even at the end of a word. */
    private static String lowerCased(String text) {
        StringBuilder result = new StringBuilder(text.length());
        text.codePoints()
                .forEach(letter -> result.append(Character.toString(letter).toLowerCase(Locale.ROOT)));
        return result.toString();
    }

    private int[] encodeWord(String word) {
        if (word.length() > LONGEST_CACHED_WORD) {
            return merged(word);
        }
        return cached(word, () -> merged(word));
    }

    private int[] cached(String word, Supplier<int[]> compute) {
        synchronized (cache) {
            int[] known = cache.get(word);
            if (known != null) {
                return known;
            }
        }
        int[] ids = compute.get();
        synchronized (cache) {
            cache.put(word, ids);
        }
        return ids;
    }

    private int[] merged(String word) {
        byte[] bytes = word.getBytes(StandardCharsets.UTF_8);
        int[] symbols = new int[bytes.length];
        for (int i = 0; i < bytes.length; i++) {
            String symbol = String.valueOf(Vocabulary.byteSymbol(bytes[i] & 0xff));
            symbols[i] = vocabulary.id("tokenizer", i == bytes.length - 1 ? symbol + END_OF_WORD : symbol);
        }
        return encoder.encode(symbols);
    }
}
