package dev.darkroom.cli;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.darkroom.device.CudaSurvey;
import dev.darkroom.device.Devices;
import dev.darkroom.pipeline.Darkroom;
import dev.darkroom.weights.HuggingFaceCache;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Locale;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;

/** Says what was found on this machine. */
@Command(
        name = "doctor",
        mixinStandardHelpOptions = true,
        description = "Says which devices and libraries were found, which not, why, and what to do.")
final class DoctorCommand implements Callable<Integer> {
    @Option(names = "--json", description = "Write one JSON object.")
    private boolean json;

    @Spec
    private CommandSpec spec = CommandSpec.create();

    @Override
    public Integer call() {
        List<Devices.Finding> devices = Devices.survey(0);
        ObjectNode report = new ObjectMapper().createObjectNode();
        report.put("darkroom", Darkroom.version());
        report.put(
                "java",
                System.getProperty("java.vm.name") + " " + Runtime.version() + ", " + System.getProperty("java.home"));
        report.put(
                "system",
                System.getProperty("os.name") + " " + System.getProperty("os.version") + " "
                        + System.getProperty("os.arch"));
        report.put("cores", Runtime.getRuntime().availableProcessors());
        report.put("java heap", Runtime.getRuntime().maxMemory() / 1_000_000 + " MB at most");
        report.put("unpacked libraries", nativeCache());
        report.put("Hugging Face cache", huggingFaceCache());
        report.put("demo model", demoModel());
        ObjectNode found = report.putObject("devices");
        for (Devices.Finding device : devices) {
            found.putObject(device.name())
                    .put("available", device.available())
                    .put("description", device.description());
        }
        CudaSurvey cuda = Devices.surveyCuda();
        report.set("cuda", cudaReport(cuda));
        if (json) {
            spec.commandLine().getOut().println(report);
        } else {
            print(report, devices);
            print(cuda);
        }
        return devices.stream().anyMatch(Devices.Finding::available) ? 0 : Failures.DEVICE_FAILED;
    }

    private void print(ObjectNode report, List<Devices.Finding> devices) {
        report.properties().forEach(entry -> {
            if (entry.getValue().isValueNode()) {
                line(entry.getKey(), entry.getValue().asText());
            }
        });
        for (Devices.Finding device : devices) {
            line("device " + device.name(), (device.available() ? "ready: " : "absent: ") + device.description());
        }
    }

    private static ObjectNode cudaReport(CudaSurvey cuda) {
        ObjectNode report = new ObjectMapper().createObjectNode();
        ObjectNode libraries = report.putObject("libraries");
        for (CudaSurvey.Library library : cuda.libraries()) {
            ObjectNode node = libraries.putObject(library.title()).put("found", library.found());
            if (library.found()) {
                node.put("path", library.path())
                        .put("version", library.version())
                        .put("origin", library.origin());
            } else {
                node.put("explanation", library.explanation());
            }
        }
        report.put("ready_made_kernels", cuda.readyMade());
        ObjectNode gpus = report.putObject("gpus");
        for (CudaSurvey.Card gpu : cuda.gpus()) {
            gpus.putObject(gpu.name())
                    .put("model", gpu.model())
                    .put("compute_capability", gpu.capability())
                    .put("total_bytes", gpu.totalBytes())
                    .put("free_bytes", gpu.freeBytes())
                    .put("problem", gpu.problem());
        }
        return report.put("problem", cuda.problem());
    }

    private void print(CudaSurvey cuda) {
        for (CudaSurvey.Library library : cuda.libraries()) {
            line(
                    library.title(),
                    library.found()
                            ? library.version() + ", " + library.path() + " (by " + library.origin() + ")"
                            : "absent: " + library.explanation());
        }
        line(
                "ready-made kernels",
                cuda.readyMade().isEmpty()
                        ? "none in this build; NVRTC compiles kernels at their first use"
                        : "compiled by NVRTC " + cuda.readyMade());
        for (CudaSurvey.Card gpu : cuda.gpus()) {
            String memory =
                    String.format(Locale.ROOT, "%.1f of %.1f GB free", gpu.freeBytes() / 1e9, gpu.totalBytes() / 1e9);
            line(
                    gpu.name(),
                    gpu.model() + ", compute capability " + gpu.capability() + ", "
                            + (gpu.problem().isEmpty() ? memory : "cannot be used: " + gpu.problem()));
        }
    }

    private void line(String what, String found) {
        spec.commandLine().getOut().println(String.format(Locale.ROOT, "%-20s %s", what, found));
    }

    /** Where JavaCPP unpacks native libraries. */
    private static String nativeCache() {
        String folder = System.getProperty(
                "org.bytedeco.javacpp.cachedir", System.getProperty("user.home") + "/.javacpp/cache");
        return folder + (Files.isDirectory(Path.of(folder)) ? "" : " (made at the first use)");
    }

    private static String huggingFaceCache() {
        Path folder = HuggingFaceCache.ofEnvironment().folder();
        return folder
                + (Files.isDirectory(folder) ? "" : " (there is none; models are given as folders or files then)");
    }

    private static String demoModel() {
        try {
            String folder = ModelOptions.orDemo(null);
            return Files.isDirectory(Path.of(folder)) ? folder : folder + " is missing; check the project out again";
        } catch (IllegalArgumentException e) {
            return "not known: " + e.getMessage();
        }
    }
}
