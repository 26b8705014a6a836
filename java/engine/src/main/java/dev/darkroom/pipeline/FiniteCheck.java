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
     * @param ops   of the request
     * @param task  of the network they come from
     * @param when  for the message: "at step 3 of 20"
     * @param again computes the same once more
     * @throws NotFiniteException when there is such a number
     */
    static void require(
            Ops ops, List<Tensor> results, Networks networks, Networks.Task task, String when, Runnable again) {
        int broken = results.stream().mapToInt(each -> count(ops, each)).sum();
        if (broken > 0) {
            throw new NotFiniteException(
                    networks,
                    task,
                    broken + " numbers became infinite or not a number " + when + ", first in " + layer(ops, again));
        }
    }

    /** How many of the numbers are infinite or none. */
    private static int count(Ops ops, Tensor x) {
        try (Scope scope = ops.scope().child("finite")) {
            return (int) ops.in(scope).countNonFinite(x).toHost()[0];
        }
    }

    private static String layer(Ops ops, Runnable again) {
        Device device = ops.device();
        Device.ScopeListener outer = device.observer();
        String[] first = {"what follows it"};
        boolean[] found = {false};
        device.observe((path, result) -> {
            if (!found[0] && result.dtype().isFloating() && count(ops, result) > 0) {
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
