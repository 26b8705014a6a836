package dev.darkroom.cli;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.darkroom.device.Devices;
import dev.darkroom.reference.CaseResult;
import dev.darkroom.reference.Verifier;
import dev.darkroom.tensor.DType;
import dev.darkroom.tensor.Device;
import java.io.PrintWriter;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.EnumMap;
import java.util.Iterator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

/** Compares our numbers with a reference set. */
@Command(
        name = "verify",
        mixinStandardHelpOptions = true,
        description = "Runs networks, samplers and pipelines on a reference set and compares tensor by tensor.")
final class VerifyCommand implements Callable<Integer> {
    @Parameters(paramLabel = "DIR", description = "The reference set: groups such as unet/ with an index.json each.")
    private Path directory = Path.of("");

    @Option(
            names = "--group",
            split = ",",
            paramLabel = "NAME",
            description = "Only these groups: ${COMPLETION-CANDIDATES}.",
            completionCandidates = Groups.class)
    private List<String> groups = new ArrayList<>();

    @Mixin
    private final DeviceOptions where = new DeviceOptions();

    @Option(names = "--json", description = "Write one JSON object.")
    private boolean json;

    @Spec
    private CommandSpec spec = CommandSpec.create();

    /** Lists the groups in the help. */
    static final class Groups implements Iterable<String> {
        @Override
        public Iterator<String> iterator() {
            return Verifier.groupNames().iterator();
        }
    }

    @Override
    public Integer call() {
        PrintWriter out = spec.commandLine().getOut();
        List<CaseResult> results = new ArrayList<>();
        Verifier verifier = new Verifier(directory);
        String description;
        try (Device device = Devices.open(where.device(), where.threads())) {
            DType given = where.dtype();
            DType dtype = given == null ? DType.F32 : given;
            description = device.name() + ", " + dtype;
            verifier.run(groups, device, dtype, result -> {
                results.add(result);
                if (!json) {
                    out.println(row(result));
                }
            });
        }
        boolean failed = results.stream().anyMatch(result -> result.status() == CaseResult.Status.FAIL);
        boolean compared = results.stream().anyMatch(result -> result.status() != CaseResult.Status.SKIPPED);
        if (json) {
            out.println(toJson(results, description));
        } else {
            summary(results, description).forEach(out::println);
        }
        return failed || !compared ? Failures.FAULT : 0;
    }

    private static String row(CaseResult result) {
        String place =
                String.join(" ", result.group(), result.file(), result.tensor()).strip();
        String numbers = Double.isNaN(result.tolerance()) || result.tolerance() == 0
                ? ""
                : String.format(
                        Locale.ROOT,
                        "max %.2e  rms %.2e  limit %.1e",
                        result.maxError(),
                        result.rmsError(),
                        result.tolerance());
        return String.format(
                        Locale.ROOT,
                        "%-7s  %-64s  %s%s",
                        result.status().name().toLowerCase(Locale.ROOT),
                        place,
                        numbers,
                        result.detail().isEmpty() ? "" : "  " + result.detail())
                .stripTrailing();
    }

    private static List<String> summary(List<CaseResult> results, String description) {
        Map<String, Map<CaseResult.Status, Integer>> counts = new LinkedHashMap<>();
        for (CaseResult result : results) {
            for (String row : List.of(result.group(), "all")) {
                counts.computeIfAbsent(row, group -> new EnumMap<>(CaseResult.Status.class))
                        .merge(result.status(), 1, Integer::sum);
            }
        }
        Map<CaseResult.Status, Integer> all = counts.remove("all");
        if (all != null) {
            counts.put("all", all); // last
        }
        List<String> lines = new ArrayList<>(List.of("", "summary (" + description + ")"));
        counts.forEach((group, n) -> lines.add(String.format(
                Locale.ROOT,
                "  %-12s %4d passed  %3d failed  %3d skipped",
                group,
                n.getOrDefault(CaseResult.Status.PASS, 0),
                n.getOrDefault(CaseResult.Status.FAIL, 0),
                n.getOrDefault(CaseResult.Status.SKIPPED, 0))));
        return lines;
    }

    private static ObjectNode toJson(List<CaseResult> results, String description) {
        ObjectMapper mapper = new ObjectMapper();
        ObjectNode object = mapper.createObjectNode().put("device", description);
        ArrayNode cases = object.putArray("cases");
        for (CaseResult result : results) {
            cases.addObject()
                    .put("group", result.group())
                    .put("file", result.file())
                    .put("tensor", result.tensor())
                    .put("status", result.status().name().toLowerCase(Locale.ROOT))
                    .put("max_error", finite(result.maxError()))
                    .put("rms_error", finite(result.rmsError()))
                    .put("tolerance", finite(result.tolerance()))
                    .put("detail", result.detail());
        }
        for (CaseResult.Status status : CaseResult.Status.values()) {
            long count =
                    results.stream().filter(result -> result.status() == status).count();
            object.put(status.name().toLowerCase(Locale.ROOT), count);
        }
        return object;
    }

    /** JSON knows no NaN. */
    private static @Nullable Double finite(double value) {
        return Double.isFinite(value) ? Double.valueOf(value) : null;
    }
}
