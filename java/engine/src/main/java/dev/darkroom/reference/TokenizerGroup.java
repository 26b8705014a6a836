package dev.darkroom.reference;

import com.fasterxml.jackson.databind.JsonNode;
import dev.darkroom.tokenizer.ClipTokenizer;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** Token ids of texts: those of transformers, one by one. */
final class TokenizerGroup implements Group {
    private static final Pattern FOLDER = Pattern.compile("checkpoints/[A-Za-z0-9_./-]+");

    @Override
    public String name() {
        return "tokenizer";
    }

    @Override
    public void run(Check check) {
        JsonNode cases = ReferenceSet.json(check.set().file(name(), "cases.json"));
        ClipTokenizer clip = ClipTokenizer.clip();
        compare(check, "cases", cases.path("cases"), text -> withEnds(clip, text));
        compare(check, "padded_to_77", cases.path("padded_to_77"), text -> clip.tokenize(text)
                .ids());
        Matcher where = FOLDER.matcher(cases.path("small_vocabulary_where").asText());
        if (where.find()) {
            Path folder = check.set().root().resolve(where.group());
            ClipTokenizer small = ClipTokenizer.open(folder);
            compare(check, "small_vocabulary", cases.path("small_vocabulary"), text -> withEnds(small, text));
        }
    }

    private interface Tokenization {
        int[] ids(String text);
    }

    private void compare(Check check, String list, JsonNode cases, Tokenization tokenization) {
        int index = 0;
        for (JsonNode each : cases) {
            int[] expected = new int[each.path("ids").size()];
            Arrays.setAll(expected, i -> each.path("ids").path(i).asInt());
            int[] actual = tokenization.ids(each.path("text").asText());
            check.report(CaseResult.exact(
                    name(),
                    "cases.json",
                    list + "[" + index++ + "]",
                    Arrays.equals(actual, expected),
                    "\"" + each.path("text").asText() + "\" gives " + Arrays.toString(actual) + ", the reference is "
                            + Arrays.toString(expected)));
        }
    }

    private static int[] withEnds(ClipTokenizer tokenizer, String text) {
        int[] tokens = tokenizer.encode(text);
        int[] ids = new int[tokens.length + 2];
        ids[0] = tokenizer.start();
        System.arraycopy(tokens, 0, ids, 1, tokens.length);
        ids[ids.length - 1] = tokenizer.end();
        return ids;
    }
}
