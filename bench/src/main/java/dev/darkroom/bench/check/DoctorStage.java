package dev.darkroom.bench.check;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;

/** Which GPU and libraries there are, by {@code darkroom doctor}; what every other stage goes by. */
final class DoctorStage {
    private static final String MAIN = "dev.darkroom.cli.Main";

    private DoctorStage() {}

    static Outcome run(StageRun run) throws IOException, InterruptedException {
        String device = run.session().options().device;
        ChildProcess.Ended ended = run.run("", run.installation().java(MAIN, "doctor", "--json"));
        JsonNode report = report(ended.output());
        if (ended.timedOut() || report.isMissingNode()) {
            Outcome failure = run.failure("darkroom doctor", ended);
            run.session().setGpu(Gpu.unknown(device, failure.summary()));
            return failure;
        }
        Gpu gpu = Gpu.of(device, report);
        run.session().setGpu(gpu);
        run.found().set("doctor", report);
        return gpu.isUsable()
                ? Outcome.passed(summary(gpu), lines(gpu))
                : Outcome.failed(gpu.device() + " cannot be used: " + gpu.problem(), lines(gpu));
    }

    private static JsonNode report(String output) throws IOException {
        ObjectMapper mapper = new ObjectMapper();
        try {
            return output.strip().startsWith("{") ? mapper.readTree(output) : mapper.missingNode();
        } catch (JsonProcessingException e) {
            return mapper.missingNode(); // cut off in the middle: it was killed
        }
    }

    private static String summary(Gpu gpu) {
        return String.format(
                Locale.ROOT,
                "%s, compute capability %s, %.1f of %.1f GB free, driver for CUDA %s, cuBLAS %s, cuDNN %s",
                gpu.model(),
                gpu.capability(),
                gpu.freeBytes() / 1e9,
                gpu.totalBytes() / 1e9,
                gpu.version("NVIDIA driver"),
                orAbsent(gpu.version("cuBLAS")),
                orAbsent(gpu.version("cuDNN")));
    }

    private static String orAbsent(String version) {
        return version.isEmpty() ? "absent" : version;
    }

    private static List<String> lines(Gpu gpu) {
        List<String> lines = new ArrayList<>(List.of("| library | |", "|---|---|"));
        gpu.facts().path("libraries").properties().forEach(library -> {
            JsonNode found = library.getValue();
            lines.add("| " + library.getKey() + " | "
                    + (found.path("found").asBoolean()
                            ? found.path("version").asText() + ", "
                                    + found.path("path").asText()
                            : "absent: " + found.path("explanation").asText())
                    + " |");
        });
        String readyMade = gpu.facts().path("ready_made_kernels").asText();
        lines.add("| ready-made kernels | "
                + (readyMade.isEmpty() ? "none in this build: NVRTC compiles at the first use" : "by NVRTC " + readyMade)
                + " |");
        if (gpu.isSoftware()) {
            lines.addAll(List.of("", "This is the software device of tests/softcuda: its times say nothing of a GPU."));
        }
        return lines;
    }
}
