package dev.darkroom.cuda;

import dev.darkroom.tensor.DType;
import dev.darkroom.tensor.Scope;
import dev.darkroom.tensor.Shape;
import dev.darkroom.tensor.Tensor;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.OptionalInt;
import java.util.OptionalLong;
import jcuda.Pointer;
import jcuda.jcudnn.JCudnn;
import jcuda.jcudnn.cudnnConvolutionFwdAlgo;
import jcuda.jcudnn.cudnnHandle;
import jcuda.runtime.cudaStream_t;
import org.jspecify.annotations.Nullable;

/**
 * Convolutions of NHWC maps by cuDNN, with sums in f32.
 *
 * <p>The algorithm of a product is chosen once: the one that a table pins, else the first of ours that cuDNN has for it. Its own choice is not asked
 * for: JCuda's {@code cudnnGetConvolutionForwardAlgorithm_v7} reads results that are not there when the call fails. One call for each image, since
 * cuDNN may choose its kernel by the number of images. Not yet run on a GPU.
 */
final class Cudnn implements AutoCloseable {
    /** More is given to no algorithm: those of implicit products need some tables at most. */
    private static final long MOST_WORKSPACE_BYTES = 64 << 20;

    /**
     * Those that sum as the definition does. All of cuDNN's forward algorithms sum in the same order each time (cuDNN documentation,
     * "Reproducibility"); the sums of Winograd's and Fourier's are others, whose errors are larger.
     */
    private static final List<Integer> ALGORITHMS = List.of(
            cudnnConvolutionFwdAlgo.CUDNN_CONVOLUTION_FWD_ALGO_IMPLICIT_PRECOMP_GEMM,
            cudnnConvolutionFwdAlgo.CUDNN_CONVOLUTION_FWD_ALGO_IMPLICIT_GEMM);

    private static final int NOT_SUPPORTED = 3; // thousands of the status codes of cuDNN 9

    private final CudaStream stream;
    private final cudnnHandle handle = new cudnnHandle();
    private final Pointer one = Cublas.pointerTo(1);
    private final Pointer zero = Cublas.pointerTo(0);
    private final Map<Product, CudnnDescriptors> descriptors = new HashMap<>();
    private final Map<Key, Plan> plans = new HashMap<>();

    private record Key(Product product, OptionalInt pinned) {}

    /** @param problem why there is no algorithm; empty where there is one */
    private record Plan(int algorithm, long workspaceBytes, String problem) {}

    /** Takes a handle; not to be called while the stream is recorded. */
    Cudnn(CudaStream stream) {
        this.stream = stream;
        cudaStream_t queue = new cudaStream_t(stream.handle());
        check(JCudnn.cudnnCreate(handle), "cudnnCreate", "a handle");
        int status = JCudnn.cudnnSetStream(handle, queue);
        if (status != 0) {
            JCudnn.cudnnDestroy(handle);
        }
        check(status, "cudnnSetStream", "a handle");
    }

    /**
     * Why a convolution cannot be computed; empty where it can.
     *
     * @param pinned the only algorithm that may be taken; nothing for cuDNN's choice
     */
    String problem(Product product, OptionalInt pinned) {
        return product.paddingBefore() == product.paddingAfter()
                ? plan(product, pinned).problem
                : "cuDNN pads alike on all sides";
    }

    /** The algorithms for a product that can be used, the preferred one first. */
    List<Integer> algorithms(Product product) {
        stream.handle();
        return ALGORITHMS.stream()
                .filter(algorithm -> workspaceBytes(product, algorithm).orElse(Long.MAX_VALUE) <= MOST_WORKSPACE_BYTES)
                .toList();
    }

    /**
     * y [images, h', w', out] = x [images, h, w, in] * weight [out, kh, kw, in].
     *
     * @param scope   where the workspace may lie
     * @param product what one image asks; one without a {@link #problem}
     */
    void convolve(Scope scope, Product product, OptionalInt pinned, int images, Tensor x, Tensor weight, Tensor y) {
        stream.handle();
        Plan plan = plan(product, pinned);
        CudnnDescriptors maps = descriptors(product);
        @Nullable
        Tensor workspace = plan.workspaceBytes == 0
                ? null
                : scope.allocate(Shape.of(Math.toIntExact(plan.workspaceBytes)), DType.U8);
        for (int image = 0; image < images; image++) {
            long source = x.address() + image * product.inputs() * x.dtype().bytes();
            long target = y.address() + image * product.outputs() * y.dtype().bytes();
            int status = JCudnn.cudnnConvolutionForward(
                    handle,
                    one,
                    maps.x(),
                    DeviceAddress.of(source),
                    maps.weight(),
                    DeviceAddress.of(weight.address()),
                    maps.convolution(),
                    plan.algorithm,
                    DeviceAddress.of(workspace == null ? 0 : workspace.address()),
                    plan.workspaceBytes,
                    zero,
                    maps.y(),
                    DeviceAddress.of(target));
            check(status, "cudnnConvolutionForward with algorithm " + plan.algorithm, product);
        }
    }

    private Plan plan(Product product, OptionalInt pinned) {
        Key key = new Key(product, pinned);
        Plan known = plans.get(key);
        if (known == null) {
            known = choose(product, pinned);
            plans.put(key, known);
        }
        return known;
    }

    private Plan choose(Product product, OptionalInt pinned) {
        List<Integer> usable = algorithms(product);
        if (usable.isEmpty()) {
            return new Plan(0, 0, "cuDNN has no algorithm for it that sums as the definition does");
        }
        if (pinned.isPresent() && !usable.contains(pinned.getAsInt())) {
            return new Plan(0, 0, "cuDNN cannot use algorithm " + pinned.getAsInt() + " for it, but " + usable);
        }
        int algorithm = pinned.orElse(usable.get(0));
        return new Plan(algorithm, workspaceBytes(product, algorithm).orElseThrow(), "");
    }

    /** What an algorithm takes; nothing where cuDNN does not have it for a product. */
    private OptionalLong workspaceBytes(Product product, int algorithm) {
        CudnnDescriptors maps = descriptors(product);
        long[] bytes = new long[1];
        int status = JCudnn.cudnnGetConvolutionForwardWorkspaceSize(
                handle, maps.x(), maps.weight(), maps.convolution(), maps.y(), algorithm, bytes);
        if (status / 1000 == NOT_SUPPORTED) {
            return OptionalLong.empty();
        }
        check(status, "cudnnGetConvolutionForwardWorkspaceSize", product);
        return OptionalLong.of(bytes[0]);
    }

    private CudnnDescriptors descriptors(Product product) {
        CudnnDescriptors known = descriptors.get(product);
        if (known == null) {
            known = new CudnnDescriptors(product);
            descriptors.put(product, known);
        }
        return known;
    }

    /** Throws when {@code status}, which {@code call} returned, is an error. */
    static void check(int status, String call, Object subject) {
        if (status != 0) {
            throw new LibraryCallException(call, status, JCudnn.cudnnGetErrorString(status), subject.toString());
        }
    }

    @Override
    public void close() {
        stream.handle();
        descriptors.values().forEach(CudnnDescriptors::close);
        descriptors.clear();
        check(JCudnn.cudnnDestroy(handle), "cudnnDestroy", "its handle");
    }
}
