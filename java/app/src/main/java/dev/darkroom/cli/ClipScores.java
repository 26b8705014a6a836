package dev.darkroom.cli;

import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.darkroom.pipeline.Clip;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.stream.IntStream;

/**
 * Pictures with their CLIP scores, each by its own text, and the mean of all.
 *
 * @param files  the pictures' files
 * @param texts  the text of each
 * @param images embeddings of the pictures, of unit length
 * @param words  embeddings of the texts, of unit length
 * @param ranked whether the best come first; else all are listed in their order
 * @param best   how many a ranking has
 */
@SuppressWarnings("ArrayRecordComponent") // two are never compared
record ClipScores(List<String> files, List<String> texts, float[][] images, float[][] words, boolean ranked, int best)
        implements ClipReport {
    @Override
    public List<String> lines() {
        List<String> lines = new ArrayList<>();
        for (int i : listed()) {
            lines.add(String.format(Locale.ROOT, "%6.2f  %s  %s", score(i), files.get(i), texts.get(i)));
        }
        lines.add(String.format(Locale.ROOT, "%6.2f  mean of %d", mean(), files.size()));
        return lines;
    }

    @Override
    public ObjectNode toJson() {
        ObjectNode object = JSON.createObjectNode();
        object.set("images", ClipReport.embeddings("file", files, images));
        object.set("texts", ClipReport.embeddings("text", texts, words));
        ArrayNode scores = object.putArray("scores");
        for (int i : listed()) {
            scores.addObject()
                    .put("file", files.get(i))
                    .put("text", texts.get(i))
                    .put("score", score(i));
        }
        return object.put("mean_score", mean());
    }

    private List<Integer> listed() {
        return ranked
                ? ClipReport.ranked(files.size(), best, this::score)
                : IntStream.range(0, files.size()).boxed().toList();
    }

    private double score(int i) {
        return Clip.score(images[i], words[i]);
    }

    private double mean() {
        return IntStream.range(0, files.size())
                .mapToDouble(this::score)
                .average()
                .orElseThrow();
    }
}
