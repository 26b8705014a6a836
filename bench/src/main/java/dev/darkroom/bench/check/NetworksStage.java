package dev.darkroom.bench.check;

import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.darkroom.bench.check.Pairing.Case;
import dev.darkroom.bench.check.Pairing.Times;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** A whole model, part by part and picture by picture, in turn with torch: first as CUDA graphs, then, while there is time, compiled as well. */
final class NetworksStage {
    private static final int STEPS = 20;
    private static final int THOROUGH_SECONDS = 1500; // from this limit on torch may search for minutes
    private static final double LEAST_SECONDS = 3; // for another case

    private final StageRun run;
    private final String architecture;
    private final Map<Case, Times> best = new LinkedHashMap<>();
    private final List<String> rows = new ArrayList<>();
    private final List<String> remarks = new ArrayList<>();
    private final ObjectNode record;

    private NetworksStage(StageRun run, String architecture) {
        this.run = run;
        this.architecture = architecture;
        this.record = run.session()
                .records()
                .begin("parts and pictures of " + architecture + " in turn with torch, f16, each timed until the device is done");
    }

    static Outcome run(StageRun run, String architecture) throws IOException, InterruptedException {
        Checkpoints.Checkpoint model = run.session().checkpoints().of(run, architecture);
        return model.absence() == null ? new NetworksStage(run, architecture).measure(model) : model.absence();
    }

    private Outcome measure(Checkpoints.Checkpoint model) throws IOException, InterruptedException {
        Torch torch = Torch.find(run, "torch_networks.py");
        String end = "";
        try (Pairing pairing = Pairing.open(run, model, torch)) {
            ObjectNode opened = pairing.opened();
            if (!Pairing.trouble(opened).isEmpty()) {
                return opened.has("skipped")
                        ? Outcome.skipped("too little memory to load the model: " + Pairing.trouble(opened))
                        : ended(Pairing.trouble(opened), opened.path("lost").asBoolean());
            }
            record.put("dtype", "f16").put("model", architecture).put("rounds", run.isShort() ? 1 : 3);
            record.putObject("ours")
                    .put("description", opened.path("description").asText())
                    .put("load_seconds", opened.path("load_seconds").asDouble());
            record.set("peer", torch.facts());
            try {
                measure(pairing);
            } catch (Conversation.NoAnswerException e) {
                end = String.valueOf(e.getMessage());
            }
            remarks.addAll(pairing.remarks());
        } catch (Conversation.NoAnswerException e) {
            end = String.valueOf(e.getMessage());
        }
        return finish(end);
    }

    private void measure(Pairing pairing) throws InterruptedException, Conversation.NoAnswerException {
        for (Case what : cases()) {
            if (run.left() < LEAST_SECONDS) {
                remarks.add("Not reached within the limit: " + what);
                continue;
            }
            keep(what, pairing.time(what, "graph"));
        }
        String compiling = run.session().options().limit >= THOROUGH_SECONDS ? "max-autotune" : "compile";
        for (Case what : compiled()) {
            if (pairing.hasPeer() && best.containsKey(what) && run.left() > LEAST_SECONDS && pairing.compile(what, compiling)) {
                keep(what, pairing.time(what, compiling));
            }
        }
    }

    /** What is timed, the most telling first. A step with guidance has two of each picture. */
    private List<Case> cases() {
        if (run.isShort()) {
            return List.of(new Case("text", 2), new Case("unet", 2), new Case("vae", 1), new Case("picture", 2));
        }
        List<Case> cases = new ArrayList<>(List.of(new Case("text", 2), new Case("unet", 2), new Case("vae", 1)));
        cases.addAll(List.of(new Case("picture", 1), new Case("unet", 32), new Case("unet", 8), new Case("unet", 64)));
        if (architecture.equals("sd15")) {
            cases.addAll(List.of(new Case("picture", 4), new Case("picture", 16), new Case("picture", 32)));
        }
        return cases;
    }

    /** What torch compiles, which takes it a minute or so each. */
    private List<Case> compiled() {
        return run.isShort()
                ? List.of()
                : List.of(new Case("unet", 2), new Case("vae", 1), new Case("unet", 32), new Case("unet", 8));
    }

    /** Notes a case; what counts against torch is its faster setting. */
    private void keep(Case what, Times times) {
        if (times.ours().isEmpty()) {
            remarks.add("Not timed, " + what + ": " + times.trouble());
            return;
        }
        rows.add(row(what, times));
        ObjectNode parts = record.withObject("/parts");
        ObjectNode part = parts.putObject(what.part() + "_batch_" + what.batch()
                + (times.setting().equals("graph") ? "" : "_" + times.setting().replace('-', '_')));
        part.set("ours", times.ours().toJson().put("flops", times.flops()));
        if (!times.torch().isEmpty()) {
            part.set("peer", times.torch().toJson().put("setting", times.setting()));
            part.put("ratio", times.ratio());
        }
        Times other = best.get(what);
        if (other == null
                || other.torch().isEmpty()
                || !times.torch().isEmpty() && times.torch().median() < other.torch().median()) {
            best.put(what, times);
        }
    }

    private static String row(Case what, Times times) {
        Timing ours = times.ours();
        String own = String.format(
                Locale.ROOT,
                "| %s | %d | %.3f | %d | %.1f %% | %.1f |",
                what.part(),
                what.batch(),
                1e3 * ours.median(),
                ours.count(),
                100 * ours.spread(),
                times.flops() / ours.median() / 1e12);
        return own + (times.torch().isEmpty()
                ? " | | |"
                : String.format(
                        Locale.ROOT,
                        " %.3f | %s | %.2f |",
                        1e3 * times.torch().median(),
                        times.setting(),
                        times.ratio()));
    }

    private Outcome finish(String end) throws IOException {
        if (!best.isEmpty()) {
            pictures();
            goals();
            Path file = run.session().records().write(architecture, record);
            remarks.add("Record: " + run.session().out().relativize(file));
            run.found().set("record", record);
        }
        return end.isEmpty() ? finished() : ended(end, !StageRun.loss(end + log()).isEmpty());
    }

    private Outcome finished() {
        if (best.isEmpty()) {
            String why = remarks.isEmpty() ? "no time was left" : remarks.get(0);
            return Outcome.skipped("nothing was timed: " + why);
        }
        Times step = best.get(new Case("unet", 2));
        String summary = best.size() + " cases timed" + (step == null ? "" : ", " + told(step));
        return Outcome.passed(summary, lines());
    }

    private static String told(Times step) {
        String own = String.format(
                Locale.ROOT,
                "a step in %.3f ms (%.1f TFLOP/s)",
                1e3 * step.ours().median(),
                step.flops() / step.ours().median() / 1e12);
        return step.torch().isEmpty()
                ? own
                : own + String.format(Locale.ROOT, ", %.2f times as fast as torch (%s)", step.ratio(), step.setting());
    }

    private Outcome ended(String end, boolean lost) throws IOException {
        String loss = StageRun.loss(log());
        String summary = loss.isEmpty() ? end : loss;
        return lost ? Outcome.lost(summary, lines()) : Outcome.failed(summary, lines());
    }

    private String log() throws IOException {
        Path log = run.file("ours", ".log");
        return Files.exists(log) ? Files.readString(log) : "";
    }

    private List<String> lines() {
        List<String> lines = new ArrayList<>();
        if (run.isShort()) {
            lines.addAll(List.of(
                    run.gpu().isSoftware()
                            ? "**Times of the software device and of a small model: they say nothing of a GPU.**"
                            : "**Times of a small model: no records.**",
                    ""));
        }
        lines.add("| part | batch | ours, ms | n | spread | TFLOP/s | torch, ms | torch's setting | times as fast |");
        lines.add("|---|---|---|---|---|---|---|---|---|");
        lines.addAll(rows);
        lines.add("");
        remarks.forEach(remark -> lines.add("- " + remark));
        return lines;
    }

    /** Pictures a second, from the parts where whole pictures were not timed. */
    private void pictures() {
        double most = 0;
        int timings = 0;
        for (int batch : new int[] {1, 4, 16, 32}) {
            Times whole = best.get(new Case("picture", batch));
            Double seconds = whole == null ? fromParts(batch) : Double.valueOf(whole.ours().median());
            if (seconds == null) {
                continue;
            }
            String how = whole == null ? "from the parts, " + STEPS + " steps" : "whole pictures";
            record.withObject("/pictures_per_second").put("batch_" + batch, batch / seconds);
            remarks.add(String.format(Locale.ROOT, "Batch %d: %.2f pictures/s (%s)", batch, batch / seconds, how));
            if (batch / seconds > most) {
                most = batch / seconds;
                timings = whole == null ? 1 : whole.ours().count();
            }
        }
        if (most > 0) {
            Records.goal(record, isXl() ? 21 : 19, "best batch, " + STEPS + " steps, f16", most, "img/s", timings, null);
        }
    }

    /** What the parts say of the rows of the goals, in milliseconds. */
    private void goals() {
        if (isXl()) {
            goal(16, "VAE decode 1024x1024, batch 1", new Case("vae", 1));
            return;
        }
        goal(14, "SD1.5 U-Net, batch 2", new Case("unet", 2));
        goal(15, "SD1.5 U-Net, batch 32", new Case("unet", 32));
        goal(16, "VAE decode 512x512, batch 1", new Case("vae", 1));
        goal(17, "CLIP-L, batch 2", new Case("text", 2));
        goal(18, "picture, batch 1, " + STEPS + " steps", new Case("picture", 1));
    }

    private void goal(int row, String what, Case timed) {
        Times times = best.get(timed);
        if (times != null) {
            Records.Peer peer = times.torch().isEmpty()
                    ? null
                    : new Records.Peer("torch, " + times.setting(), 1e3 * times.torch().median());
            Records.goal(record, row, what, 1e3 * times.ours().median(), "ms", times.ours().count(), peer);
        }
    }

    private boolean isXl() {
        return architecture.equals("sdxl");
    }

    private @Nullable Double fromParts(int batch) {
        Times text = best.get(new Case("text", 2));
        Times step = best.get(new Case("unet", 2 * batch));
        Times decode = best.get(new Case("vae", 1));
        return text == null || step == null || decode == null
                ? null
                : text.ours().median() + STEPS * step.ours().median() + batch * decode.ours().median();
    }
}
