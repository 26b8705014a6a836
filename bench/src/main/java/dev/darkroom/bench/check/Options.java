package dev.darkroom.bench.check;

import java.util.List;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Option;

/** What the user asked for. */
final class Options {
    @Option(
            names = "--out",
            paramLabel = "DIR",
            description = "Where report, records and logs go. Default: gpu-check-DATE here, or in the folder of temporary files.")
    @Nullable
    String out;

    @Option(names = "--device", defaultValue = "cuda", description = "cuda or cuda:N. Default: ${DEFAULT-VALUE}.")
    String device = "cuda";

    @Option(names = "--only", split = ",", paramLabel = "STAGE", description = "Only these stages.")
    List<String> only = List.of();

    @Option(names = "--skip", split = ",", paramLabel = "STAGE", description = "All stages but these.")
    List<String> skip = List.of();

    @Option(
            names = "--short",
            description = "Small shapes and small models, whose times are no records. Always so on the software device.")
    boolean isShort;

    @Option(
            names = "--limit",
            paramLabel = "SECONDS",
            description = "Of the whole run; stages get shares of it. Default: ${DEFAULT-VALUE}.",
            defaultValue = "530")
    int limit = 530;

    @Option(
            names = "--python",
            paramLabel = "FILE",
            defaultValue = "python3",
            description = "A Python that has torch, to be measured against. Default: ${DEFAULT-VALUE}.")
    String python = "python3";

    @Option(names = "--list", description = "List the stages and end.")
    boolean list;
}
