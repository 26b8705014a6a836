package dev.darkroom.models.adapter;

import dev.darkroom.nn.Conv2d;
import dev.darkroom.nn.Linear;
import dev.darkroom.nn.Parameters;
import dev.darkroom.tensor.DType;
import dev.darkroom.tensor.Ops;
import dev.darkroom.tensor.Shape;
import dev.darkroom.tensor.Tensor;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * Tells a U-Net of a control picture by features that are added on its way down (Mou et al. 2023, section 3.2); unlike a ControlNet's they depend on the picture
 * alone, so that they are computed once.
 */
public final class T2iAdapter {
    /** x + block2(relu(block1(x))), a 3 × 3 and a 1 × 1 convolution. */
    private record Block(Conv2d block1, Linear block2) {
        static Block of(Parameters p, int channels) {
            return new Block(
                    Conv2d.same(p.at("block1"), channels, channels, 3),
                    Linear.withBias(p.at("block2"), channels, channels));
        }

        Tensor forward(Ops ops, Tensor x) {
            Tensor h = ops.clip(block1.forward(ops, x), 0, Float.POSITIVE_INFINITY);
            return block2.add(ops, h, x);
        }
    }

    private record Level(boolean halves, @Nullable Linear widening, List<Block> blocks) {
        Tensor forward(Ops ops, Tensor x) {
            Tensor halved = halves ? halved(ops, x) : x;
            Tensor wide = widening == null ? halved : widening.forward(ops, halved);
            return ops.iterate(
                    "resnets", blocks.size(), wide, (s, j, h) -> blocks.get(j).forward(s, h));
        }
    }

    private final T2iAdapterConfig config;
    private final DType dtype;
    private final Conv2d convIn;
    private final List<Level> levels = new ArrayList<>();

    /** An adapter whose parameters are {@code p}, checked against {@code config}. */
    public T2iAdapter(Parameters p, T2iAdapterConfig config) {
        this.config = config;
        this.dtype = p.dtype();
        Parameters root = p.at("adapter");
        List<Integer> channels = config.channels();
        int patch = config.patch();
        convIn = Conv2d.same(root.at("conv_in"), config.pictureChannels() * patch * patch, channels.get(0), 3);
        for (int level = 0; level < channels.size(); level++) {
            Parameters body = root.at("body").at(level);
            int in = config.in(level);
            int out = channels.get(level);
            List<Block> blocks = new ArrayList<>();
            for (int j = 0; j < config.layers(); j++) {
                blocks.add(Block.of(body.at("resnets").at(j), out));
            }
            Linear widening = in == out ? null : Linear.withBias(body.at("in_conv"), in, out);
            levels.add(new Level(config.halves(level), widening, blocks));
        }
    }

    public T2iAdapterConfig config() {
        return config;
    }

    /** picture [1, h, w, channels] in 0 … 1, h and w multiples of the patch → features of each level, [1, h / patch, w / patch, c] and smaller. */
    public List<Tensor> features(Ops ops, Tensor picture) {
        return ops.scopedAll("adapter", s -> {
            Tensor h = convIn.forward(s, s.cast(patches(s, picture), dtype));
            List<Tensor> features = new ArrayList<>();
            for (int i = 0; i < levels.size(); i++) {
                Level level = levels.get(i);
                Tensor current = h;
                h = s.scoped("body." + i, t -> level.forward(t, current));
                features.add(h);
            }
            return features;
        });
    }

    /** x [n, h, w, c] → [n, h / patch, w / patch, c · patch²]: of each channel all pixels of a patch, row by row, then of the next channel. */
    private Tensor patches(Ops ops, Tensor x) {
        int patch = config.patch();
        int h = x.dim(1) / patch;
        int w = x.dim(2) / patch;
        int c = x.dim(3);
        int[] order = new int[x.dim(0) * h * w * c * patch * patch];
        int next = 0;
        for (int row = 0; row < x.dim(0) * h; row++) { // all images' rows of patches: an image has h
            for (int column = 0; column < w; column++) {
                for (int channel = 0; channel < c; channel++) {
                    for (int i = 0; i < patch * patch; i++) {
                        int y = row * patch + i / patch;
                        int z = column * patch + i % patch;
                        order[next++] = (y * w * patch + z) * c + channel;
                    }
                }
            }
        }
        Tensor numbers = ops.embedding(ops.upload(Shape.of(order.length), order), x.reshape(-1, 1));
        return numbers.reshape(x.dim(0), h, w, c * patch * patch);
    }

    /** x [n, h, w, c] → [n, ⌈h / 2⌉, ⌈w / 2⌉, c]: means of 2 × 2 pixels, at an odd edge of those that are there. */
    private static Tensor halved(Ops ops, Tensor x) {
        return ops.scoped("halved", s -> {
            Tensor sum = s.add(corner(s, x, 0, 0), corner(s, x, 0, 1));
            sum = s.add(sum, s.add(corner(s, x, 1, 0), corner(s, x, 1, 1)));
            return s.scale(sum, 0.25f);
        });
    }

    /** Of each 2 × 2 pixels the one at (dy, dx), or the edge's where there is none: counted twice it leaves the mean of those that are there. */
    private static Tensor corner(Ops ops, Tensor x, int dy, int dx) {
        int h = x.dim(1);
        int w = x.dim(2);
        int halfHeight = (h + 1) / 2;
        int halfWidth = (w + 1) / 2;
        int[] pixels = new int[x.dim(0) * halfHeight * halfWidth];
        for (int i = 0; i < pixels.length; i++) {
            int image = i / (halfHeight * halfWidth);
            int row = Math.min(2 * (i / halfWidth % halfHeight) + dy, h - 1);
            int column = Math.min(2 * (i % halfWidth) + dx, w - 1);
            pixels[i] = (image * h + row) * w + column;
        }
        Tensor ids = ops.upload(Shape.of(pixels.length), pixels);
        return ops.embedding(ids, x.reshape(-1, x.dim(3))).reshape(x.dim(0), halfHeight, halfWidth, x.dim(3));
    }
}
