package dev.darkroom.cpu;

import dev.darkroom.tensor.Ops;
import dev.darkroom.tensor.ShapeRules;
import dev.darkroom.tensor.Tensor;

/** Operations that only copy: rows of tables and of maps. */
final class Movement {
    private Movement() {}

    /** parts one after the other → y. */
    static void concatRows(Tensor[] parts, Tensor y) {
        long at = y.address();
        for (Tensor part : parts) {
            NativeMemory.copy(part.address(), at, part.byteSize());
            at += part.byteSize();
        }
    }

    /** x [n, h, w, c] → y [n, height, width, c]. */
    static void upsampleNearest(Tensor x, Tensor y) {
        int height = y.dim(1);
        int width = y.dim(2);
        long pixel = (long) x.dim(3) * x.dtype().bytes();
        long rowBytes = pixel * width;
        for (int image = 0; image < x.dim(0); image++) {
            long from = x.rows(image, image + 1).address();
            long to = y.rows(image, image + 1).address();
            int previous = -1;
            for (int i = 0; i < height; i++, to += rowBytes) {
                int source = (int) ((long) i * x.dim(1) / height);
                if (source == previous) {
                    NativeMemory.copy(to - rowBytes, to, rowBytes);
                    continue;
                }
                previous = source;
                for (int j = 0; j < width; j++) {
                    long column = (long) j * x.dim(2) / width;
                    NativeMemory.copy(from + ((long) source * x.dim(2) + column) * pixel, to + j * pixel, pixel);
                }
            }
        }
    }

    /** Rows ids of table [v, c] → y [..., c]. */
    static void embedding(Ops ops, Tensor ids, Tensor table, Tensor y) {
        long rowBytes = table.byteSize() / Math.max(1, table.dim(0));
        float[] id = new float[1];
        for (int i = 0; i < ids.shape().count(); i++) {
            NativeMemory.read(ids, i, id, 1);
            int row = (int) id[0];
            if (row < 0 || row >= table.dim(0)) {
                throw ShapeRules.fail(
                        ops, "embedding", "id " + row + " is outside a table of " + table.dim(0) + " rows");
            }
            NativeMemory.copy(table.address() + row * rowBytes, y.address() + i * rowBytes, rowBytes);
        }
    }
}
