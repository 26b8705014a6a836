package dev.darkroom.pipeline;

import dev.darkroom.models.unet.Conditioning;
import dev.darkroom.models.unet.TimeTable;
import dev.darkroom.models.unet.UNet;
import dev.darkroom.models.unet.UNetConfig;
import dev.darkroom.sampling.AdaptiveSolver;
import dev.darkroom.sampling.SamplingPlan;
import dev.darkroom.sampling.StepSums;
import dev.darkroom.tensor.Ops;
import dev.darkroom.tensor.Recording;
import dev.darkroom.tensor.Shape;
import dev.darkroom.tensor.Tensor;
import java.util.ArrayList;
import java.util.Collections;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.OptionalDouble;
import java.util.stream.IntStream;
import java.util.stream.Stream;

/** Carries out a sampling plan on tensors, or some steps of it, with a U-Net as its model. */
final class Denoiser {
    /** Called after each model call. */
    @FunctionalInterface
    interface StepListener {
        /**
         * A step was queued.
         *
         * @param sample f32 [n, h, w, c]
         * @param again  queues the step once more, operation by operation where the device is observed
         */
        void done(int step, Tensor sample, Runnable again);
    }

    private final UNet unet;
    private final Guidance guidance;
    private final Job job;
    private final Guides guides;
    private final SamplingPlan plan;
    private final StepSums sums;
    private final boolean drawsNoise;

    /** @param conditioning of the negative prompts and the prompts where there is guidance, else of the prompts; the same for all steps */
    Denoiser(UNet unet, Conditioning conditioning, Job job) {
        this(unet, Guidance.of(conditioning, isGuided(unet.config(), job)), job);
    }

    Denoiser(UNet unet, Guidance guidance, Job job) {
        this(unet, guidance, job, Guides.NONE);
    }

    /** Guided by pictures, too. */
    Denoiser(UNet unet, Guidance guidance, Job job, Guides guides) {
        this(unet, guidance, job, guides, job.plan());
    }

    /** @param plan to be carried out in the place of the job's, by the texts alone */
    Denoiser(UNet unet, Guidance guidance, Job job, SamplingPlan plan) {
        this(unet, guidance, job, Guides.NONE, plan);
    }

    private Denoiser(UNet unet, Guidance guidance, Job job, Guides guides, SamplingPlan plan) {
        this.unet = unet;
        this.guidance = guidance;
        this.job = job;
        this.guides = guides;
        this.plan = plan;
        this.sums = StepSums.of(plan);
        this.drawsNoise = plan.steps().stream().anyMatch(SamplingPlan.Step::drawsNoise);
    }

    /** Whether a job's predictions are made twice, without and with the prompt. Distilled models take guidance as an input instead. */
    static boolean isGuided(UNetConfig unet, Job job) {
        return job.guidance() > 1 && unet.guidanceWidth() == 0;
    }

    /** start f32 [n, h, w, c] → the last sample. */
    Tensor run(Ops ops, Tensor start, StepListener listener) {
        return plan.adaptive() == null
                ? run(ops, begin(start), job.noise().get(), listener).get(0)
                : adapt(ops, start, job.noise().get(), listener);
    }

    /** start f32 [1, h, w, c] → the last sample, of a plan that goes by the error it makes. */
    Tensor adapt(Ops ops, Tensor start, Noise noise, StepListener listener) {
        AdaptiveSolver solver = Objects.requireNonNull(plan.adaptive());
        if (guidance.switches()) {
            throw new InvalidRequestException(
                    "the prompt changes between steps, and DPM adaptive has none that are known before;"
                            + " choose another sampler, or a prompt without [a:b:0.5] and [a|b]");
        }
        return new AdaptiveDenoiser(unet, guidance, job, solver, noise).run(ops, start, listener);
    }

    /** Where {@code slot} is in the state. */
    int index(int slot) {
        return sums.state().indexOf(slot);
    }

    /** The state that the first step takes: the sample, and history, which is written before it is read. */
    List<Tensor> begin(Tensor start) {
        return Collections.nCopies(sums.state().size(), start);
    }

    /** All steps: the state before them → the state after them. */
    List<Tensor> run(Ops ops, List<Tensor> before, Noise noise, StepListener listener) {
        return run(ops, before, 0, sums.steps(), noise, listener);
    }

    /**
     * Steps {@code from} to {@code to}, the latter not included: the state before them → the state after them, of which the first tensor is the sample.
     * What is left of the steps may be taken by another U-Net.
     */
    List<Tensor> run(Ops ops, List<Tensor> before, int from, int to, Noise noise, StepListener listener) {
        return ops.scopedAll("denoise", s -> {
            List<TimeTable> tables = times(s);
            int[] rows = rows();
            List<DenoisingStep.Form> forms =
                    IntStream.range(0, sums.steps()).mapToObj(this::form).toList();
            Tensor coefficients = coefficients(s, forms); // [steps, k]
            Map<DenoisingStep.Form, Recording> recordings = new HashMap<>();
            forms.subList(from, to).stream().distinct().forEach(form -> {
                DenoisingStep step = new DenoisingStep(form, guidance.variants().get(0), tables.get(0), guides);
                recordings.put(form, s.recording("step", form, step.constants(), step::apply));
            });
            return s.iterateAll("steps", to - from, before, (t, turn, current) -> {
                int i = from + turn;
                List<Tensor> inputs = new ArrayList<>(current);
                inputs.add(tables.get(guidance.variant(i)).step(rows[i]));
                inputs.add(coefficients.rows(i, i + 1));
                if (drawsNoise) { // a step that draws none multiplies what it gets by 0
                    inputs.add(plan.steps().get(i).drawsNoise() ? drawn(t, noise, i, before.get(0)) : current.get(0));
                }
                if (guidance.switches()) {
                    inputs.addAll(guidance.variants().get(guidance.variant(i)).tensors());
                }
                inputs.addAll(guides.inputs(forms.get(i).guides(), i));
                Recording recording = Objects.requireNonNull(recordings.get(forms.get(i)));
                List<Tensor> next = recording.run(t, inputs);
                listener.done(i, next.get(0), () -> recording.run(t, inputs));
                return next;
            });
        });
    }

    private Tensor drawn(Ops ops, Noise noise, int step, Tensor start) {
        SamplingPlan.Interval increment = plan.steps().get(step).increment();
        return increment == null ? noise.draw(ops, start.shape()) : noise.draw(ops, start.shape(), increment);
    }

    /** For each variant of the texts, a table of the steps that see it. */
    private List<TimeTable> times(Ops ops) {
        boolean told = unet.config().guidanceWidth() > 0;
        OptionalDouble scale = told ? OptionalDouble.of(job.guidance()) : OptionalDouble.empty();
        List<TimeTable> tables = new ArrayList<>();
        for (int v = 0; v < guidance.variants().size(); v++) {
            int variant = v;
            float[][] times = IntStream.range(0, sums.steps())
                    .filter(i -> guidance.variant(i) == variant)
                    .mapToObj(i -> new float[] {(float) plan.steps().get(i).time()})
                    .toArray(float[][]::new);
            tables.add(unet.times(ops, times, guidance.variants().get(v), scale));
        }
        return tables;
    }

    /** Each step's place in the table of the variant that it sees. */
    private int[] rows() {
        int[] next = new int[guidance.variants().size()];
        return IntStream.range(0, sums.steps())
                .map(i -> next[guidance.variant(i)]++)
                .toArray();
    }

    /** The time of each model call, the same for all images. */
    static float[][] times(SamplingPlan plan) {
        return plan.steps().stream()
                .map(step -> new float[] {(float) step.time()})
                .toArray(float[][]::new);
    }

    private DenoisingStep.Form form(int step) {
        boolean scales = plan.steps().stream().anyMatch(each -> each.inputScale() != 1);
        double rescale = guidance.isGuided() ? job.guidanceRescale() : 0;
        return new DenoisingStep.Form(
                unet,
                sums.state(),
                sums.rounds(step),
                guidance.weights().size(),
                rescale,
                scales,
                drawsNoise,
                guidance.switches(),
                guides.at(step));
    }

    /** How far a prediction is led on; prompts that are composed without guidance make one prediction together. */
    private double scale() {
        return isGuided(unet.config(), job) ? job.guidance() : 1;
    }

    /** What the steps' sums multiply with, a row for each. */
    private Tensor coefficients(Ops ops, List<DenoisingStep.Form> forms) {
        double[][] rows = new double[forms.size()][];
        for (int i = 0; i < rows.length; i++) {
            double[][][] rounds = new double[sums.rounds(i).size()][][];
            for (int r = 0; r < rounds.length; r++) {
                rounds[r] = sums.coefficients(i, r);
            }
            rows[i] = forms.get(i).coefficients(plan.steps().get(i), rounds, scale(), guidance.weights());
        }
        int width = Stream.of(rows).mapToInt(row -> row.length).max().orElseThrow();
        float[] table = new float[rows.length * width];
        for (int i = 0; i < rows.length; i++) {
            for (int k = 0; k < rows[i].length; k++) {
                table[i * width + k] = (float) rows[i][k];
            }
        }
        return ops.upload(Shape.of(rows.length, width), table);
    }

    /** Σ coefficients[k] · terms[k]. */
    static Tensor sum(Ops ops, double[] coefficients, Tensor... terms) {
        float[] rounded = new float[coefficients.length];
        for (int k = 0; k < rounded.length; k++) {
            rounded[k] = (float) coefficients[k];
        }
        return ops.weightedSum(ops.upload(Shape.of(1, rounded.length), rounded), terms);
    }
}
