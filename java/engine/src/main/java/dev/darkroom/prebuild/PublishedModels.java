package dev.darkroom.prebuild;

import com.fasterxml.jackson.databind.JsonNode;
import dev.darkroom.cuda.GpuArchitecture;
import dev.darkroom.cuda.KernelPlan;
import dev.darkroom.cuda.KernelVariant;
import dev.darkroom.tensor.DType;
import dev.darkroom.tensor.Device;
import dev.darkroom.weights.ModelFamily;
import dev.darkroom.weights.ModelFiles;
import dev.darkroom.weights.PublishedConfigs;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;
import java.util.function.Function;

/**
 * The kernels that models launch: Stable Diffusion 1.5, 2.1 and SDXL, and models in folders, at their own sizes.
 *
 * <p>Found by running the networks on a {@link KernelPlan}, so that no list has to be kept.
 */
public final class PublishedModels {
    private final List<Model> models = new ArrayList<>();

    /**
     * What a model consists of.
     *
     * @param title   for messages
     * @param side    height and width of its latents
     * @param configs of its components by name
     */
    public record Model(
            String title, ModelFamily family, int side, List<String> components, Function<String, JsonNode> configs) {}

    /** @param folders of further models */
    public PublishedModels(List<String> folders) {
        for (ModelFamily family : ModelFamily.values()) {
            models.add(published(family));
        }
        for (String folder : folders) {
            ModelFiles files = ModelFiles.open(folder);
            List<String> components = PublishedConfigs.components(files.family());
            int side = files.config("unet").path("sample_size").asInt();
            models.add(new Model(files.location(), files.family(), side, components, files::config));
        }
    }

    /** A family's published model at its own size. */
    public static Model published(ModelFamily family) {
        return new Model(
                family.title(),
                family,
                PublishedConfigs.of(family, "unet").path("sample_size").asInt(),
                PublishedConfigs.components(family),
                component -> PublishedConfigs.of(family, component));
    }

    /** All variants that GPUs of an architecture are given, in a fixed order. */
    public Set<KernelVariant> variants(GpuArchitecture architecture) {
        Set<KernelVariant> variants = new TreeSet<>(Comparator.comparing(KernelVariant::toString));
        for (int multiprocessors : sizes(architecture)) {
            KernelPlan plan = KernelPlan.on(architecture.capability(), multiprocessors);
            try (Device device = plan.device()) {
                for (Model model : models) {
                    types(architecture).forEach(dtype -> new ModelRehearsal(device, model, dtype).run());
                }
            }
            variants.addAll(plan.variants());
        }
        return variants;
    }

    /** Multiprocessors of a small and of a large GPU of an architecture: by them tiles are chosen. */
    private static List<Integer> sizes(GpuArchitecture architecture) {
        return switch (architecture.capability()) {
            case 75 -> List.of(24, 72);
            case 80 -> List.of(56, 108);
            case 86 -> List.of(28, 84);
            case 89 -> List.of(24, 128);
            case 90 -> List.of(132);
            case 100 -> List.of(148);
            default -> List.of(48, 170);
        };
    }

    private static List<DType> types(GpuArchitecture architecture) {
        return architecture.capability() < 80
                ? List.of(DType.F16, DType.F32)
                : List.of(DType.F16, DType.BF16, DType.F32);
    }
}
