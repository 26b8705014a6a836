package dev.darkroom.bench.check;

import dev.darkroom.device.Devices;
import dev.darkroom.pipeline.NetworkBench;
import dev.darkroom.pipeline.Networks;
import dev.darkroom.tensor.DType;
import dev.darkroom.tensor.Device;
import dev.darkroom.weights.ModelFiles;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Stream;

/**
 * Runs the kernels of small networks once each, in every type, for whoever watches them. Each tensor has an allocation of its own, so that an access beside it
 * shows.
 *
 * <p>{@code KernelTour DEVICE FOLDER}, where FOLDER holds models.
 */
final class KernelTour {
    /** Said at the end. */
    static final String DONE = "the tour is done";

    private static final NetworkBench.Repeats ONCE = NetworkBench.Repeats.of(0, 1);
    private static final int BATCH = 2;
    private static final int LATENT = 8; // pixels, of latents; models of every depth can halve it

    private KernelTour() {}

    public static void main(String[] arguments) throws Exception {
        try (Stream<Path> folders = Files.list(Path.of(arguments[1]))) {
            for (Path model : folders.filter(folder -> Files.exists(folder.resolve("model_index.json")))
                    .sorted()
                    .toList()) {
                for (DType dtype : List.of(DType.F16, DType.BF16, DType.F32)) {
                    visit(arguments[0], model, dtype);
                }
            }
        }
        System.out.println(DONE);
    }

    private static void visit(String spec, Path model, DType dtype) {
        try (Device device = Devices.open(spec, 0)) {
            device.pool().setDirect(true);
            try (Networks networks = Networks.load(device, ModelFiles.open(model.toString()), dtype)) {
                NetworkBench bench = new NetworkBench(device, networks, dtype);
                bench.text(BATCH, ONCE);
                bench.unet(BATCH, LATENT, LATENT, ONCE);
                bench.vaeDecode(1, LATENT, LATENT, ONCE);
                System.out.println(model.getFileName() + " in " + dtype);
            }
        }
    }
}
