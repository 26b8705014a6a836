package dev.darkroom.tools;

import dev.darkroom.weights.CheckpointReport;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

/** Says what a checkpoint is and what it consists of. */
@Command(name = "inspect", description = "Says what a checkpoint consists of.")
final class InspectCommand implements Runnable {
    @Parameters(
            paramLabel = "MODEL",
            description = "A safetensors file, a diffusers folder, or org/name of the local Hugging Face cache.")
    private String model = "";

    @Option(names = "--json", description = "Write JSON instead of text.")
    private boolean json;

    @Spec
    private CommandSpec spec = CommandSpec.create();

    @Override
    public void run() {
        CheckpointReport report = CheckpointReport.of(model);
        spec.commandLine().getOut().print(json ? report.toJson().toPrettyString() + "\n" : report.toText());
        spec.commandLine().getOut().flush();
    }
}
