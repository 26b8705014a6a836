package dev.darkroom.cuda;

import static jcuda.jcudnn.cudnnConvolutionMode.CUDNN_CROSS_CORRELATION;
import static jcuda.jcudnn.cudnnDataType.CUDNN_DATA_BFLOAT16;
import static jcuda.jcudnn.cudnnDataType.CUDNN_DATA_FLOAT;
import static jcuda.jcudnn.cudnnDataType.CUDNN_DATA_HALF;
import static jcuda.jcudnn.cudnnMathType.CUDNN_FMA_MATH;
import static jcuda.jcudnn.cudnnMathType.CUDNN_TENSOR_OP_MATH;
import static jcuda.jcudnn.cudnnTensorFormat.CUDNN_TENSOR_NHWC;

import dev.darkroom.tensor.DType;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.function.IntSupplier;
import jcuda.jcudnn.JCudnn;
import jcuda.jcudnn.cudnnConvolutionDescriptor;
import jcuda.jcudnn.cudnnFilterDescriptor;
import jcuda.jcudnn.cudnnTensorDescriptor;

/** A convolution of one image in cuDNN's terms: its maps, its weight, and how the weight moves. */
final class CudnnDescriptors implements AutoCloseable {
    private final Product product;
    private final cudnnTensorDescriptor x = new cudnnTensorDescriptor();
    private final cudnnFilterDescriptor weight = new cudnnFilterDescriptor();
    private final cudnnConvolutionDescriptor convolution = new cudnnConvolutionDescriptor();
    private final cudnnTensorDescriptor y = new cudnnTensorDescriptor();
    private final Deque<IntSupplier> releases = new ArrayDeque<>();

    /** @param product a convolution that is padded alike on all sides */
    CudnnDescriptors(Product product) {
        this.product = product;
        try {
            create();
            int type = type(product.dtype());
            setMap(x, type, product.in(), product.height(), product.width());
            setMap(y, type, product.out(), product.outputHeight(), product.outputWidth());
            check(
                    JCudnn.cudnnSetFilter4dDescriptor(
                            weight,
                            type,
                            CUDNN_TENSOR_NHWC,
                            product.out(),
                            product.in(),
                            product.kernelHeight(),
                            product.kernelWidth()),
                    "cudnnSetFilter4dDescriptor");
            int padding = product.paddingBefore();
            int stride = product.stride();
            check(
                    JCudnn.cudnnSetConvolution2dDescriptor(
                            convolution,
                            padding,
                            padding,
                            stride,
                            stride,
                            1,
                            1,
                            CUDNN_CROSS_CORRELATION,
                            CUDNN_DATA_FLOAT),
                    "cudnnSetConvolution2dDescriptor");
            // Tensor cores may sum halves; f32 they would round to TF32.
            int math = product.dtype() == DType.F32 ? CUDNN_FMA_MATH : CUDNN_TENSOR_OP_MATH;
            check(JCudnn.cudnnSetConvolutionMathType(convolution, math), "cudnnSetConvolutionMathType");
        } catch (RuntimeException e) {
            try (this) {
                throw e;
            }
        }
    }

    private void create() {
        check(JCudnn.cudnnCreateTensorDescriptor(x), "cudnnCreateTensorDescriptor");
        releases.push(() -> JCudnn.cudnnDestroyTensorDescriptor(x));
        check(JCudnn.cudnnCreateTensorDescriptor(y), "cudnnCreateTensorDescriptor");
        releases.push(() -> JCudnn.cudnnDestroyTensorDescriptor(y));
        check(JCudnn.cudnnCreateFilterDescriptor(weight), "cudnnCreateFilterDescriptor");
        releases.push(() -> JCudnn.cudnnDestroyFilterDescriptor(weight));
        check(JCudnn.cudnnCreateConvolutionDescriptor(convolution), "cudnnCreateConvolutionDescriptor");
        releases.push(() -> JCudnn.cudnnDestroyConvolutionDescriptor(convolution));
    }

    /** One map [height, width, channels]. */
    private void setMap(cudnnTensorDescriptor map, int type, int channels, int height, int width) {
        check(
                JCudnn.cudnnSetTensor4dDescriptor(map, CUDNN_TENSOR_NHWC, type, 1, channels, height, width),
                "cudnnSetTensor4dDescriptor");
    }

    private static int type(DType dtype) {
        return switch (dtype) {
            case F32 -> CUDNN_DATA_FLOAT;
            case F16 -> CUDNN_DATA_HALF;
            case BF16 -> CUDNN_DATA_BFLOAT16;
            default -> throw new IllegalArgumentException("cuDNN convolves no " + dtype);
        };
    }

    cudnnTensorDescriptor x() {
        return x;
    }

    cudnnFilterDescriptor weight() {
        return weight;
    }

    cudnnConvolutionDescriptor convolution() {
        return convolution;
    }

    cudnnTensorDescriptor y() {
        return y;
    }

    private void check(int status, String call) {
        Cudnn.check(status, call, product);
    }

    @Override
    public void close() {
        while (!releases.isEmpty()) {
            check(releases.pop().getAsInt(), "cudnnDestroy…Descriptor");
        }
    }
}
