package dev.darkroom.cli;

import dev.darkroom.pipeline.Darkroom;
import java.io.PrintWriter;
import java.nio.charset.StandardCharsets;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.HelpCommand;
import picocli.CommandLine.IVersionProvider;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ScopeType;

/** The command {@code darkroom}. */
@Command(
        name = "darkroom",
        mixinStandardHelpOptions = true,
        versionProvider = Main.Version.class,
        description = "Makes pictures from texts with Stable Diffusion, on the JVM.",
        synopsisSubcommandLabel = "COMMAND",
        subcommands = {
            TextToImageCommand.class,
            ImageToImageCommand.class,
            VerifyCommand.class,
            InspectCommand.class,
            DoctorCommand.class,
            ClipCommand.class,
            BenchCommand.class,
            HelpCommand.class
        },
        footer = {
            "",
            "Examples:",
            "  darkroom txt2img -p \"a green tree on a sunny day\" -o tree.png",
            "  darkroom img2img -i tree.png -p \"a tree at night\" --strength 0.6 -o night.png",
            "  darkroom txt2img -m FOLDER_OR_FILE -p \"a lighthouse\" --sampling-method \"DPM++ 2M\" --schedule karras -s 7",
            "  darkroom verify tests/reference",
            "",
            "Exit codes: 0 done, 1 a fault of this program or a comparison that failed, 2 bad input, 3 a device that failed, 130 interrupted."
        })
public final class Main {
    @Option(
            names = {"-v", "--verbose"},
            scope = ScopeType.INHERIT,
            description = "Say more, and show where failures arose.")
    private boolean verbose;

    private Main() {}

    public static void main(String[] arguments) {
        System.setProperty(
                "java.util.logging.SimpleFormatter.format", "darkroom: %5$s%n"); // the engine's log, a line each
        PrintWriter out = new PrintWriter(System.out, true, StandardCharsets.UTF_8);
        PrintWriter err = new PrintWriter(System.err, true, StandardCharsets.UTF_8);
        Interruption interruption = Interruption.install();
        int code = run(out, err, arguments);
        interruption.finished();
        if (!interruption.isRequested()) { // otherwise the JVM is on its way out with the signal's code
            System.exit(code);
        }
    }

    /** Runs one command and returns its exit code. */
    public static int run(PrintWriter out, PrintWriter err, String... arguments) {
        CommandLine command = new CommandLine(new Main())
                .setOut(out)
                .setErr(err)
                .setCaseInsensitiveEnumValuesAllowed(true)
                .setUsageHelpAutoWidth(true)
                .setParameterExceptionHandler(Failures::badArguments)
                .setExecutionExceptionHandler(Failures::failed);
        return arguments.length == 0 ? command.execute("--help") : command.execute(arguments);
    }

    /** Whether the user asked for more, before or after the command's name. */
    static boolean isVerbose(CommandSpec spec) {
        return ((Main) spec.root().userObject()).verbose;
    }

    /** Gives {@code --version} its text. */
    static final class Version implements IVersionProvider {
        @Override
        public String[] getVersion() {
            return new String[] {"Darkroom " + Darkroom.version()};
        }
    }
}
