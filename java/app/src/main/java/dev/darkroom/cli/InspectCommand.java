package dev.darkroom.cli;

import dev.darkroom.weights.CheckpointReport;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

/** Says what a checkpoint is. */
@Command(
        name = "inspect",
        mixinStandardHelpOptions = true,
        description = "Says what a checkpoint is and what it consists of.")
final class InspectCommand implements Callable<Integer> {
    @Parameters(arity = "0..1", paramLabel = "MODEL", description = "The same as --model.")
    private @Nullable String place;

    @Option(
            names = {"-m", "--model"},
            description =
                    "A folder, a .safetensors file, or org/name of the local Hugging Face cache. Default: the demo model.")
    private @Nullable String option;

    @Option(names = "--json", description = "Write one JSON object.")
    private boolean json;

    @Spec
    private CommandSpec spec = CommandSpec.create();

    @Override
    public Integer call() {
        String model = place != null ? place : ModelOptions.orDemo(option);
        CheckpointReport report = CheckpointReport.of(model);
        spec.commandLine().getOut().print(json ? report.toJson().toPrettyString() + "\n" : report.toText());
        spec.commandLine().getOut().flush();
        return 0;
    }
}
