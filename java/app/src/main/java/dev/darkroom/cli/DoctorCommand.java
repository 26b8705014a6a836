package dev.darkroom.cli;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
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
        if (json) {
            spec.commandLine().getOut().println(report);
        } else {
            print(report, devices);
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
