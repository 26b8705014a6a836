package dev.darkroom;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.regex.MatchResult;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;

@DisplayName("Each package names only packages that stand above it")
class LayerTest {
    private static final Path ROOT = Path.of(System.getProperty("darkroom.root"));
    private static final List<String> FOLDERS = List.of(
            "java/engine/src/main/java/dev/darkroom",
            "java/app/src/main/java/dev/darkroom",
            "weights-tools/src/main/java/dev/darkroom");
    private static final String NETWORKS =
            "models.clip models.unet models.controlnet models.adapter models.vae models.taesd";

    /** What each package may name. Whoever predicts a cost names dry, whose tally it reads; only device names a device that computes. */
    private static final Map<String, String> MAY_NAME = Map.ofEntries(
            Map.entry("tensor", ""),
            Map.entry("cpu", "tensor org.bytedeco org.lwjgl"),
            Map.entry("cuda.bind", "jcuda org.bytedeco org.lwjgl"),
            Map.entry("cuda", "tensor cuda.bind jcuda org.lwjgl"),
            Map.entry("dry", "tensor"),
            Map.entry("device", "tensor cpu cuda cuda.bind dry"),
            Map.entry("weights.pickle", ""),
            Map.entry("spelling", ""),
            Map.entry("weights", "tensor spelling weights.pickle"),
            Map.entry("tokenizer", ""),
            Map.entry("prompt", "tokenizer spelling"),
            Map.entry("image", "org.lwjgl"),
            Map.entry("nn", "tensor weights"),
            Map.entry("models.clip", "tensor weights nn"),
            Map.entry("models.unet", "tensor weights nn"),
            Map.entry("models.controlnet", "tensor weights nn models.unet"),
            Map.entry("models.adapter", "tensor weights nn models.unet"),
            Map.entry("models.vae", "tensor weights nn"),
            Map.entry("models.taesd", "tensor weights nn"),
            Map.entry("sampling", "tensor weights"),
            Map.entry("pipeline", "tensor dry device weights tokenizer prompt image nn sampling " + NETWORKS),
            Map.entry("reference", "tensor device weights tokenizer prompt image nn sampling pipeline " + NETWORKS),
            Map.entry("prebuild", "tensor cuda cuda.bind weights nn " + NETWORKS),
            Map.entry("cli", "tensor device weights tokenizer prompt image nn sampling pipeline reference " + NETWORKS),
            Map.entry("tools", "tensor dry device weights nn " + NETWORKS));

    private static final Pattern NAME =
            Pattern.compile("(?<!\")\\b(?:dev\\.darkroom\\.([a-z.]+[a-z])|(org\\.(?:bytedeco|lwjgl)|jcuda))\\b");

    @Test
    void holdsInEveryFile() throws IOException {
        List<String> breaches = new ArrayList<>();
        int files = 0;
        for (String folder : FOLDERS) {
            Path base = ROOT.resolve(folder);
            try (Stream<Path> sources =
                    Files.walk(base).filter(file -> file.toString().endsWith(".java"))) {
                for (Path file : sources.toList()) {
                    files++;
                    String own = base.relativize(file.getParent()).toString().replace('/', '.');
                    List<String> known = List.of(MAY_NAME.getOrDefault(own, "").split(" "));
                    named(file)
                            .filter(name -> !name.equals(own) && !known.contains(name))
                            .forEach(name -> breaches.add(file.getFileName() + " in " + own + " names " + name));
                }
            }
        }
        assertTrue(files > 100, "only " + files + " sources found under " + ROOT);
        assertEquals(List.of(), breaches);
    }

    private static Stream<String> named(Path file) throws IOException {
        List<MatchResult> names = NAME.matcher(Files.readString(file)).results().toList();
        return names.stream()
                .map(name -> name.group(1) != null ? name.group(1) : name.group(2))
                .distinct();
    }
}
