package dev.darkroom.bench.check;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;

/**
 * The Python with torch that the engine is measured against, where there is one.
 *
 * @param python  the program
 * @param facts   version of torch and CUDA
 * @param absence why there is nothing to measure against; empty where there is
 */
record Torch(String python, JsonNode facts, String absence) {
    private static final String QUESTION =
            "import json, torch; print(json.dumps({'torch': torch.__version__, 'cuda': torch.version.cuda, 'usable': torch.cuda.is_available()}))";

    static Torch find(StageRun run, String script) throws IOException, InterruptedException {
        String name = run.session().options().python;
        Path program = name.contains("/") ? Path.of(name).toAbsolutePath() : Installation.program(name);
        if (program == null || !Files.isExecutable(program)) {
            return absent(name + " is not there; --python names a Python that has torch");
        }
        String missing = run.missing(run.installation().root().resolve("bench/peers").resolve(script));
        if (!missing.isEmpty()) {
            return absent(missing);
        }
        ChildProcess.Ended ended = run.run("torch", List.of(program.toString(), "-c", QUESTION), 60);
        String output = ended.output().strip();
        int begin = output.lastIndexOf('{'); // what torch says besides comes before
        if (!ended.isGood() || begin < 0) {
            return absent(program + " has no torch: " + lastLine(ended.everything()));
        }
        JsonNode facts = new ObjectMapper().readTree(output.substring(begin));
        return facts.path("usable").asBoolean()
                ? new Torch(program.toString(), facts, "")
                : absent("torch " + facts.path("torch").asText() + " of " + program + " cannot use the GPU");
    }

    private static Torch absent(String why) {
        return new Torch("", new ObjectMapper().missingNode(), why);
    }

    private static String lastLine(String said) {
        return said.lines().filter(line -> !line.isBlank()).reduce((a, b) -> b).orElse("it said nothing");
    }

    boolean isHere() {
        return absence.isEmpty();
    }
}
