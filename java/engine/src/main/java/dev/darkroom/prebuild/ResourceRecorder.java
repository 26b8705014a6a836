package dev.darkroom.prebuild;

import dev.darkroom.cuda.GpuArchitecture;
import dev.darkroom.cuda.KernelVariant;
import dev.darkroom.cuda.OfflineCompiler;
import dev.darkroom.cuda.bind.Nvrtc;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.Set;

/**
 * Brings the record of kernels' resources up to date: what changed since is compiled anew, for every architecture. Interrupted, it goes on where it was.
 *
 * <p>A spill that the record does not have is an error and is not recorded, unless {@code --accept-spills} is given.
 */
public final class ResourceRecorder {
    private ResourceRecorder() {}

    /** Variants of bf16 differ from those of f16 in the names of two instructions: they are recorded for these alone. */
    private static final Set<GpuArchitecture> EVERY_TYPE = Set.of(GpuArchitecture.of(80), GpuArchitecture.of(90));

    private static final int BATCH = 16; // compilations between two writes of the record

    /** The variants of an architecture that the record has. */
    public static List<KernelVariant> recorded(GpuArchitecture architecture, PublishedModels models) {
        return models.variants(architecture).stream()
                .filter(variant ->
                        EVERY_TYPE.contains(architecture) || !variant.defines().contains("T=bf16"))
                .toList();
    }

    /** @param arguments the record, then folders of further models, and {@code --accept-spills} */
    public static void main(String[] arguments) throws IOException {
        List<String> given = new ArrayList<>(Arrays.asList(arguments));
        boolean accept = given.remove("--accept-spills");
        Path file = Path.of(given.remove(0));
        long begun = System.nanoTime();
        Nvrtc nvrtc = Nvrtc.forOtherMachines();
        KernelResources before = Files.exists(file) ? KernelResources.read(file) : KernelResources.empty("");
        Recording recording = new Recording(nvrtc, before);
        PublishedModels models = new PublishedModels(given);
        for (GpuArchitecture architecture : GpuArchitecture.ALL) {
            recording.add(architecture, recorded(architecture, models));
        }
        int count = recording.tasks.size();
        for (int from = 0; from < count; from += BATCH) {
            recording.compile(from, Math.min(count, from + BATCH));
            List<String> spills = recording.after.newSpills(before);
            if (!spills.isEmpty() && !accept) {
                spills.forEach(spill -> System.err.println("new spill: " + spill));
                System.err.println("avoid the spills, or accept them with --accept-spills");
                System.exit(1);
            }
            recording.after.write(file);
        }
        recording.after.write(file);
        System.out.printf(
                "%s: %d variants, %d compilations by NVRTC %s in %d s%n",
                file,
                recording.after.entries().size(),
                count,
                nvrtc.version(),
                (System.nanoTime() - begun) / 1_000_000_000L);
    }

    /** What is known, and what is to be compiled. */
    private static final class Recording {
        private final OfflineCompiler compiler;
        private final KernelResources before;
        private final KernelResources after;
        private final List<Task> tasks = new ArrayList<>();

        private record Task(KernelVariant variant, String sourceKey, GpuArchitecture architecture) {}

        Recording(Nvrtc nvrtc, KernelResources before) {
            this.compiler = new OfflineCompiler(nvrtc);
            this.before = before;
            this.after = KernelResources.empty("NVRTC " + nvrtc.version());
        }

        void add(GpuArchitecture architecture, Iterable<KernelVariant> variants) {
            for (KernelVariant variant : variants) {
                String key = OfflineCompiler.sourceKey(variant);
                Map<String, KernelResources.Usage> known = before.compiler().equals(after.compiler())
                        ? before.usages(variant, key, architecture.toString())
                        : Map.of();
                if (known.isEmpty()) {
                    tasks.add(new Task(variant, key, architecture));
                } else {
                    after.add(variant, key, architecture.toString(), known);
                }
            }
            tasks.sort(Comparator.comparing(task -> !EVERY_TYPE.contains(task.architecture))); // what matters most
        }

        void compile(int from, int to) {
            List<Task> some = tasks.subList(from, to);
            List<Map<String, KernelResources.Usage>> usages = some.parallelStream()
                    .map(task -> KernelResources.parse(compiler.report(task.variant, task.architecture)))
                    .toList();
            for (int i = 0; i < some.size(); i++) {
                Task task = some.get(i);
                after.add(task.variant, task.sourceKey, task.architecture.toString(), usages.get(i));
            }
        }
    }
}
