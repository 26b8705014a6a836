package dev.darkroom.bench.check;

import java.nio.file.Path;
import java.util.Map;

/** What the stages of one run share. */
final class Session {
    private final Options options;
    private final Installation installation;
    private final Path out;
    private final Map<String, String> environment;
    private final Records records;
    private final Checkpoints checkpoints;
    private Gpu gpu;

    /** @param environment of every child, beside this process's own */
    Session(Options options, Installation installation, Path out, Map<String, String> environment, String started) {
        this.options = options;
        this.installation = installation;
        this.out = out;
        this.environment = Map.copyOf(environment);
        this.records = new Records(this, started);
        this.checkpoints = new Checkpoints(out.resolve("checkpoints"));
        this.gpu = Gpu.unknown(options.device, "the doctor has not been there");
    }

    Options options() {
        return options;
    }

    Installation installation() {
        return installation;
    }

    /** The folder of all that is written. */
    Path out() {
        return out;
    }

    Map<String, String> environment() {
        return environment;
    }

    Records records() {
        return records;
    }

    Checkpoints checkpoints() {
        return checkpoints;
    }

    Gpu gpu() {
        return gpu;
    }

    void setGpu(Gpu found) {
        gpu = found;
    }

    /** Whether shapes and models are small: by wish, or because there is no real GPU to measure. */
    boolean isShort() {
        return options.isShort || gpu.isSoftware();
    }
}
