package dev.darkroom.cuda;

import dev.darkroom.cuda.ServingTable.Choice;
import dev.darkroom.cuda.ServingTable.Line;
import dev.darkroom.cuda.ServingTable.Measured;
import dev.darkroom.cuda.ServingTable.Range;
import dev.darkroom.cuda.ServingTable.Server;
import dev.darkroom.tensor.DType;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Collectors;

/**
 * The text of a {@link ServingTable}, a rule a line.
 *
 * <pre>{@code
 * # a comment
 * measured gpu NVIDIA H100 80GB HBM3
 * measured cublas 12.6.4
 * linear f16 rows=4096 in=320 out=320 -> cublas
 * convolution in=320 out=320 kernel-height=3 capability=80..90 -> cudnn algorithm=1
 * geglu rows=4096 -> own split=2 tile=SMALL,8:WIDE
 * geglu -> own
 * }</pre>
 */
final class ServingTableFormat {
    private static final List<String> MEASURED = List.of("gpu", "cublas", "cudnn");
    private static final Pattern SIZE = Pattern.compile("([a-z-]+)=(\\d{1,9})(?:\\.\\.(\\d{1,9}))?");
    private static final Pattern ALGORITHM = Pattern.compile("algorithm=(\\d{1,2})");

    private ServingTableFormat() {}

    /**
     * Reads a table.
     *
     * @param origin its file
     * @throws IllegalArgumentException when a line is none; names file and line, and says what is wrong
     */
    static ServingTable parse(String origin, String text) {
        Map<String, Measured> measured = new LinkedHashMap<>();
        List<Line> lines = new ArrayList<>();
        int number = 0;
        for (String written : text.split("\n", -1)) {
            number++;
            String line = written.replaceFirst("#.*", "").strip();
            try {
                if (line.startsWith("measured ")) {
                    addMeasured(number, line, measured);
                } else if (!line.isEmpty()) {
                    lines.add(line(number, line));
                }
            } catch (IllegalArgumentException e) {
                throw new IllegalArgumentException(origin + ":" + number + ": " + e.getMessage(), e);
            }
        }
        return new ServingTable(origin, measured, lines);
    }

    /** The table as {@link #parse} reads it: a comment, what it was measured with, and for each product the choice with the times. */
    static String write(String comment, Map<String, String> measured, List<ProductTuner.Finding> findings) {
        StringBuilder text = new StringBuilder();
        comment.lines().forEach(line -> text.append("# " + line + "\n"));
        measured.forEach((what, value) -> text.append("measured " + what + " " + value + "\n"));
        findings.forEach(each -> text.append(each.product() + " -> " + each.choice() + "   # " + each.times() + "\n"));
        return text.toString();
    }

    private static void addMeasured(int number, String line, Map<String, Measured> measured) {
        String[] words = line.split(" +", 3);
        if (words.length < 3 || !MEASURED.contains(words[1])) {
            throw new IllegalArgumentException(
                    "\"" + line + "\" is not \"measured NAME VALUE\" with one of the names " + MEASURED);
        }
        if (measured.put(words[1], new Measured(number, words[2])) != null) {
            throw new IllegalArgumentException("measured " + words[1] + " is there twice");
        }
    }

    private static Line line(int number, String line) {
        String[] halves = line.split("->", -1);
        if (halves.length != 2) {
            throw new IllegalArgumentException(
                    "\"" + line + "\" is not \"OPERATION [TYPE] [SIZE=N or N..M]... -> SERVER\"");
        }
        List<String> words = new ArrayList<>(List.of(halves[0].strip().split(" +")));
        Product.Kind kind = Product.Kind.parse(words.remove(0));
        DType dtype = words.isEmpty() || words.get(0).contains("=") ? null : type(words.remove(0));
        Map<String, Range> sizes = new LinkedHashMap<>();
        for (String word : words) {
            addSize(kind, word, sizes);
        }
        return new Line(
                number, kind, dtype, sizes, choice(kind, halves[1].strip().split(" +")));
    }

    private static DType type(String word) {
        DType dtype = DType.parse(word);
        if (!dtype.isFloating()) {
            throw new IllegalArgumentException("products are of f32, f16 or bf16, not of " + word);
        }
        return dtype;
    }

    private static void addSize(Product.Kind kind, String word, Map<String, Range> sizes) {
        Matcher size = SIZE.matcher(word);
        if (!size.matches()) {
            throw new IllegalArgumentException("\"" + word + "\" is not NAME=N or NAME=N..M");
        }
        String name = size.group(1);
        if (!kind.sizes().contains(name) && !name.equals("capability")) {
            throw new IllegalArgumentException("a " + kind + " has no \"" + name + "\"; it has "
                    + String.join(", ", kind.sizes()) + ", capability");
        }
        int least = Integer.parseInt(size.group(2));
        int most = size.group(3) == null ? least : Integer.parseInt(size.group(3));
        if (least > most || sizes.put(name, new Range(least, most)) != null) {
            throw new IllegalArgumentException(
                    least > most ? word + " is empty: " + least + " is more than " + most : name + " is there twice");
        }
    }

    private static Choice choice(Product.Kind kind, String[] words) {
        Server server = Arrays.stream(Server.values())
                .filter(each -> each.toString().equals(words[0]))
                .findFirst()
                .orElseThrow(() -> new IllegalArgumentException("there is no \"" + words[0] + "\"; known are "
                        + Arrays.stream(Server.values()).map(Server::toString).collect(Collectors.joining(", "))));
        boolean convolution = kind == Product.Kind.CONVOLUTION;
        if (server == Server.CUBLAS && convolution || server == Server.CUDNN && !convolution) {
            throw new IllegalArgumentException(server + " does not serve a " + kind);
        }
        if (words.length == 1) {
            return Choice.by(server);
        }
        if (server == Server.OWN) {
            return Choice.own(Schedule.parse(Arrays.copyOfRange(words, 1, words.length)));
        }
        Matcher algorithm = ALGORITHM.matcher(words[1]);
        if (server != Server.CUDNN || words.length > 2 || !algorithm.matches()) {
            throw new IllegalArgumentException("\"" + String.join(" ", words)
                    + "\" is not own [split=N] [tile=TILE], cublas, cudnn or cudnn algorithm=N");
        }
        return Choice.cudnn(Integer.parseInt(algorithm.group(1)));
    }
}
