package dev.darkroom.cuda;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.darkroom.tensor.DType;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

@DisplayName("How a matrix product is cut into blocks")
class ProductTileTest {
    private static final GpuProperties H100 = gpu(90, 132);
    private static final GpuProperties TURING = gpu(75, 40);

    @Test
    void float32NeverUsesTensorCores() {
        assertEquals(ProductTile.SCALAR, ProductTile.choose(H100, DType.F32, 65536, 1280, 1));
    }

    @Test
    void bfloat16UsesTensorCoresWhereTheyKnowIt() {
        assertEquals(ProductTile.SCALAR, ProductTile.choose(TURING, DType.BF16, 4096, 320, 1));
        assertTrue(ProductTile.choose(H100, DType.BF16, 4096, 320, 1) != ProductTile.SCALAR);
        assertTrue(ProductTile.choose(TURING, DType.F16, 4096, 320, 1) != ProductTile.SCALAR);
    }

    @ParameterizedTest(name = "{0} x {1} results, {2} at once: {3}")
    @CsvSource({
        "262144, 3, 1, NARROW", // the last convolution of a VAE
        "262144, 128, 1, WIDE",
        "131072, 64, 1, TALL", // 128 columns would be half wasted
        "64, 1280, 12, SMALL", // the middle of a U-Net
        "1, 1, 1, SMALL"
    })
    void theTileFitsTheResult(int rows, int columns, int copies, ProductTile expected) {
        assertEquals(expected, ProductTile.choose(H100, DType.F16, rows, columns, copies));
    }

    @ParameterizedTest(name = "{0} rows an image, {1} columns, depth {2}: {3} splits")
    @CsvSource({
        "4096, 320, 2880, 1", // enough blocks without
        "64, 1280, 11520, 12",
        "1, 1280, 1280, 2", // each split keeps at least 512
        "1, 1280, 1023, 1",
        "1, 1, 1, 1",
        "1, 1, 1000000, 256"
    })
    void theDepthIsSplitWhereOneImageHasFewResults(int rows, int columns, int depth, int splits) {
        assertEquals(splits, DepthSplits.count(rows, columns, depth));
    }

    @Test
    void tilesCoverEveryResult() {
        for (ProductTile tile : ProductTile.values()) {
            assertEquals(1, tile.blocks(1, 1), tile.name());
        }
        assertEquals(3 * 2, ProductTile.WIDE.blocks(257, 129));
        assertEquals(1, ProductTile.TALL.blocks(128, 64));
    }

    private static GpuProperties gpu(int capability, int multiprocessors) {
        return new GpuProperties("a GPU", capability, multiprocessors, 99 << 10);
    }
}
