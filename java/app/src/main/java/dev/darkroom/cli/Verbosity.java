package dev.darkroom.cli;

import picocli.CommandLine.Option;

/** How much a command says. */
final class Verbosity {
    @Option(
            names = {"-v", "--verbose"},
            description = "Say more, and show where failures arose.")
    private boolean verbose;

    boolean isVerbose() {
        return verbose;
    }
}
