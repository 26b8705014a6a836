package dev.darkroom.cli;

import dev.darkroom.device.DeviceUnavailableException;
import dev.darkroom.image.ImageException;
import dev.darkroom.pipeline.CancelledException;
import dev.darkroom.pipeline.NotFiniteException;
import dev.darkroom.tensor.DeviceException;
import dev.darkroom.weights.WeightsException;
import java.io.PrintWriter;
import picocli.CommandLine;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.ParseResult;

/** Turns failures into one line and an exit code; stack traces are for our own faults, and for {@code --verbose}. */
final class Failures {
    static final int FAULT = 1;
    static final int BAD_INPUT = 2;
    static final int DEVICE_FAILED = 3;
    static final int INTERRUPTED = 130;

    private Failures() {}

    static int badArguments(ParameterException e, String[] arguments) {
        PrintWriter err = e.getCommandLine().getErr();
        message(err, e);
        CommandLine.UnmatchedArgumentException.printSuggestions(e, err);
        err.println("darkroom: see \"" + e.getCommandLine().getCommandSpec().qualifiedName() + " --help\"");
        return BAD_INPUT;
    }

    static int failed(Exception e, CommandLine command, ParseResult arguments) {
        PrintWriter err = command.getErr();
        if (e instanceof CancelledException) {
            err.println("darkroom: " + e.getMessage() + "; nothing was written");
            return INTERRUPTED;
        }
        message(err, e);
        boolean ours = !isBadInput(e) && !isDeviceFailure(e);
        if (ours) {
            err.println("darkroom: this is a fault of Darkroom; please report it with what follows");
        }
        if (ours || Main.isVerbose(command.getCommandSpec())) {
            e.printStackTrace(err);
        }
        return ours ? FAULT : isDeviceFailure(e) ? DEVICE_FAILED : BAD_INPUT;
    }

    private static void message(PrintWriter err, Exception e) {
        err.println("darkroom: error: " + (e.getMessage() == null ? e.toString() : e.getMessage()));
    }

    private static boolean isBadInput(Exception e) {
        return e instanceof IllegalArgumentException
                || e instanceof WeightsException
                || e instanceof ImageException
                || e instanceof NotFiniteException; // weights that are damaged, or a type too small for them
    }

    private static boolean isDeviceFailure(Exception e) {
        return e instanceof DeviceUnavailableException || e instanceof DeviceException;
    }
}
