package dev.darkroom.pipeline;

import dev.darkroom.models.unet.Conditioning;
import dev.darkroom.models.unet.UNet;
import dev.darkroom.tensor.Ops;
import dev.darkroom.tensor.Tensor;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.IntStream;
import java.util.stream.Stream;

/**
 * The texts of a job's steps as a model's text encoders say them.
 *
 * @param program  which texts guide which step
 * @param variants the different texts that steps have: the negative ones first, where there is guidance, then each part of the prompts
 */
record PromptEmbeddings(PromptProgram program, List<TextEmbedding> variants) {
    /** Encodes the texts of {@code job}. */
    static PromptEmbeddings of(Ops ops, LoadedModel model, Job job) {
        PromptProgram program =
                PromptProgram.of(job, Denoiser.isGuided(model.networks().unetConfig(), job));
        int chunks = chunks(program, model.text(), job.images());
        List<TextEmbedding> variants = program.variants().stream()
                .map(texts -> embed(ops, model, texts, program.isGuided(), chunks))
                .toList();
        return new PromptEmbeddings(program, variants);
    }

    private static TextEmbedding embed(
            Ops ops, LoadedModel model, PromptProgram.StepTexts texts, boolean guided, int chunks) {
        TextConditioner text = model.text();
        Texts first = texts.parts().get(0);
        TextEmbedding all = text.encode(ops, first, chunks);
        if (guided) {
            TextEmbedding negative = texts.negative().isEmpty() && model.forcesZeros()
                    ? all.zeros(ops)
                    : text.encode(ops, texts.negative().orElseGet(first::empty), chunks);
            all = negative.followedBy(ops, all);
        }
        for (Texts part : texts.parts().subList(1, texts.parts().size())) {
            all = all.followedBy(ops, text.encode(ops, part, chunks));
        }
        return all;
    }

    /** How many chunks all texts of a job are filled up to: those of the longest. An image may not change with its neighbours, so theirs must be equal. */
    private static int chunks(PromptProgram program, TextConditioner text, int images) {
        Map<Texts, Integer> known = new HashMap<>();
        int[] longest = new int[images];
        for (PromptProgram.StepTexts step : program.variants()) {
            Stream.concat(step.negative().stream(), step.parts().stream()).forEach(texts -> {
                for (int i = 0; i < images; i++) {
                    int own = known.computeIfAbsent(texts.only(i), text::longest);
                    longest[i] = Math.max(longest[i], own);
                }
            });
        }
        if (IntStream.of(longest).distinct().count() > 1) {
            throw new IllegalArgumentException("the prompts of one job must take the same number of chunks, not "
                    + Arrays.toString(longest) + "; put images with longer ones into a job of their own");
        }
        return longest[0];
    }

    /** All of them. */
    List<Tensor> tensors() {
        List<Tensor> tensors = new ArrayList<>();
        for (TextEmbedding each : variants) {
            tensors.add(each.context());
            Tensor pooled = each.pooled();
            if (pooled != null) {
                tensors.add(pooled);
            }
        }
        return tensors;
    }

    /** What guides the steps that {@code unet} takes, owned by the scope of {@code ops}. */
    Guidance guidance(Ops ops, UNet unet, Job job) {
        List<MicroConditioning> sizes = sizes(job);
        List<Conditioning> conditionings = variants.stream()
                .map(each -> each.conditioning(ops, unet, sizes))
                .toList();
        return new Guidance(conditionings, program.variantOfCall(), program.isGuided() ? program.weights() : List.of());
    }

    /** What SDXL is told with each text of a variant. */
    List<MicroConditioning> sizes(Job job) {
        List<MicroConditioning> sizes = new ArrayList<>();
        if (program.isGuided()) {
            sizes.addAll(Collections.nCopies(job.images(), job.negativeSize()));
        }
        sizes.addAll(Collections.nCopies(program.weights().size() * job.images(), job.size()));
        return sizes;
    }
}
