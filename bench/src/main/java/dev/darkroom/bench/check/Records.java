package dev.darkroom.bench.check;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.jspecify.annotations.Nullable;

/**
 * What was measured, in the form of bench/records: ready to be copied there from {@code records/}. What is no record, of short shapes or of the software
 * device, goes to {@code trial/}.
 */
final class Records {
    private final Session session;
    private final String started;
    private final ObjectMapper mapper = new ObjectMapper();

    /** @param started when the run began, in ISO 8601 */
    Records(Session session, String started) {
        this.session = session;
        this.started = started;
    }

    /** A record of the commit, machine and GPU that are checked, to be filled in. */
    ObjectNode begin(String what) {
        Gpu gpu = session.gpu();
        ObjectNode record = mapper.createObjectNode();
        record.put("what", what)
                .put("when", started)
                .put("commit", session.installation().commit());
        if (session.isShort()) {
            record.put(
                    "trial",
                    gpu.isSoftware()
                            ? "times of the software device, which say nothing of a GPU"
                            : "short shapes, whose times are no records");
        }
        record.putObject("machine")
                .put("system", System.getProperty("os.name") + " " + System.getProperty("os.version"))
                .put("cores", Runtime.getRuntime().availableProcessors())
                .put("java", System.getProperty("java.vm.name") + " " + Runtime.version());
        record.put("device", gpu.device());
        record.putObject("gpu")
                .put("model", gpu.model())
                .put("compute_capability", gpu.capability())
                .put("total_bytes", gpu.totalBytes())
                .put("driver_cuda", gpu.version("NVIDIA driver"))
                .put("cublas", gpu.version("cuBLAS"))
                .put("cudnn", gpu.version("cuDNN"));
        return record;
    }

    /**
     * Adds what a record says of a row of the goals (performance goals, by their numbers).
     *
     * @param what of the row was measured
     * @param n    timings whose median {@code value} is
     * @param peer the peer's name and value in the same unit; null where none was measured
     */
    static void goal(ObjectNode record, int row, String what, double value, String unit, int n, @Nullable Peer peer) {
        ObjectNode goal = record.withArray("goals").addObject();
        goal.put("row", row).put("what", what).put("value", value).put("unit", unit).put("n", n);
        if (peer != null) {
            goal.putObject("peer").put("name", peer.name()).put("value", peer.value());
        }
    }

    /** What was measured beside, in the same run and unit. */
    record Peer(String name, double value) {}

    /** Writes a record; returns its file. */
    Path write(String name, ObjectNode record) throws IOException {
        return place(name, mapper.writerWithDefaultPrettyPrinter().writeValueAsString(record));
    }

    /** Takes over a record that a program has written. */
    Path copy(String name, Path written) throws IOException {
        return place(name, Files.readString(written));
    }

    private Path place(String name, String json) throws IOException {
        Path folder = session.out().resolve(session.isShort() ? "trial" : "records");
        Files.createDirectories(folder);
        String device = session.gpu().model().replaceAll("(?i)nvidia|[^\\w]+", "-").replaceAll("^-+|-+$|(?<=-)-+", "");
        String time = started.substring(0, 19).replace(":", "");
        return Report.writeWhole(folder.resolve(time + "-" + name + "-" + device + ".json"), json + "\n");
    }
}
