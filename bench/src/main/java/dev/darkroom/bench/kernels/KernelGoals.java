package dev.darkroom.bench.kernels;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.darkroom.bench.records.BenchRecord;
import dev.darkroom.bench.records.BenchRecord.Peer;
import dev.darkroom.bench.records.BenchRecord.Value;
import dev.darkroom.bench.records.Unit;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Predicate;
import org.jspecify.annotations.Nullable;

/**
 * Says what a run of {@link KernelBench} means for the goals: rows 1 to 11 of bench/goals.json, each from the timed operations that the row speaks of. A
 * row none of whose operations was timed has no value.
 */
public final class KernelGoals {
    private static final ObjectMapper MAPPER = new ObjectMapper();
    private static final int MANY_ROWS = 32768; // of a product: "M >= 32k"
    private static final long CACHE_BYTES = 128L << 20; // maps beyond any L2 cache

    private final List<JsonNode> rows = new ArrayList<>();
    private final Map<String, Double> torch = new HashMap<>();
    private final String torchName;
    private final ObjectNode record;

    private KernelGoals(ObjectNode record, @Nullable JsonNode torchRecord) {
        this.record = record;
        record.path("rows").forEach(row -> {
            if (row.has("median_us")) {
                rows.add(row);
            }
        });
        torchName = torchRecord == null ? "" : torchRecord.path("peer").asText("torch");
        if (torchRecord != null) {
            torchRecord.path("rows").forEach(row -> {
                if (row.has("median_us")) {
                    torch.merge(row.path("id").asText(), row.path("median_us").asDouble(), Math::min);
                }
            });
        }
    }

    /** @param arguments a record of {@link KernelBench}, and, where torch was timed in the same run, what torch_kernels.py wrote */
    public static void main(String[] arguments) throws IOException {
        if (arguments.length < 1 || arguments.length > 2) {
            System.err.println(
                    "usage: KernelGoals RECORD.json [TORCH.json]: adds to the record what it means for the goals");
            System.exit(2);
        }
        addTo(Path.of(arguments[0]), arguments.length == 1 ? null : Path.of(arguments[1]));
    }

    /** Adds the values to a record. */
    static void addTo(Path file, @Nullable Path torchFile) throws IOException {
        ObjectNode record = (ObjectNode) MAPPER.readTree(file.toFile());
        record.remove("goals");
        new KernelGoals(record, torchFile == null ? null : MAPPER.readTree(torchFile.toFile())).fill();
        Path whole = file.resolveSibling(file.getFileName() + ".part");
        Files.writeString(whole, written(record));
        Files.move(whole, file, StandardCopyOption.REPLACE_EXISTING);
    }

    /** A row a line. */
    private static String written(ObjectNode record) throws IOException {
        ObjectNode head = record.deepCopy();
        head.remove("rows");
        String text = MAPPER.writerWithDefaultPrettyPrinter().writeValueAsString(head);
        StringBuilder out =
                new StringBuilder(text.substring(0, text.lastIndexOf('}')).stripTrailing()).append(",\n\"rows\":[");
        String separator = "\n";
        for (JsonNode row : record.path("rows")) {
            out.append(separator).append(row);
            separator = ",\n";
        }
        return out.append("\n]}\n").toString();
    }

    private void fill() {
        rate(
                1,
                "products with bias or residual, M >= 32k",
                row -> isOp(row, "linear", "linearAdd") && tokens(row) >= MANY_ROWS);
        rate(
                2,
                "products with GEGLU, M >= 32k",
                row -> isOp(row, "linearGeglu", "layerNormLinearGeglu") && tokens(row) >= MANY_ROWS);
        rate(
                3,
                "convolutions 3x3 of SD1.5's U-Net, batch 32",
                row -> isThree(row) && uses(row, "sd15 unet b32") > 0,
                "sd15 unet b32");
        sum(4, "convolutions 3x3 of SD1.5's U-Net, batch 2", row -> isThree(row), "sd15 unet b2");
        rate(
                5,
                "convolutions of the VAE's decoder",
                row -> isThree(row) && uses(row, "sd15 vae-decode b1") > 0,
                "sd15 vae-decode b1");
        attention(6, "d=40, 4096 tokens, batch 2", 40, 4096, 4096, 2);
        attention(7, "d=64, 4096 tokens", 64, 4096, 4096, 2);
        attention(8, "d=80, 1024 tokens, batch 2", 80, 1024, 1024, 2);
        time(9, "d=160, 256 tokens, batch 2", row -> isAttention(row, 160, 256, 256, 2));
        time(9, "d=40, 77 keys, batch 2", row -> isAttention(row, 40, 4096, 77, 2));
        time(10, "d=512, 4096 tokens", row -> isAttention(row, 512, 4096, 4096, 1));
        copies(11, "beyond L2");
    }

    /** Arithmetic a second over all the operations, each as often as a pass calls it. */
    private void rate(int goal, String what, Predicate<JsonNode> wanted, String pass) {
        total(goal, what, wanted, pass, true);
    }

    private void rate(int goal, String what, Predicate<JsonNode> wanted) {
        total(goal, what, wanted, "", true);
    }

    private void sum(int goal, String what, Predicate<JsonNode> wanted, String pass) {
        total(goal, what, wanted, pass, false);
    }

    private void total(int goal, String what, Predicate<JsonNode> wanted, String pass, boolean isRate) {
        double flops = 0;
        double own = 0;
        double library = 0;
        int n = Integer.MAX_VALUE;
        boolean everyLibrary = true;
        for (JsonNode row : rows) {
            int calls = pass.isEmpty() ? 1 : uses(row, pass);
            if (!wanted.test(row) || calls == 0) {
                continue;
            }
            flops += calls * row.path("flops").asDouble();
            own += calls * row.path("median_us").asDouble();
            library += calls * row.at("/library/median_us").asDouble();
            everyLibrary &= row.at("/library/median_us").isNumber();
            n = Math.min(n, row.path("n").asInt());
        }
        if (own > 0) {
            String peer =
                    isRate && what.startsWith("products") ? "cuBLAS and what follows it" : "cuDNN and what follows it";
            double value = isRate ? flops / own / 1e6 : own / 1e3;
            double other = isRate ? flops / library / 1e6 : library / 1e3;
            add(
                    goal,
                    what,
                    value,
                    isRate ? Unit.TERAFLOPS : Unit.MILLISECONDS,
                    n,
                    everyLibrary ? new Peer(peer, other) : null);
        }
    }

    private void attention(int goal, String what, int width, int queries, int keys, int batch) {
        first(row -> isAttention(row, width, queries, keys, batch), row -> {
            double flops = row.path("flops").asDouble();
            Double peer = torch.get(row.path("id").asText());
            add(
                    goal,
                    what,
                    flops / row.path("median_us").asDouble() / 1e6,
                    Unit.TERAFLOPS,
                    row.path("n").asInt(),
                    peer == null ? null : new Peer(torchName, flops / peer / 1e6));
        });
    }

    private void time(int goal, String what, Predicate<JsonNode> wanted) {
        first(wanted, row -> {
            Double peer = torch.get(row.path("id").asText());
            double own = row.path("median_us").asDouble();
            add(
                    goal,
                    what,
                    own,
                    Unit.MICROSECONDS,
                    row.path("n").asInt(),
                    peer == null ? null : new Peer(torchName, peer));
        });
    }

    /** Group norm and SiLU of the largest map, as a share of the copy's rate. */
    private void copies(int goal, String what) {
        double copy = record.at("/ceilings/copy/gbs").asDouble();
        JsonNode largest = null;
        for (JsonNode row : rows) {
            boolean wanted = isOp(row, "groupNormSilu") && row.path("bytes").asLong() >= CACHE_BYTES;
            if (wanted
                    && (largest == null
                            || row.path("bytes").asLong()
                                    > largest.path("bytes").asLong())) {
                largest = row;
            }
        }
        if (largest != null && copy > 0) {
            double bytes = largest.path("bytes").asDouble();
            Double peer = torch.get(largest.path("id").asText());
            add(
                    goal,
                    what,
                    100 * bytes / largest.path("median_us").asDouble() / 1e3 / copy,
                    Unit.PERCENT,
                    largest.path("n").asInt(),
                    peer == null ? null : new Peer(torchName, 100 * bytes / peer / 1e3 / copy));
        }
    }

    private void first(Predicate<JsonNode> wanted, java.util.function.Consumer<JsonNode> use) {
        rows.stream().filter(wanted).findFirst().ifPresent(use);
    }

    private void add(int goal, String what, double value, Unit unit, int n, @Nullable Peer peer) {
        Peer rounded = peer == null ? null : new Peer(peer.name(), Timing.rounded(peer.value()));
        BenchRecord.add(record, new Value(goal, what, Timing.rounded(value), unit, n, rounded));
    }

    private static boolean isOp(JsonNode row, String... names) {
        return List.of(names).contains(row.path("op").asText());
    }

    /** A convolution by a kernel of 3 x 3. */
    private static boolean isThree(JsonNode row) {
        JsonNode kernel = row.at("/operands/1/conv2d");
        return isOp(row, "conv2d", "conv2dAdd", "conv2dAddPerChannel")
                && kernel.path(1).asInt() == 3;
    }

    private static boolean isAttention(JsonNode row, int width, int queries, int keys, int batch) {
        JsonNode q = row.at("/operands/0/tensor");
        int heads = row.at("/operands/3/value").asInt(1);
        return isOp(row, "attention")
                && q.path(2).asInt() / heads == width
                && q.path(1).asInt() == queries
                && row.at("/operands/1/tensor/1").asInt() == keys
                && q.path(0).asInt() == batch;
    }

    private static long tokens(JsonNode row) {
        long rows = 1;
        JsonNode dims = row.at("/operands/0/tensor");
        for (int i = 0; i < dims.size() - 1; i++) {
            rows *= dims.path(i).asLong();
        }
        return rows;
    }

    private static int uses(JsonNode row, String pass) {
        return row.path("uses").path(pass).asInt();
    }
}
