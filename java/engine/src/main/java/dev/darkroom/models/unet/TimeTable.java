package dev.darkroom.models.unet;

import dev.darkroom.nn.ResnetBlock;
import dev.darkroom.tensor.Ops;
import dev.darkroom.tensor.Shape;
import dev.darkroom.tensor.Tensor;
import java.util.ArrayList;
import java.util.IdentityHashMap;
import java.util.List;

/**
 * What the times of all steps mean to a U-Net's residual blocks, computed once per picture.
 *
 * <p>A step's part is one piece of memory, so that one copy brings it to where a recorded step reads it. Images that share their time share its row there:
 * {@link #at} repeats it for each of them.
 */
public final class TimeTable {
    private final List<ResnetBlock> blocks;
    private final Tensor rows; // [steps * r, width], the blocks' channels side by side; r is 1 or the number of images
    private final int rowsPerStep;
    private final int images;
    private final Tensor order; // i32 [images * width / unit]

    private TimeTable(List<ResnetBlock> blocks, Tensor rows, int rowsPerStep, int images, Tensor order) {
        this.blocks = blocks;
        this.rows = rows;
        this.rowsPerStep = rowsPerStep;
        this.images = images;
        this.order = order;
    }

    /** siluTime [steps · r, timeWidth], r rows for each step: one for all of {@code images}, or one for each → the table, owned by the scope of {@code ops}. */
    static TimeTable of(Ops ops, List<ResnetBlock> blocks, Tensor siluTime, int rowsPerStep, int images) {
        Tensor rows = ops.scoped("time_projections", s -> {
            List<Tensor> parts =
                    blocks.stream().map(block -> block.projectTime(s, siluTime)).toList();
            return joined(s, parts);
        });
        int[] order = order(blocks, rowsPerStep, images);
        return new TimeTable(blocks, rows, rowsPerStep, images, ops.upload(Shape.of(order.length), order));
    }

    /** Parts [rows, c] side by side; in pairs, so that none is moved more often than it must be. */
    private static Tensor joined(Ops ops, List<Tensor> parts) {
        List<Tensor> left = parts;
        while (left.size() > 1) {
            List<Tensor> pairs = new ArrayList<>();
            for (int i = 0; i < left.size(); i += 2) {
                pairs.add(i + 1 < left.size() ? ops.concatChannels(left.get(i), left.get(i + 1)) : left.get(i));
            }
            left = pairs;
        }
        return left.get(0);
    }

    /** Which unit of a step's rows is whose: for each block the channels of every image, image after image. */
    private static int[] order(List<ResnetBlock> blocks, int rowsPerStep, int images) {
        int unit = unit(blocks);
        int width = blocks.stream().mapToInt(ResnetBlock::out).sum() / unit;
        int[] order = new int[images * width];
        int next = 0;
        int first = 0; // unit of the block's channels in a row
        for (ResnetBlock block : blocks) {
            int units = block.out() / unit;
            for (int image = 0; image < images; image++) {
                for (int i = 0; i < units; i++) {
                    order[next++] = image % rowsPerStep * width + first + i;
                }
            }
            first += units;
        }
        return order;
    }

    /** The most channels that divide every block's. */
    private static int unit(List<ResnetBlock> blocks) {
        int unit = 0;
        for (ResnetBlock block : blocks) {
            int other = block.out();
            while (other != 0) {
                int rest = unit % other;
                unit = other;
                other = rest;
            }
        }
        return unit;
    }

    /** All that step {@code index} needs, [r, width]: a part of the table. */
    public Tensor step(int index) {
        return rows.rows(index * rowsPerStep, (index + 1) * rowsPerStep);
    }

    /** i32: the order in which {@link #at} takes a step's part; the same for all steps. */
    public Tensor order() {
        return order;
    }

    /** The time of the first step. */
    public Time first(Ops ops) {
        return at(ops, step(0), order);
    }

    /**
     * The time of a step as the blocks take it.
     *
     * @param step  from {@link #step}, or a copy
     * @param order from {@link #order}, or a copy
     */
    public Time at(Ops ops, Tensor step, Tensor order) {
        int unit = unit(blocks);
        Tensor spread = images == 1 ? step.reshape(-1, unit) : ops.embedding(order, step.reshape(-1, unit));
        IdentityHashMap<ResnetBlock, Tensor> byBlock = new IdentityHashMap<>();
        int from = 0;
        for (ResnetBlock block : blocks) {
            int to = from + images * block.out() / unit;
            byBlock.put(block, spread.rows(from, to).reshape(images, block.out()));
            from = to;
        }
        return new Time(byBlock);
    }

    /** One time: what each residual block adds to its channels, [n, out]. */
    public static final class Time {
        private final IdentityHashMap<ResnetBlock, Tensor> byBlock;

        private Time(IdentityHashMap<ResnetBlock, Tensor> byBlock) {
            this.byBlock = byBlock;
        }

        Tensor of(ResnetBlock block) {
            Tensor found = byBlock.get(block);
            if (found == null) {
                throw new IllegalArgumentException("this time table was made by another network");
            }
            return found;
        }
    }
}
