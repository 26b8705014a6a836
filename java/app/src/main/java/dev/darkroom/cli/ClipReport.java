package dev.darkroom.cli;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.util.Comparator;
import java.util.List;
import java.util.function.IntToDoubleFunction;
import java.util.stream.IntStream;

/** What the command {@code clip} has found: for people in lines, for programs as JSON. */
interface ClipReport {
    ObjectMapper JSON = new ObjectMapper();

    List<String> lines();

    /** The whole of it, embeddings included. */
    ObjectNode toJson();

    /** The first {@code best} of 0 … count - 1 by {@code value}, the largest first; equals keep their order. */
    static List<Integer> ranked(int count, int best, IntToDoubleFunction value) {
        return IntStream.range(0, count)
                .boxed()
                .sorted(Comparator.comparingDouble((Integer i) -> value.applyAsDouble(i))
                        .reversed())
                .limit(best)
                .toList();
    }

    /** A list of that key: name, "embedding": numbers. */
    static ArrayNode embeddings(String key, List<String> names, float[][] embeddings) {
        ArrayNode list = JSON.createArrayNode();
        for (int i = 0; i < names.size(); i++) {
            list.addObject().put(key, names.get(i)).set("embedding", JSON.valueToTree(embeddings[i]));
        }
        return list;
    }
}
