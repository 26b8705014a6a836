package dev.darkroom.cli;

import dev.darkroom.image.OutputFile;
import dev.darkroom.image.PngWriter;
import dev.darkroom.pipeline.Darkroom;
import dev.darkroom.pipeline.Monitor;
import dev.darkroom.pipeline.Progress;
import java.io.PrintWriter;
import java.nio.file.Path;
import java.util.Locale;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** Shows how far a request is: a bar on a terminal, plain lines elsewhere. */
final class ProgressLines implements Monitor {
    private static final int WIDTH = 30;
    private static final String CLEAR_LINE = "\r\u001b[K";

    private final PrintWriter err;
    private final boolean terminal;
    private final @Nullable Path preview;
    private double textDone;

    private ProgressLines(PrintWriter err, boolean terminal, @Nullable Path preview) {
        this.err = err;
        this.terminal = terminal;
        this.preview = preview;
    }

    /** @param preview file that a preview is written to after every step; null for none */
    static ProgressLines on(PrintWriter err, @Nullable Path preview) {
        return new ProgressLines(err, Terminal.isTerminal(), preview);
    }

    void loading(String model) {
        show("loading " + model, false);
    }

    void loaded(Darkroom darkroom, boolean verbose) {
        if (verbose) {
            show(darkroom.device().name() + ": " + darkroom.device().description() + ", " + darkroom.dtype(), true);
            show("prediction: " + darkroom.prediction().name().toLowerCase(Locale.ROOT), true);
        }
        show(
                String.format(
                        Locale.ROOT, "loaded %s in %.2f s", darkroom.model().location(), darkroom.loadSeconds()),
                true);
    }

    @Override
    public void progress(Progress progress) {
        switch (progress.stage()) {
            case TEXT -> textDone = progress.seconds();
            case STEP -> step(progress);
            case DECODE -> show(String.format(Locale.ROOT, "decoded after %.2f s", progress.seconds()), true);
        }
    }

    @Override
    public boolean isCancelled() {
        return Interruption.requested();
    }

    /** Leaves the terminal's line clean. */
    void finished() {
        if (terminal) {
            err.print(CLEAR_LINE);
            err.flush();
        }
    }

    private void step(Progress progress) {
        double perStep = (progress.seconds() - textDone) / progress.step();
        int left = progress.steps() - progress.step();
        String rate = perStep < 1
                ? String.format(Locale.ROOT, "%.2f it/s", 1 / perStep)
                : String.format(Locale.ROOT, "%.2f s/it", perStep);
        String text = String.format(
                Locale.ROOT, "step %d/%d  %s  %.0f s left", progress.step(), progress.steps(), rate, left * perStep);
        int done = WIDTH * progress.step() / progress.steps();
        show(terminal ? "[" + "#".repeat(done) + " ".repeat(WIDTH - done) + "] " + text : text, left == 0);
        if (preview != null) {
            OutputFile.write(preview, PngWriter.encode(progress.preview().get(), Map.of()));
        }
    }

    /** On a terminal each line replaces the one before it unless that is to {@code stay}. */
    private void show(String line, boolean stay) {
        if (terminal) {
            err.print(CLEAR_LINE + line + (stay ? System.lineSeparator() : ""));
            err.flush();
        } else {
            err.println(line);
        }
    }
}
