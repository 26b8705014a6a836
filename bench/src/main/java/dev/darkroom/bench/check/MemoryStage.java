package dev.darkroom.bench.check;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import org.jspecify.annotations.Nullable;

/** The most memory that pictures take, in a process for each batch, beside what was predicted and what torch takes. */
final class MemoryStage {
    private static final ObjectMapper MAPPER = new ObjectMapper();
    private final StageRun run;
    private final Checkpoints.Checkpoint model;
    private final Torch torch;
    private final ObjectNode record;
    private final List<String> summary = new ArrayList<>();
    private final List<String> remarks = new ArrayList<>();
    private final List<String> lines = new ArrayList<>(List.of(
            "| batch | tensors | predicted | pool | of the device, without the context | torch, reserved |",
            "|---|---|---|---|---|---|"));

    private MemoryStage(StageRun run, Checkpoints.Checkpoint model, Torch torch) {
        this.run = run;
        this.model = model;
        this.torch = torch;
        this.record = run.session()
                .records()
                .begin("memory peaks of pictures of sd15 in f16, in a process for each batch");
    }

    static Outcome run(StageRun run) throws IOException, InterruptedException {
        Checkpoints.Checkpoint model = run.session().checkpoints().of(run, "sd15");
        return model.absence() == null
                ? new MemoryStage(run, model, Torch.find(run, "torch_networks.py")).measure()
                : model.absence();
    }

    private Outcome measure() throws IOException, InterruptedException {
        for (int batch : run.isShort() ? new int[] {1} : new int[] {1, 16}) {
            Outcome failure = measure(batch);
            if (failure != null) {
                return failure;
            }
        }
        if (!torch.isHere()) {
            remarks.add("- Not measured against torch: " + torch.absence());
        }
        lines.add("");
        lines.addAll(remarks);
        if (summary.isEmpty()) {
            return Outcome.skipped("too little memory: " + String.join(" ", remarks));
        }
        lines.add("- Record: " + run.session().out().relativize(run.session().records().write("memory", record)));
        run.found().set("record", record);
        return Outcome.passed(String.join(", ", summary), lines);
    }

    /** Measures a batch; returns null when that went well, or memory was too small. */
    private @Nullable Outcome measure(int batch) throws IOException, InterruptedException {
        ObjectNode ours;
        try {
            ours = peak("ours-" + batch, run.installation().java(NetworkWorker.class.getName()), batch);
        } catch (Conversation.NoAnswerException e) {
            return Outcome.failed(String.valueOf(e.getMessage()), lines);
        }
        String trouble = Pairing.trouble(ours);
        if (ours.has("skipped")) {
            remarks.add("- Batch " + batch + " was left out: " + trouble);
            return null;
        }
        if (!trouble.isEmpty()) {
            return ours.path("lost").asBoolean() ? Outcome.lost(trouble, lines) : Outcome.failed(trouble, lines);
        }
        ObjectNode theirs = torchPeak(batch);
        record.withObject("/ours").set("batch_" + batch, ours);
        if (theirs.has("peak_reserved_bytes")) {
            record.withObject("/peer").set("batch_" + batch, theirs);
        }
        goal(record, batch, ours, theirs);
        lines.add(row(batch, ours, theirs));
        summary.add("batch " + batch + " takes " + gigabytes(ours, "peak_reserved_bytes") + " of the pool");
        return null;
    }

    /** Torch's; empty where there is none. */
    private ObjectNode torchPeak(int batch) throws IOException, InterruptedException {
        String script = run.installation().root().resolve("bench/peers/torch_networks.py").toString();
        if (!torch.isHere()) {
            return MAPPER.createObjectNode();
        }
        try {
            ObjectNode peak = peak("torch-" + batch, List.of(torch.python(), script), batch);
            if (!Pairing.trouble(peak).isEmpty()) {
                remarks.add("- torch, batch " + batch + ": " + Pairing.trouble(peak));
            }
            return peak;
        } catch (Conversation.NoAnswerException e) {
            remarks.add("- torch was lost: " + e.getMessage());
            return MAPPER.createObjectNode();
        }
    }

    private ObjectNode peak(String label, List<String> command, int batch)
            throws IOException, InterruptedException, Conversation.NoAnswerException {
        ObjectNode open = MAPPER.createObjectNode()
                .put("op", "open")
                .put("model", model.folder().toString())
                .put("device", run.gpu().device())
                .put("dtype", "f16");
        ObjectNode picture = MAPPER.createObjectNode()
                .put("op", "picture")
                .put("batch", batch)
                .put("steps", 3)
                .put("warmup", 0)
                .put("repeat", 1)
                .put("setting", "graph")
                .put("size", run.isShort() ? Pairing.SMALL : 0);
        try (Conversation worker = run.converse(label, command)) {
            for (ObjectNode question : List.of(open, picture)) {
                ObjectNode answer = worker.ask(question, run.left());
                if (!Pairing.trouble(answer).isEmpty()) {
                    return answer;
                }
            }
            return worker.ask(picture.deepCopy().put("op", "memory"), run.left());
        }
    }

    private static void goal(ObjectNode record, int batch, ObjectNode ours, ObjectNode theirs) {
        double peak = ours.path("peak_reserved_bytes").asLong() / 1e9;
        Records.Peer peer = theirs.has("peak_reserved_bytes")
                ? new Records.Peer("torch, graph, reserved", theirs.path("peak_reserved_bytes").asLong() / 1e9)
                : null;
        Records.goal(record, 23, "pool, 512x512, batch " + batch, peak, "GB", 1, peer);
    }

    private static String row(int batch, ObjectNode ours, ObjectNode theirs) {
        return "| " + batch + " | " + gigabytes(ours, "peak_bytes") + " | " + gigabytes(ours, "predicted_peak_bytes")
                + " | " + gigabytes(ours, "peak_reserved_bytes") + " | "
                + gigabytes(ours, "taken_of_the_device_bytes") + " | "
                + (theirs.has("peak_reserved_bytes") ? gigabytes(theirs, "peak_reserved_bytes") : "") + " |";
    }

    private static String gigabytes(ObjectNode node, String field) {
        return String.format(Locale.ROOT, "%.3f GB", node.path(field).asLong() / 1e9);
    }
}
