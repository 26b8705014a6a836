package dev.darkroom.bench.check;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;

/** The most memory that pictures take, in a process for each batch, beside what was predicted and what torch takes. */
final class MemoryStage {
    private MemoryStage() {}

    static Outcome run(StageRun run) throws IOException, InterruptedException {
        Checkpoints.Checkpoint model = run.session().checkpoints().of(run, "sd15");
        if (!Checkpoints.isThere(model)) {
            return model.absence();
        }
        Torch torch = Torch.find(run, "torch_networks.py");
        ObjectNode record = run.session().records().begin("memory peaks of pictures of sd15 in f16, in a process for each batch");
        List<String> lines = new ArrayList<>(List.of(
                "| batch | tensors | predicted | pool | of the device, without the context | torch, reserved |",
                "|---|---|---|---|---|---|"));
        String summary = "";
        List<String> remarks = new ArrayList<>();
        for (int batch : run.isShort() ? new int[] {1} : new int[] {1, 16}) {
            ObjectNode ours;
            try {
                ours = peak(run, "ours-" + batch, run.installation().java(NetworkWorker.class.getName()), model, batch);
            } catch (Conversation.NoAnswerException e) {
                return Outcome.failed(String.valueOf(e.getMessage()), lines);
            }
            String trouble = Pairing.trouble(ours);
            if (!trouble.isEmpty() && !ours.has("skipped")) {
                return Outcome.failed(trouble, lines);
            }
            if (!trouble.isEmpty()) {
                remarks.add("- Batch " + batch + " was left out: " + trouble);
                continue;
            }
            record.withObject("/ours").set("batch_" + batch, ours);
            ObjectNode theirs = torch.isHere() ? torchPeak(run, torch, model, batch, remarks) : new ObjectMapper().createObjectNode();
            if (theirs.has("peak_reserved_bytes")) {
                record.withObject("/peer").set("batch_" + batch, theirs);
            }
            goal(record, batch, ours, theirs);
            lines.add(row(batch, ours, theirs));
            summary += (summary.isEmpty() ? "" : ", ") + "batch " + batch + " takes " + gigabytes(ours, "peak_reserved_bytes");
        }
        if (!torch.isHere()) {
            remarks.add("- Not measured against torch: " + torch.absence());
        }
        lines.addAll(remarks);
        if (summary.isEmpty()) {
            return Outcome.skipped("too little memory: " + String.join(" ", remarks));
        }
        lines.add("- Record: " + run.session().out().relativize(run.session().records().write("memory", record)));
        run.found().set("record", record);
        return Outcome.passed(summary + " of the pool", lines);
    }

    private static ObjectNode torchPeak(
            StageRun run, Torch torch, Checkpoints.Checkpoint model, int batch, List<String> remarks)
            throws IOException, InterruptedException {
        String script = run.installation().root().resolve("bench/peers/torch_networks.py").toString();
        try {
            return peak(run, "torch-" + batch, List.of(torch.python(), script), model, batch);
        } catch (Conversation.NoAnswerException e) {
            remarks.add("- torch was lost: " + e.getMessage());
            return new ObjectMapper().createObjectNode();
        }
    }

    private static ObjectNode peak(
            StageRun run, String label, List<String> command, Checkpoints.Checkpoint model, int batch)
            throws IOException, InterruptedException, Conversation.NoAnswerException {
        ObjectMapper mapper = new ObjectMapper();
        ObjectNode open = mapper.createObjectNode()
                .put("op", "open")
                .put("model", model.folder().toString())
                .put("device", run.gpu().device())
                .put("dtype", "f16");
        ObjectNode picture = mapper.createObjectNode()
                .put("op", "picture")
                .put("batch", batch)
                .put("steps", 3)
                .put("warmup", 0)
                .put("repeat", 1)
                .put("setting", "graph")
                .put("size", run.isShort() ? Pairing.SMALL : 0);
        try (Conversation worker = run.converse(label, command, Map.of())) {
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
