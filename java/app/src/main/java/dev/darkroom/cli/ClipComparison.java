package dev.darkroom.cli;

import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.darkroom.pipeline.Clip;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;

/**
 * Pictures compared with texts: each picture with all texts, or, ranked, each text with the pictures that suit it best.
 *
 * @param files  the pictures' files
 * @param ranked whether pictures are ranked
 * @param best   how many pictures a ranking has
 */
record ClipComparison(List<String> files, List<String> texts, Clip.Similarities found, boolean ranked, int best)
        implements ClipReport {
    @Override
    public List<String> lines() {
        List<String> lines = new ArrayList<>();
        if (ranked) {
            for (int j = 0; j < texts.size(); j++) {
                lines.add(texts.get(j));
                for (int i : ranking(j)) {
                    lines.add(String.format(Locale.ROOT, "  %7.4f  %s", found.cosines()[i][j], files.get(i)));
                }
            }
            return lines;
        }
        for (int i = 0; i < files.size(); i++) {
            lines.add(files.get(i));
            for (int j = 0; j < texts.size(); j++) {
                lines.add(String.format(
                        Locale.ROOT,
                        "  %7.4f  %5.1f %%  %s",
                        found.cosines()[i][j],
                        100 * found.probabilities()[i][j],
                        texts.get(j)));
            }
        }
        return lines;
    }

    @Override
    public ObjectNode toJson() {
        ObjectNode object = JSON.createObjectNode();
        object.set("images", ClipReport.embeddings("file", files, found.images()));
        object.set("texts", ClipReport.embeddings("text", texts, found.texts()));
        object.set("cosines", JSON.valueToTree(found.cosines()));
        object.set("probabilities", JSON.valueToTree(found.probabilities()));
        if (ranked) {
            ArrayNode rankings = object.putArray("ranking");
            for (int j = 0; j < texts.size(); j++) {
                ArrayNode ranking =
                        rankings.addObject().put("text", texts.get(j)).putArray("images");
                for (int i : ranking(j)) {
                    ranking.addObject().put("file", files.get(i)).put("cosine", found.cosines()[i][j]);
                }
            }
        }
        return object;
    }

    private List<Integer> ranking(int text) {
        return ClipReport.ranked(files.size(), best, i -> found.cosines()[i][text]);
    }
}
