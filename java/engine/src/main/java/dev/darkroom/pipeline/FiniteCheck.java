package dev.darkroom.pipeline;

import dev.darkroom.tensor.Device;
import dev.darkroom.tensor.Ops;
import dev.darkroom.tensor.Scope;
import dev.darkroom.tensor.Tensor;
import java.util.List;

/**
 * Refuses numbers that are infinite or none, and finds the layer that they arise in: what made them is computed once more, and the first scope to return
 * such numbers is named. Computing is the same each time, so that they arise there again.
 */
final class FiniteCheck {
    private FiniteCheck() {}

    /**
     * Waits for {@code results} and looks through them.
     *
     * @param task  of the network they come from
     * @param when  for the message: "at step 3 of 20"
     * @param again computes the same once more
     * @throws NotFiniteException when there is such a number
     */
    static void require(
            Device device, List<Tensor> results, Networks networks, Networks.Task task, String when, Runnable again) {
        int broken = results.stream().mapToInt(each -> count(device, each)).sum();
        if (broken > 0) {
            throw new NotFiniteException(
                    networks,
                    task,
                    broken + " numbers became infinite or not a number " + when + ", first in " + layer(device, again));
        }
    }

    /** How many of the numbers are infinite or none. */
    private static int count(Device device, Tensor x) {
        try (Scope scope = Scope.open(device, "finite")) {
            Ops ops = device.ops(scope);
            return (int) ops.countNonFinite(x).toHost()[0];
        }
    }

    private static String layer(Device device, Runnable again) {
        Device.ScopeListener outer = device.observer();
        String[] first = {"what follows it"};
        boolean[] found = {false};
        device.observe((path, result) -> {
            if (!found[0] && result.dtype().isFloating() && count(device, result) > 0) {
                found[0] = true;
                first[0] = fromNetwork(path);
            }
        });
        try {
            again.run();
        } finally {
            device.observe(outer);
        }
        return first[0];
    }

    /** A scope's path from the network on: {@code request/denoise/steps.2/step/predict/unet/mid_block} is {@code unet/mid_block}. */
    private static String fromNetwork(String path) {
        for (String root : List.of("/unet", "/controlnet", "/adapter", "/vae", "/taesd", "/text_model")) {
            int at = path.indexOf(root);
            if (at >= 0) {
                return path.substring(at + 1);
            }
        }
        return path;
    }
}
