package dev.darkroom.pipeline;

import dev.darkroom.image.InfoText;
import dev.darkroom.image.OutputFile;
import dev.darkroom.image.Picture;
import dev.darkroom.image.PngWriter;
import dev.darkroom.tensor.MemoryStatistics;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Function;

/**
 * What came of a request.
 *
 * @param pictures one for each seed
 * @param seeds    the seed of each picture
 * @param texts    for each picture, what its PNG says of how it was made, by keyword
 * @param warnings what the user should know: brackets that are not closed, words that found no room
 * @param tokens   how much room the prompts take; of the longest, where wildcards give pictures different ones
 * @param timings  what took how long
 * @param memory   of the device at the end, with the peak of this request
 */
public record Result(
        List<Picture> pictures,
        List<Long> seeds,
        List<Map<String, String>> texts,
        List<String> warnings,
        List<TokenCount> tokens,
        Timings timings,
        MemoryStatistics memory) {
    /** What came of a request that was carried out in parts. */
    static Result joined(List<Result> parts) {
        Result last = parts.get(parts.size() - 1);
        return parts.size() == 1
                ? last
                : new Result(
                        all(parts, Result::pictures),
                        all(parts, Result::seeds),
                        all(parts, Result::texts),
                        all(parts, Result::warnings).stream().distinct().toList(),
                        longest(all(parts, Result::tokens)),
                        Timings.sum(parts.stream().map(Result::timings).toList()),
                        last.memory());
    }

    private static <T> List<T> all(List<Result> parts, Function<Result, List<T>> of) {
        return parts.stream().flatMap(part -> of.apply(part).stream()).toList();
    }

    private static List<TokenCount> longest(List<TokenCount> counts) {
        Map<String, TokenCount> byField = new LinkedHashMap<>();
        counts.forEach(count -> byField.merge(count.field(), count, (a, b) -> a.tokens() >= b.tokens() ? a : b));
        return List.copyOf(byField.values());
    }

    /** The first picture. */
    public Picture picture() {
        return pictures.get(0);
    }

    /** Picture {@code index} as the content of a PNG file that says how it was made. */
    public byte[] png(int index) {
        return PngWriter.encode(pictures.get(index), texts.get(index));
    }

    /**
     * Writes picture {@code index} to a PNG file, whole or not at all.
     *
     * @throws dev.darkroom.image.ImageException when it cannot be written
     */
    public void save(int index, Path file) {
        OutputFile.write(file, png(index));
    }

    /** How picture {@code index} was made, in AUTOMATIC1111's form. */
    public InfoText info(int index) {
        return InfoText.parse(texts.get(index).getOrDefault("parameters", ""));
    }
}
