package dev.darkroom.cuda;

import dev.darkroom.tensor.DType;
import dev.darkroom.tensor.Tensor;

/** Convolution kernels of files for the device: {@code kernels/conversion.cu}. */
final class ConversionKernels {
    private static final int THREADS = 256;

    private final Modules modules;

    ConversionKernels(Modules modules) {
        this.modules = modules;
    }

    /** source [rows, in, kh, kw] → target [rows, kh, kw, in]. */
    void channelsLast(long source, DType from, Tensor target) {
        long count = target.shape().count();
        if (count > 0) {
            kernel("channelsLast", from, target.dtype())
                    .address(source)
                    .tensor(target)
                    .i32(target.dim(0))
                    .i32(target.dim(3))
                    .i32(target.dim(1) * target.dim(2))
                    .launch(Grids.blocks(count, THREADS), 1, 1, THREADS, 0);
        }
    }

    /** source [rows, in, 3, 3] → rows {@code firstRow} … of each phase of target [4, out, 2, 2, in]. */
    void phases(long source, DType from, Tensor target, int firstRow, int rows) {
        int in = target.dim(4);
        kernel("phases", from, target.dtype())
                .address(source)
                .tensor(target)
                .i32(firstRow)
                .i32(rows)
                .i32(target.dim(1))
                .i32(in)
                .launch(Grids.blocks(16L * rows * in, THREADS), 1, 1, THREADS, 0);
    }

    private Kernel kernel(String function, DType from, DType to) {
        return modules.kernel("conversion.cu", function, "FROM=" + from, "T=" + to);
    }
}
