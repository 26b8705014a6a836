package dev.darkroom.cuda.bind;

import java.util.List;

/**
 * The functions of CUDA's libraries that we call through JCuda, by their names in the libraries.
 *
 * <p>They are looked up before anything is called, since one that is not there would end the process. A test compares the lists with the calls in the
 * source.
 */
final class CalledFunctions {
    static final List<String> DRIVER = List.of(
            "cuCtxPopCurrent_v2",
            "cuCtxPushCurrent_v2",
            "cuCtxSetCurrent",
            "cuDeviceGet",
            "cuDeviceGetAttribute",
            "cuDeviceGetCount",
            "cuDeviceGetName",
            "cuDevicePrimaryCtxRelease_v2",
            "cuDevicePrimaryCtxRetain",
            "cuDeviceTotalMem_v2",
            "cuEventCreate",
            "cuEventDestroy_v2",
            "cuEventElapsedTime",
            "cuEventRecord",
            "cuEventSynchronize",
            "cuFuncGetAttribute",
            "cuFuncSetAttribute",
            "cuGraphDestroy",
            "cuGraphExecDestroy",
            "cuGraphInstantiateWithFlags",
            "cuGraphLaunch",
            "cuInit",
            "cuLaunchKernel",
            "cuMemAllocHost_v2",
            "cuMemAlloc_v2",
            "cuMemFreeHost",
            "cuMemFree_v2",
            "cuMemGetInfo_v2",
            "cuMemcpyDtoDAsync_v2",
            "cuMemcpyDtoHAsync_v2",
            "cuMemcpyHtoDAsync_v2",
            "cuMemsetD8Async",
            "cuModuleGetFunction",
            "cuModuleLoadData",
            "cuModuleUnload",
            "cuStreamBeginCapture_v2",
            "cuStreamCreate",
            "cuStreamDestroy_v2",
            "cuStreamEndCapture",
            "cuStreamSynchronize",
            "cuStreamWaitEvent");

    static final List<String> NVRTC = List.of(
            "nvrtcCompileProgram",
            "nvrtcCreateProgram",
            "nvrtcDestroyProgram",
            "nvrtcGetCUBIN",
            "nvrtcGetCUBINSize",
            "nvrtcGetNumSupportedArchs",
            "nvrtcGetProgramLog",
            "nvrtcGetProgramLogSize",
            "nvrtcGetSupportedArchs");

    static final List<String> CUBLAS = List.of(
            "cublasCreate_v2",
            "cublasDestroy_v2",
            "cublasGemmEx",
            "cublasSetMathMode",
            "cublasSetStream_v2",
            "cublasSetWorkspace_v2");

    static final List<String> CUDNN = List.of(
            "cudnnConvolutionForward",
            "cudnnCreate",
            "cudnnCreateConvolutionDescriptor",
            "cudnnCreateFilterDescriptor",
            "cudnnCreateTensorDescriptor",
            "cudnnDestroy",
            "cudnnDestroyConvolutionDescriptor",
            "cudnnDestroyFilterDescriptor",
            "cudnnDestroyTensorDescriptor",
            "cudnnGetConvolutionForwardWorkspaceSize",
            "cudnnGetErrorString",
            "cudnnSetConvolution2dDescriptor",
            "cudnnSetConvolutionMathType",
            "cudnnSetFilter4dDescriptor",
            "cudnnSetStream",
            "cudnnSetTensor4dDescriptor");

    private CalledFunctions() {}
}
