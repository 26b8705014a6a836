package dev.darkroom.pipeline;

import dev.darkroom.image.Picture;
import dev.darkroom.tensor.Device;
import dev.darkroom.tensor.Shape;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * Carries out jobs, and carries them out again in f32 where numbers overflowed a 16-bit type.
 *
 * <p>An image of a batch must not depend on its neighbours: where one of them overflowed, all are made alone, and only those that overflow in f32.
 */
public final class Generation {
    /**
     * What came of a job.
     *
     * @param pictures one for each prompt
     * @param latents  f32 [n, c, h, w], the last sample, in the U-Net's scale
     * @param decoded  f32 [n, 3, height, width], the pictures before they were clipped and rounded
     * @param warnings what had to be done again
     * @param timings  what took how long
     */
    public record Outcome(
            List<Picture> pictures, Values latents, Values decoded, List<String> warnings, Timings timings) {}

    /** Numbers of a shape, on the host. */
    public static final class Values {
        private final Shape shape;
        private final float[] values;

        Values(Shape shape, float[] values) {
            this.shape = shape;
            this.values = values;
        }

        public Shape shape() {
            return shape;
        }

        /** The numbers, row-major, as a new array. */
        public float[] toArray() {
            return values.clone();
        }

        /** One after the other along the first dimension. */
        static Values joined(List<Values> parts) {
            Shape one = parts.get(0).shape;
            int size = parts.get(0).values.length;
            float[] all = new float[parts.size() * size];
            for (int i = 0; i < parts.size(); i++) {
                System.arraycopy(parts.get(i).values, 0, all, i * size, size);
            }
            return new Values(Shape.of(parts.size(), one.dim(1), one.dim(2), one.dim(3)), all);
        }
    }

    private final Device device;
    private final LoadedModel base;
    private final @Nullable LoadedModel refiner;
    private final boolean sequential;
    private final AddOnNetworks addOns;

    /**
     * Jobs on one model, with all its networks in memory.
     *
     * @param addOns the networks that jobs use beside it
     */
    public Generation(Device device, LoadedModel model, AddOnNetworks addOns) {
        this(device, model, null, false, addOns);
    }

    /**
     * Jobs on a model and its refiner.
     *
     * @param refiner    null for none
     * @param sequential whether only the network at work is held in memory
     */
    Generation(
            Device device, LoadedModel base, @Nullable LoadedModel refiner, boolean sequential, AddOnNetworks addOns) {
        this.device = device;
        this.base = base;
        this.refiner = refiner;
        this.sequential = sequential;
        this.addOns = addOns;
    }

    /**
     * Runs a job.
     *
     * @throws CancelledException when the monitor asks for it
     * @throws NotFiniteException when numbers became infinite or none in f32 too; names the layer
     */
    public Outcome run(Job job, Monitor monitor) {
        try {
            return attempt(job, monitor);
        } catch (NotFiniteException e) {
            return job.images() == 1 ? wider(job, monitor, e) : alone(job, monitor);
        }
    }

    private Outcome attempt(Job job, Monitor monitor) {
        return new Attempt(device, job, base, refiner, sequential, addOns).run(monitor);
    }

    /** The only image of {@code job} once more, with the network that overflowed in f32. */
    private Outcome wider(Job job, Monitor monitor, NotFiniteException first) {
        NotFiniteException fault = first;
        List<String> warnings = new ArrayList<>();
        try {
            while (fault.widen()) {
                warnings.add(again(fault));
                try {
                    Outcome outcome = attempt(job, monitor);
                    warnings.addAll(outcome.warnings());
                    return new Outcome(
                            outcome.pictures(), outcome.latents(), outcome.decoded(), warnings, outcome.timings());
                } catch (NotFiniteException next) {
                    fault = next; // of another network, or in f32 as well
                }
            }
            throw fault;
        } finally {
            base.networks().restore();
            if (refiner != null) {
                refiner.networks().restore();
            }
        }
    }

    /** The images of {@code job} one by one. */
    private Outcome alone(Job job, Monitor monitor) {
        List<Outcome> outcomes = new ArrayList<>();
        for (int i = 0; i < job.images(); i++) {
            outcomes.add(run(job.only(i), monitor));
        }
        return new Outcome(
                outcomes.stream().flatMap(each -> each.pictures().stream()).toList(),
                Values.joined(outcomes.stream().map(Outcome::latents).toList()),
                Values.joined(outcomes.stream().map(Outcome::decoded).toList()),
                outcomes.stream().flatMap(each -> each.warnings().stream()).toList(),
                Timings.sum(outcomes.stream().map(Outcome::timings).toList()));
    }

    /** The warning that something is computed once more. */
    static String again(NotFiniteException fault) {
        return fault.where() + "; it was computed again in f32, which takes longer; --dtype f32 or bf16 spares that";
    }
}
