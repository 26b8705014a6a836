package dev.darkroom.bench.check;

import dev.darkroom.device.Devices;
import dev.darkroom.pipeline.NetworkBench;
import dev.darkroom.pipeline.Networks;
import dev.darkroom.tensor.DType;
import dev.darkroom.tensor.Device;
import dev.darkroom.weights.ModelFiles;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Stream;

/**
 * Runs the kernels of small networks once each, in every type, for whoever watches them. Each tensor has an allocation of its own, so that an access beside it
 * shows.
 *
 * <p>{@code KernelTour DEVICE FOLDER [TYPE]}, where FOLDER holds models, or is one.
 */
final class KernelTour {
    /** Said at the end. */
    static final String DONE = "the tour is done";

    private static final NetworkBench.Repeats ONCE = NetworkBench.Repeats.of(0, 1);
    private static final int BATCH = 2;
    private static final int LATENT = 8; // pixels, of latents; models of every depth can halve it

    private KernelTour() {}

    public static void main(String[] arguments) throws IOException {
        Path folder = Path.of(arguments[1]);
        List<DType> types = arguments.length > 2
                ? List.of(DType.parse(arguments[2]))
                : List.of(DType.F16, DType.BF16, DType.F32);
        for (Path model : isModel(folder) ? List.of(folder) : models(folder)) {
            for (DType dtype : types) {
                visit(arguments[0], model, dtype);
            }
        }
        System.out.println(DONE);
    }

    private static List<Path> models(Path folder) throws IOException {
        try (Stream<Path> folders = Files.list(folder)) {
            return folders.filter(KernelTour::isModel).sorted().toList();
        }
    }

    private static boolean isModel(Path folder) {
        return Files.exists(folder.resolve("model_index.json"));
    }

    private static void visit(String spec, Path model, DType dtype) {
        try (Device device = Devices.open(spec, 0)) {
            device.pool().setDirect(true);
            try (Networks networks = Networks.of(device, ModelFiles.open(model.toString()), dtype)) {
                NetworkBench bench = new NetworkBench(device, networks, dtype);
                bench.text(BATCH, ONCE);
                bench.unet(BATCH, LATENT, LATENT, ONCE);
                bench.vaeDecode(1, LATENT, LATENT, ONCE);
                System.out.println(model.getFileName() + " in " + dtype);
            }
        }
    }
}
