package dev.darkroom.cuda;

import static jcuda.jcublas.cublasMath.CUBLAS_DEFAULT_MATH;
import static jcuda.jcublas.cublasMath.CUBLAS_MATH_DISALLOW_REDUCED_PRECISION_REDUCTION;

import dev.darkroom.tensor.DType;
import dev.darkroom.tensor.Tensor;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import jcuda.Pointer;
import jcuda.cudaDataType;
import jcuda.driver.JCudaDriver;
import jcuda.jcublas.JCublas2;
import jcuda.jcublas.cublasComputeType;
import jcuda.jcublas.cublasGemmAlgo;
import jcuda.jcublas.cublasHandle;
import jcuda.jcublas.cublasOperation;
import jcuda.jcublas.cublasStatus;
import jcuda.runtime.cudaStream_t;

/**
 * Matrix products by cuBLAS, with operands of any type and sums in f32.
 *
 * <p>One call for each image: cuBLAS chooses its kernel, and so the order of its sums, by the sizes of a call. A call with the same sizes sums in the
 * same order (cuBLAS documentation, "Results Reproducibility"), for which it has one stream and a workspace of its own. Nothing is allocated in a call,
 * so that products can be recorded. Not yet run on a GPU.
 */
final class Cublas implements AutoCloseable {
    /** As NVIDIA recommends, for Hopper and newer and for older GPUs (cuBLAS documentation, "cublasSetWorkspace"). */
    private static final long WORKSPACE_BYTES = 32 << 20;

    private static final long SMALL_WORKSPACE_BYTES = 4 << 20;
    private static final int HOPPER = 90;

    private final CudaStream stream;
    private final cublasHandle handle = new cublasHandle();
    private final DeviceAddress workspace = new DeviceAddress();
    private final Pointer one = pointerTo(1);
    private final Pointer zero = pointerTo(0);

    /** Takes a handle and memory of the driver; not to be called while the stream is recorded. */
    Cublas(CudaStream stream, GpuProperties gpu) {
        this.stream = stream;
        cudaStream_t queue = new cudaStream_t(stream.handle());
        check(JCublas2.cublasCreate(handle), "cublasCreate", "a handle");
        try {
            long bytes = gpu.capability() < HOPPER ? SMALL_WORKSPACE_BYTES : WORKSPACE_BYTES;
            check(JCublas2.cublasSetStream(handle, queue), "cublasSetStream", "its handle");
            stream.check(JCudaDriver.cuMemAlloc(workspace, bytes), "cuMemAlloc of cuBLAS' workspace");
            check(JCublas2.cublasSetWorkspace(handle, workspace, bytes), "cublasSetWorkspace", bytes + " bytes");
            int mode = CUBLAS_DEFAULT_MATH | CUBLAS_MATH_DISALLOW_REDUCED_PRECISION_REDUCTION;
            check(JCublas2.cublasSetMathMode(handle, mode), "cublasSetMathMode", "mode " + mode);
        } catch (RuntimeException e) {
            try (this) {
                throw e;
            }
        }
    }

    /**
     * y [images, rows, out] = x [images, rows, in] · weight [out, in]ᵀ.
     *
     * @param product what one image asks
     * @param y       of the type of x, or f32
     */
    void multiply(Product product, int images, Tensor x, Tensor weight, Tensor y) {
        stream.handle();
        int type = type(x.dtype());
        for (int image = 0; image < images; image++) {
            DeviceAddress source = DeviceAddress.of(
                    x.address() + image * product.inputs() * x.dtype().bytes());
            DeviceAddress target = DeviceAddress.of(
                    y.address() + image * product.outputs() * y.dtype().bytes());
            // Its matrices are of columns: our rows of y are columns of yᵀ = weight · xᵀ.
            int status = JCublas2.cublasGemmEx_new(
                    handle,
                    cublasOperation.CUBLAS_OP_T,
                    cublasOperation.CUBLAS_OP_N,
                    product.out(),
                    product.height(),
                    product.in(),
                    one,
                    DeviceAddress.of(weight.address()),
                    type,
                    product.in(),
                    source,
                    type,
                    product.in(),
                    zero,
                    target,
                    type(y.dtype()),
                    product.out(),
                    cublasComputeType.CUBLAS_COMPUTE_32F,
                    cublasGemmAlgo.CUBLAS_GEMM_DEFAULT);
            check(status, "cublasGemmEx", product.toString());
        }
    }

    private static int type(DType dtype) {
        return switch (dtype) {
            case F32 -> cudaDataType.CUDA_R_32F;
            case F16 -> cudaDataType.CUDA_R_16F;
            case BF16 -> cudaDataType.CUDA_R_16BF;
            default -> throw new IllegalArgumentException("cuBLAS multiplies no " + dtype);
        };
    }

    /** A number that calls read where it lies. */
    static Pointer pointerTo(float value) {
        ByteBuffer bytes = ByteBuffer.allocateDirect(Float.BYTES).order(ByteOrder.nativeOrder());
        return Pointer.to(bytes.putFloat(0, value)); // holds the buffer
    }

    private void check(int status, String call, String what) {
        if (status != cublasStatus.CUBLAS_STATUS_SUCCESS) {
            throw new LibraryCallException(call, status, cublasStatus.stringFor(status), what);
        }
    }

    @Override
    public void close() {
        stream.handle();
        if (workspace.value() != 0) {
            stream.check(JCudaDriver.cuMemFree(workspace), "cuMemFree");
        }
        check(JCublas2.cublasDestroy(handle), "cublasDestroy", "its handle");
    }
}
