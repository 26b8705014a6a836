package dev.darkroom.pipeline;

import dev.darkroom.device.Devices;
import dev.darkroom.dry.DryDevice;
import dev.darkroom.tensor.DType;
import dev.darkroom.tensor.Ops;
import dev.darkroom.tensor.Scope;
import dev.darkroom.tensor.Shape;
import dev.darkroom.tensor.Tensor;
import java.util.List;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * What a job will take, found by running it on the dry device.
 *
 * @param peakBytes   the most memory that is live at once, weights included
 * @param weightBytes of the weights alone
 * @param textFlops   floating point operations of encoding the prompts
 * @param stepFlops   of one step
 * @param decodeFlops of decoding one picture
 */
public record Estimate(long peakBytes, long weightBytes, long textFlops, long stepFlops, long decodeFlops) {
    private static final int STEPS = 2; // the second begins with a full state, and with nothing to prepare

    /**
     * Of a job.
     *
     * @param refiner    null for none
     * @param sequential whether only the network at work is held in memory
     */
    static Estimate of(LoadedModel base, @Nullable LoadedModel refiner, Job asked, boolean sequential) {
        Job job = asked.with(asked.addOns().inAllSteps()); // the few steps that are tried are the largest then
        try (DryDevice device = Devices.dry(base.dtype());
                LoadedModel first = base.shapes(device);
                LoadedModel second = refiner == null ? null : refiner.shapes(device);
                AddOnNetworks addOns = AddOnNetworks.shapesOn(device);
                Scope scope = Scope.open(device, "request")) {
            addOns.load(job.addOns(), first.networks().unetConfig(), first.dtype());
            long weights = load(device, first, second);
            if (sequential) {
                addOns.keepOnly(Set.of());
                first.networks().releaseAllBut(null);
                if (second != null) {
                    second.networks().releaseAllBut(null);
                }
                device.pool().resetPeak();
            }
            Attempt attempt = new Attempt(device, job, first, second, sequential, addOns);
            return run(device, device.ops(scope), job, attempt, first, second, weights);
        }
    }

    /** What the weights take when all are loaded. */
    static long weightBytes(LoadedModel base, @Nullable LoadedModel refiner) {
        try (DryDevice device = Devices.dry(base.dtype());
                LoadedModel first = base.shapes(device);
                LoadedModel second = refiner == null ? null : refiner.shapes(device)) {
            return load(device, first, second);
        }
    }

    private static long load(DryDevice device, LoadedModel base, @Nullable LoadedModel refiner) {
        base.networks().load();
        if (refiner != null) {
            refiner.networks().loadForRefining();
        }
        return device.pool().statistics().live();
    }

    private static Estimate run(
            DryDevice device,
            Ops ops,
            Job job,
            Attempt attempt,
            LoadedModel base,
            @Nullable LoadedModel refiner,
            long weights) {
        PromptEmbeddings text = attempt.embed(ops, base);
        PromptEmbeddings refinerText = refiner == null ? null : attempt.embed(ops, refiner);
        long textFlops = flops(device);
        if (job.init().isPresent()) {
            ops.scoped("start", s -> {
                Tensor pixels = s.scope().allocate(Shape.of(1, job.height(), job.width(), 3), DType.U8);
                return attempt.encoded(s, pixels).mean();
            });
            device.tally().reset();
        }
        List<Tensor> state = List.of(ops.scope().allocate(attempt.latentShape(), DType.F32));
        long[] step = new long[1];
        if (job.refinerFrom() > 0) {
            state = steps(device, ops, attempt, attempt.denoiser(ops, base, text), state, 0, job.refinerFrom(), step);
        }
        if (refiner != null && refinerText != null) {
            Denoiser denoiser = attempt.denoiser(ops, refiner, refinerText);
            state = steps(
                    device,
                    ops,
                    attempt,
                    denoiser,
                    state,
                    job.refinerFrom(),
                    job.plan().steps().size(),
                    step);
        }
        attempt.decoded(ops, state.get(0).rows(0, 1));
        return new Estimate(device.pool().statistics().peak(), weights, textFlops, step[0], flops(device));
    }

    /** The first few of steps {@code from} to {@code to}; {@code flops} gets those of the last. */
    private static List<Tensor> steps(
            DryDevice device,
            Ops ops,
            Attempt attempt,
            Denoiser denoiser,
            List<Tensor> before,
            int from,
            int to,
            long[] flops) {
        List<Tensor> state = before.size() == 1 ? denoiser.begin(before.get(0)) : before;
        Noise noise = (s, shape) -> s.scope().allocate(shape, DType.F32);
        return denoiser.run(ops, state, from, Math.min(from + STEPS, to), noise, (i, sample, again) -> {
            flops[0] = flops(device);
            attempt.rehearsePreview(sample);
            device.tally().reset();
        });
    }

    private static long flops(DryDevice device) {
        long flops = device.tally().total().flops();
        device.tally().reset();
        return flops;
    }
}
