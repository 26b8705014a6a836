package dev.darkroom.cuda;

import dev.darkroom.tensor.Device;

/** A CUDA device whose products and convolutions are served as a table says. */
public final class LibraryDevice {
    /** Sends everything to cuBLAS and cuDNN. */
    public static final String EVERYTHING = "linear -> cublas\ngeglu -> cublas\nconvolution -> cudnn\n";

    private LibraryDevice() {}

    public static Device open(String table) {
        return CudaDevice.open(0, /* poison= */ true, ServingTableFormat.parse("the test's table", table));
    }
}
