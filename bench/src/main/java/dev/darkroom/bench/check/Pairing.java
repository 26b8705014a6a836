package dev.darkroom.bench.check;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;

/** The engine and, where it is there, torch, each with a model loaded, to be timed in turn. */
final class Pairing implements AutoCloseable {
    /** What is timed: a part, and so many at once. */
    record Case(String part, int batch) {
        @Override
        public String toString() {
            return part + " " + batch;
        }
    }

    /**
     * What came of it.
     *
     * @param setting torch's: graph, compile or max-autotune
     * @param trouble why one of the two is empty
     */
    record Times(Timing ours, Timing torch, String setting, long flops, String trouble) {
        double ratio() {
            return torch.median() / ours.median();
        }
    }

    /** Pixels a side where shapes are short. */
    static final int SMALL = 64;

    private final ObjectMapper mapper = new ObjectMapper();
    private final StageRun run;
    private final Conversation ours;
    private final List<Conversation> peer = new ArrayList<>(); // one, or none
    private final List<String> remarks = new ArrayList<>();
    private final int rounds;
    private ObjectNode opened;

    private Pairing(StageRun run, Conversation ours) {
        this.run = run;
        this.ours = ours;
        this.rounds = run.isShort() ? 1 : 3;
        this.opened = mapper.createObjectNode();
    }

    /** Loads the model into both; where torch cannot be had, {@link #remarks} says so. */
    static Pairing open(StageRun run, Checkpoints.Checkpoint model, Torch torch)
            throws IOException, InterruptedException, Conversation.NoAnswerException {
        Pairing pairing = new Pairing(run, run.converse("ours", run.installation().java(NetworkWorker.class.getName())));
        try {
            ObjectNode open = pairing.mapper.createObjectNode();
            open.put("op", "open")
                    .put("model", model.folder().toString())
                    .put("device", run.gpu().device())
                    .put("dtype", "f16");
            pairing.opened = pairing.ours.ask(open, run.left());
            if (torch.isHere()) {
                pairing.openPeer(torch, open);
            } else {
                pairing.remarks.add("Not measured against torch: " + torch.absence());
            }
            return pairing;
        } catch (IOException | InterruptedException | RuntimeException | Conversation.NoAnswerException e) {
            pairing.close();
            throw e;
        }
    }

    private void openPeer(Torch torch, ObjectNode open) throws IOException, InterruptedException {
        String script = run.installation().root().resolve("bench/peers/torch_networks.py").toString();
        peer.add(run.converse("torch", List.of(torch.python(), script)));
        ask(open, 60);
    }

    /** What the engine said when it opened the model: load_seconds; or skipped or failed. */
    ObjectNode opened() {
        return opened;
    }

    /** What is to be known of the peer. */
    List<String> remarks() {
        return remarks;
    }

    boolean hasPeer() {
        return !peer.isEmpty();
    }

    /** Times both in turn. @throws Conversation.NoAnswerException when the engine died */
    Times time(Case what, String setting) throws InterruptedException, Conversation.NoAnswerException {
        Timing own = new Timing();
        Timing other = new Timing();
        String trouble = "";
        long flops = 0;
        ObjectNode question = question(what);
        for (int round = 0; round < rounds && trouble.isEmpty(); round++) {
            ObjectNode answer = ours.ask(question, run.left());
            own.add(answer.path("seconds"));
            flops = answer.path("flops").asLong();
            trouble = trouble(answer);
            if (hasPeer() && trouble.isEmpty()) {
                ObjectNode theirs = ask(question.deepCopy().put("setting", setting), peerLimit());
                other.add(theirs.path("seconds"));
            }
        }
        return new Times(own, other, setting, flops, trouble);
    }

    /** Has torch compile what it runs for a case; false where it cannot within the time. */
    boolean compile(Case what, String setting) throws InterruptedException {
        ObjectNode question = question(what).put("setting", setting).put("repeat", 1);
        return hasPeer() && ask(question, peerLimit()).has("seconds");
    }

    private ObjectNode question(Case what) {
        ObjectNode question = mapper.createObjectNode();
        question.put("op", what.part()).put("batch", what.batch());
        if (run.isShort()) {
            return question.put("warmup", 1).put("repeat", 1).put("steps", 2).put("size", SMALL);
        }
        boolean whole = what.part().equals("picture");
        return question.put("warmup", whole ? 1 : 3)
                .put("repeat", whole ? 2 : 10)
                .put("budget", whole ? 2 : 0.7)
                .put("steps", 20);
    }

    private double peerLimit() {
        return run.left() - 3; // so that the stage can still say what it has
    }

    /** Asks torch; one that does not answer is done without from then on. */
    private ObjectNode ask(ObjectNode question, double limit) throws InterruptedException {
        try {
            ObjectNode answer = peer.get(0).ask(question, Math.min(limit, peerLimit()));
            String trouble = trouble(answer);
            if (!trouble.isEmpty()) {
                remarks.add("torch, asked for " + question + ": " + trouble);
            }
            return answer;
        } catch (Conversation.NoAnswerException e) {
            peer.remove(0).close();
            remarks.add("torch was lost: " + e.getMessage());
            return mapper.createObjectNode();
        }
    }

    /** Why an answer has no times. */
    static String trouble(ObjectNode answer) {
        return answer.path("skipped").asText(answer.path("failed").asText(""));
    }

    @Override
    public void close() {
        ours.close();
        peer.forEach(Conversation::close);
    }
}
