package dev.darkroom.cuda;

import dev.darkroom.tensor.DType;
import dev.darkroom.tensor.Tensor;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/**
 * What one block computes of a matrix product, as compile-time choices of {@code kernels/mainloop.cuh}.
 *
 * <p>The order of a sum does not depend on the tile, so that it may be chosen by the size of the whole batch.
 */
enum ProductTile {
    WIDE(128, 128, 2, 4, 3),
    TALL(128, 64, 2, 2, 4),
    SMALL(64, 64, 2, 2, 5),
    NARROW(128, 32, 4, 1, 4),
    /** Without tensor cores: f32, and bf16 where only f16 has them. */
    SCALAR(64, 64, 2, 4, 3);

    /**
     * Results for which tensor cores sum one slice in the time in which one row of a slice comes from L2, by the data sheet of the A100: 1024
     * multiply-adds and about 64 bytes a cycle, for slices 32 deep.
     */
    private static final int RESULTS_PER_ROW = 32;

    private static final int VECTOR_BYTES = 16;
    private static final int BF16_TENSOR_CORES = 80; // the first compute capability that has them

    private final int rows;
    private final int columns;
    private final int warpRows;
    private final int warpColumns;
    private final int stages;

    ProductTile(int rows, int columns, int warpRows, int warpColumns, int stages) {
        this.rows = rows;
        this.columns = columns;
        this.warpRows = warpRows;
        this.warpColumns = warpColumns;
        this.stages = stages;
    }

    /**
     * The tile with which a product of {@code rows} x {@code columns} results should take the least time.
     *
     * @param copies how many such products run at once: splits of the depth, phases
     */
    static ProductTile choose(GpuProperties gpu, DType dtype, int rows, int columns, int copies) {
        List<ProductTile> serving = serving(gpu, dtype);
        ProductTile best = serving.get(0);
        for (ProductTile tile : serving) {
            if (tile.cost(gpu, rows, columns, copies) < best.cost(gpu, rows, columns, copies)) {
                best = tile;
            }
        }
        return best;
    }

    /** The tiles that serve a type; all of them sum in the same order. */
    static List<ProductTile> serving(GpuProperties gpu, DType dtype) {
        return dtype == DType.F32 || dtype == DType.BF16 && gpu.capability() < BF16_TENSOR_CORES
                ? List.of(SCALAR)
                : List.of(WIDE, TALL, SMALL, NARROW);
    }

    /**
     * The tile of a name.
     *
     * @throws IllegalArgumentException when there is none
     */
    static ProductTile parse(String name) {
        return Arrays.stream(values())
                .filter(tile -> tile.name().equals(name))
                .findFirst()
                .orElseThrow(() -> new IllegalArgumentException(
                        "there is no tile \"" + name + "\"; known are " + Arrays.toString(values())));
    }

    /** Time on the busiest multiprocessor, in results. */
    private long cost(GpuProperties gpu, int wholeRows, int wholeColumns, int copies) {
        long most = ceilDivide((long) blocks(wholeRows, wholeColumns) * copies, gpu.multiprocessors());
        return most * (rows * columns + RESULTS_PER_ROW * (rows + columns));
    }

    /** Number of tiles of {@code wholeRows} x {@code wholeColumns} results. */
    int blocks(int wholeRows, int wholeColumns) {
        return Math.toIntExact(ceilDivide(wholeRows, rows) * across(wholeColumns));
    }

    /** Number of tiles side by side for {@code wholeColumns} columns. */
    int across(int wholeColumns) {
        return Math.toIntExact(ceilDivide(wholeColumns, columns));
    }

    /** Results in a tile. */
    int results() {
        return rows * columns;
    }

    /** Threads of a block. */
    int threads() {
        return 32 * warpRows * warpColumns;
    }

    /**
     * The definitions that compile a kernel for this tile.
     *
     * @param vector whether rows can be read by 16 bytes, see {@link #readsVectors}
     * @param more   further definitions
     */
    String[] defines(DType dtype, boolean vector, String... more) {
        List<String> defines = new ArrayList<>(List.of(
                "T=" + dtype,
                "TILE_M=" + rows,
                "TILE_N=" + columns,
                "WARPS_M=" + warpRows,
                "WARPS_N=" + warpColumns,
                "STAGES=" + stages,
                "TENSOR_CORES=" + (this == SCALAR ? 0 : 1),
                "VECTOR=" + (vector ? 1 : 0)));
        defines.addAll(Arrays.asList(more));
        return defines.toArray(String[]::new);
    }

    /** Whether pieces of {@code channels} elements of all these tensors start at multiples of 16 bytes. */
    static boolean readsVectors(int channels, Tensor... tensors) {
        return Arrays.stream(tensors)
                .allMatch(tensor ->
                        channels * tensor.dtype().bytes() % VECTOR_BYTES == 0 && tensor.address() % VECTOR_BYTES == 0);
    }

    private static long ceilDivide(long dividend, int divisor) {
        return (dividend + divisor - 1) / divisor;
    }
}
