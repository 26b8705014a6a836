package dev.darkroom.pipeline;

import dev.darkroom.models.controlnet.ControlNet;
import dev.darkroom.models.unet.Additions;
import dev.darkroom.models.unet.Conditioning;
import dev.darkroom.models.unet.Residuals;
import dev.darkroom.models.unet.TimeTable;
import dev.darkroom.tensor.Ops;
import dev.darkroom.tensor.Tensor;
import java.util.ArrayList;
import java.util.Iterator;
import java.util.List;
import java.util.stream.IntStream;

/** What guides a job's steps by pictures: what is needed of them once, and what they add in a step. Each takes part in some steps. */
final class Guides {
    static final Guides NONE = new Guides(List.of(), 0);

    /**
     * What decides which operations a guide adds to a step.
     *
     * @param index   among the guides
     * @param network compared by identity
     */
    record Form(int index, Object network, double strength, boolean guess) {}

    /** A picture and its network. */
    sealed interface Guide permits Net, Features {
        Control control();

        Form form(int index);

        /** Tensors that keep their values in all steps. */
        List<Tensor> constants();
    }

    /**
     * A ControlNet.
     *
     * @param hint         [1, h, w, c]
     * @param conditioning of the texts; in guess mode of those that guide alone
     */
    record Net(Control control, ControlNet network, Tensor hint, Conditioning conditioning, TimeTable times)
            implements Guide {
        @Override
        public Form form(int index) {
            return new Form(index, network, control.strength(), control.guess());
        }

        @Override
        public List<Tensor> constants() {
            List<Tensor> constants = new ArrayList<>(List.of(hint, times.order()));
            constants.addAll(conditioning.tensors());
            return constants;
        }

        /** What it adds; {@code constants} as it gave them, {@code time} the step's part of its table. */
        Residuals residuals(Ops ops, Tensor x, Iterator<Tensor> constants, Tensor time) {
            Tensor ownHint = constants.next();
            Tensor order = constants.next();
            List<Tensor> texts = new ArrayList<>();
            for (int i = conditioning.tensors().size(); i > 0; i--) {
                texts.add(constants.next());
            }
            int from = x.dim(0) - conditioning.images(); // in guess mode the predictions without prompt go unguided
            int channels = network.config().unet().inChannels(); // of what an inpainting model sees, the latents alone
            Tensor latents = x.dim(3) == channels ? x : ops.sliceChannels(x, 0, channels);
            return network.forward(
                    ops,
                    latents.rows(from, x.dim(0)),
                    ownHint,
                    times.at(ops, time, order),
                    conditioning.with(texts),
                    control.strength(),
                    control.guess());
        }
    }

    /** What a T2I-Adapter says of its picture, [1, h, w, c] each, multiplied by the strength. */
    record Features(Control control, Object network, List<Tensor> features) implements Guide {
        @Override
        public Form form(int index) {
            return new Form(index, network, 1, false);
        }

        @Override
        public List<Tensor> constants() {
            return features;
        }
    }

    private final List<Guide> guides;
    private final int calls;

    /** @param calls how often the model is called */
    Guides(List<Guide> guides, int calls) {
        this.guides = guides;
        this.calls = calls;
    }

    /** Those that take part in call {@code call}. */
    List<Form> at(int call) {
        return IntStream.range(0, guides.size())
                .filter(i -> guides.get(i).control().counts(call, calls))
                .mapToObj(i -> guides.get(i).form(i))
                .toList();
    }

    /** The tensors of {@code forms} that keep their values. */
    List<Tensor> constants(List<Form> forms) {
        return forms.stream()
                .flatMap(form -> guides.get(form.index()).constants().stream())
                .toList();
    }

    /** The tensors of {@code forms} that call {@code call} takes. */
    List<Tensor> inputs(List<Form> forms, int call) {
        List<Tensor> inputs = new ArrayList<>();
        for (Form form : forms) {
            if (guides.get(form.index()) instanceof Net net) {
                inputs.add(net.times().step(call));
            }
        }
        return inputs;
    }

    /**
     * What is added to the U-Net's activations.
     *
     * @param x         [n, h, w, c], what the U-Net sees
     * @param constants as {@link #constants}, or copies
     * @param inputs    as {@link #inputs}, or copies
     */
    Additions additions(Ops ops, List<Form> forms, Tensor x, List<Tensor> constants, List<Tensor> inputs) {
        List<Residuals> residuals = new ArrayList<>();
        List<List<Tensor>> features = new ArrayList<>();
        Iterator<Tensor> fixed = constants.iterator();
        Iterator<Tensor> times = inputs.iterator();
        for (Form form : forms) {
            Guide guide = guides.get(form.index());
            if (guide instanceof Net net) {
                residuals.add(net.residuals(ops, x, fixed, times.next()));
            } else {
                List<Tensor> own = new ArrayList<>();
                guide.constants().forEach(each -> own.add(fixed.next()));
                features.add(own);
            }
        }
        return new Additions(residuals, features);
    }
}
