package dev.darkroom.pipeline;

import dev.darkroom.device.Devices;
import dev.darkroom.dry.DryDevice;
import dev.darkroom.models.unet.Conditioning;
import dev.darkroom.tensor.DType;
import dev.darkroom.tensor.Ops;
import dev.darkroom.tensor.Scope;
import dev.darkroom.tensor.Shape;
import dev.darkroom.tensor.Tensor;
import dev.darkroom.tokenizer.ClipTokenizer;
import dev.darkroom.weights.ModelFiles;
import java.util.List;

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

    static Estimate of(ModelFiles model, List<ClipTokenizer> tokenizers, DType dtype, Job job) {
        try (DryDevice device = Devices.dry(dtype);
                Networks networks = Networks.shapesOf(device, model, dtype);
                Scope scope = Scope.open(device, "request")) {
            long weights = device.pool().statistics().live();
            Generation generation = new Generation(device, networks, tokenizers, model.family());
            Ops ops = device.ops(scope);
            Conditioning conditioning = generation.condition(ops, job);
            long text = flops(device);
            if (job.init().isPresent()) {
                encode(networks, ops, job);
                device.tally().reset();
            }
            Tensor start = scope.allocate(generation.latentShape(job), DType.F32);
            long[] step = new long[1];
            Tensor last = new Denoiser(networks.unet(), conditioning, job)
                    .run(
                            ops,
                            start,
                            Math.min(STEPS, job.plan().steps().size()),
                            (s, shape) -> s.scope().allocate(shape, DType.F32),
                            (i, sample) -> step[0] = flops(device));
            generation.decoded(ops, last.rows(0, 1));
            long decode = flops(device);
            return new Estimate(device.pool().statistics().peak(), weights, text, step[0], decode);
        }
    }

    private static void encode(Networks networks, Ops ops, Job job) {
        ops.scoped("start", s -> {
            Tensor picture = s.scope().allocate(Shape.of(1, job.height(), job.width(), 3), DType.U8);
            return networks.vae()
                    .encode(s, s.fromPixels(picture, networks.vae().dtype()))
                    .mean();
        });
    }

    private static long flops(DryDevice device) {
        long flops = device.tally().total().flops();
        device.tally().reset();
        return flops;
    }
}
