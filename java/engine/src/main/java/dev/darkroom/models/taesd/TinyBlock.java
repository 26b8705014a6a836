package dev.darkroom.models.taesd;

import dev.darkroom.nn.Conv2d;
import dev.darkroom.nn.Parameters;
import dev.darkroom.tensor.Ops;
import dev.darkroom.tensor.Tensor;

/** relu(conv3(relu(conv2(relu(conv1(x))))) + x), all 3 × 3. */
final class TinyBlock implements Layer {
    private final Conv2d conv1;
    private final Conv2d conv2;
    private final Conv2d conv3;

    TinyBlock(Parameters p, int width) {
        Parameters conv = p.at("conv"); // the activations stand between them and have no parameters
        conv1 = Conv2d.same(conv.at(0), width, width, 3);
        conv2 = Conv2d.same(conv.at(2), width, width, 3);
        conv3 = Conv2d.same(conv.at(4), width, width, 3);
    }

    @Override
    public Tensor forward(Ops ops, Tensor x) {
        Tensor h = Layer.relu(ops, conv1.forward(ops, x));
        h = Layer.relu(ops, conv2.forward(ops, h));
        return Layer.relu(ops, conv3.add(ops, h, x));
    }
}
