package dev.darkroom.cuda;

import dev.darkroom.tensor.Tensor;

/** Operations that move elements: {@code kernels/movement.cu}. */
final class MovementKernels {
    private static final int THREADS = 256;
    private static final int MOST_SIDE = 65535; // the product of two fits in 32 bits

    private final Modules modules;

    MovementKernels(Modules modules) {
        this.modules = modules;
    }

    /** What is moved at once: the widest piece that divides all rows and addresses. */
    private enum Unit {
        UINT4("uint4", 16),
        U32("u32", 4),
        U16("u16", 2),
        U8("u8", 1);

        private final String type;
        private final int bytes;

        Unit(String type, int bytes) {
            this.type = type;
            this.bytes = bytes;
        }

        static Unit of(long... values) {
            long all = 0;
            for (long value : values) {
                all |= value;
            }
            for (Unit unit : values()) {
                if (all % unit.bytes == 0) {
                    return unit;
                }
            }
            throw new AssertionError("every number is a multiple of 1");
        }

        int in(long size) {
            return Math.toIntExact(size / bytes);
        }
    }

    /** a [..., p], b [..., q] → y [..., p + q]. */
    void concatChannels(Tensor a, Tensor b, Tensor y) {
        long rowOfA = rowBytes(a);
        long rowOfB = rowBytes(b);
        Unit unit = Unit.of(a.address(), b.address(), y.address(), rowOfA, rowOfB);
        if (y.byteSize() > 0) {
            kernel("join", unit)
                    .tensor(a)
                    .tensor(b)
                    .tensor(y)
                    .i32(rows(y))
                    .i32(unit.in(rowOfA))
                    .i32(unit.in(rowOfB))
                    .launch(blocks(y, unit), 1, 1, THREADS, 0);
        }
    }

    /** Channels of x from {@code from} on → y. */
    void sliceChannels(Tensor x, int from, Tensor y) {
        long first = (long) from * x.dtype().bytes();
        Unit unit = Unit.of(x.address(), y.address(), rowBytes(x), rowBytes(y), first);
        if (y.byteSize() > 0) {
            kernel("slice", unit)
                    .tensor(x)
                    .tensor(y)
                    .i32(rows(y))
                    .i32(unit.in(rowBytes(x)))
                    .i32(unit.in(first))
                    .i32(unit.in(rowBytes(y)))
                    .launch(blocks(y, unit), 1, 1, THREADS, 0);
        }
    }

    /** x [n, h, w, c] → y [n, height, width, c]. */
    void upsampleNearest(Tensor x, Tensor y) {
        int longest = Math.max(Math.max(x.dim(1), x.dim(2)), Math.max(y.dim(1), y.dim(2)));
        if (longest > MOST_SIDE) {
            throw new IllegalArgumentException("upsampleNearest of " + x + " to " + y + ": sides end at " + MOST_SIDE);
        }
        Unit unit = Unit.of(x.address(), y.address(), rowBytes(x));
        if (y.byteSize() > 0) {
            kernel("upsample", unit)
                    .tensor(x)
                    .tensor(y)
                    .i32(x.dim(0))
                    .i32(x.dim(1))
                    .i32(x.dim(2))
                    .i32(y.dim(1))
                    .i32(y.dim(2))
                    .i32(unit.in(rowBytes(x)))
                    .launch(blocks(y, unit), 1, 1, THREADS, 0);
        }
    }

    /** Rows ids of the table → y. */
    void embedding(Tensor ids, Tensor table, Tensor y) {
        Unit unit = Unit.of(table.address(), y.address(), rowBytes(table));
        if (y.byteSize() > 0) {
            kernel("gather", unit)
                    .tensor(ids)
                    .tensor(table)
                    .tensor(y)
                    .i32(rows(y))
                    .i32(unit.in(rowBytes(table)))
                    .launch(blocks(y, unit), 1, 1, THREADS, 0);
        }
    }

    private Kernel kernel(String function, Unit unit) {
        return modules.kernel("movement.cu", function, "UNIT=" + unit.type);
    }

    private static int rows(Tensor y) {
        return Math.toIntExact(y.shape().rows());
    }

    /** @throws IllegalArgumentException when there are more units than the kernels can count */
    private static int blocks(Tensor y, Unit unit) {
        long units = y.byteSize() / unit.bytes;
        if (units > Integer.MAX_VALUE) {
            throw new IllegalArgumentException(
                    y + " has " + units + " pieces of " + unit.bytes + " bytes; the cuda device moves 2^31 at once");
        }
        return Grids.blocks(units, THREADS);
    }

    private static long rowBytes(Tensor x) {
        return (long) x.dim(-1) * x.dtype().bytes();
    }
}
