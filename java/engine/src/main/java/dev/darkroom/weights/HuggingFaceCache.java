package dev.darkroom.weights;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * The local cache of the Hugging Face tools, read offline: {@code models--ORG--NAME/refs/REVISION} holds a commit,
 * {@code models--ORG--NAME/snapshots/COMMIT} its files.
 */
public final class HuggingFaceCache {
    private static final Pattern MODEL = Pattern.compile("(\\w[\\w.-]*)/(\\w[\\w.-]*)(?:@(\\w[\\w.-]*))?");

    private final Path root;

    private HuggingFaceCache(Path root) {
        this.root = root;
    }

    /** The cache that this process's environment points to. */
    public static HuggingFaceCache ofEnvironment() {
        return of(System.getenv(), Path.of(System.getProperty("user.home")));
    }

    /**
     * The cache that an environment points to: {@code HF_HUB_CACHE}, else {@code HF_HOME/hub}, else
     * {@code XDG_CACHE_HOME/huggingface/hub}, else {@code ~/.cache/huggingface/hub}.
     */
    public static HuggingFaceCache of(Map<String, String> environment, Path home) {
        String hub = environment.get("HF_HUB_CACHE");
        if (hub != null && !hub.isEmpty()) {
            return new HuggingFaceCache(Path.of(hub));
        }
        String tools = environment.get("HF_HOME");
        if (tools != null && !tools.isEmpty()) {
            return new HuggingFaceCache(Path.of(tools, "hub"));
        }
        String caches = environment.get("XDG_CACHE_HOME");
        Path cache = caches != null && !caches.isEmpty() ? Path.of(caches) : home.resolve(".cache");
        return new HuggingFaceCache(cache.resolve("huggingface").resolve("hub"));
    }

    /** Where the cache lies, whether or not there is one. */
    public Path folder() {
        return root;
    }

    /** Whether {@code spec} has the form {@code org/name} or {@code org/name@revision}. */
    static boolean isModelName(String spec) {
        return MODEL.matcher(spec).matches();
    }

    /**
     * The folder of the model {@code org/name} (revision {@code main}) or {@code org/name@revision}.
     *
     * @throws WeightsException when it is not in the cache; the message says where it was looked for
     */
    public Path snapshot(String spec) {
        Matcher name = MODEL.matcher(spec);
        if (!name.matches()) {
            throw new WeightsException("\"" + spec + "\" is not of the form org/name or org/name@revision");
        }
        Path model = root.resolve("models--" + name.group(1) + "--" + name.group(2));
        if (!Files.isDirectory(model)) {
            throw new WeightsException("there is no folder or file \"" + spec
                    + "\", and the Hugging Face cache has no model of" + " this name: looked for " + model
                    + "; download it, or set HF_HOME or HF_HUB_CACHE to the cache that has it");
        }
        String revision = name.group(3) == null ? "main" : name.group(3);
        Path ref = model.resolve("refs").resolve(revision);
        Path snapshot = model.resolve("snapshots").resolve(Files.isRegularFile(ref) ? commit(ref) : revision);
        if (!Files.isDirectory(snapshot)) {
            throw new WeightsException(model + " has no snapshot of revision \"" + revision + "\": looked for " + ref
                    + " and " + snapshot + "; download it again");
        }
        return snapshot;
    }

    private static String commit(Path ref) {
        try {
            String commit = Files.readString(ref).strip();
            if (!commit.matches("\\w+")) {
                throw new WeightsException(ref + " does not hold a commit; download the model again");
            }
            return commit;
        } catch (IOException e) {
            throw new WeightsException(ref + " cannot be read: " + e.getMessage(), e);
        }
    }
}
