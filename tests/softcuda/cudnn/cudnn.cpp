// The interface of cuDNN 9 as far as it is called: forward convolutions of NHWC maps in the order of a stream, with sums in float.
// As with the real one, the order of a sum may depend on the number of images.
#include <set>
#include <vector>

#include "../driver/elements.h"
#include "../driver/libraries.h"

using namespace softcuda;

namespace {

enum Status { OK = 0, NOT_INITIALIZED = 1001, BAD_PARAM = 2000, NOT_SUPPORTED = 3000, ALLOC_FAILED = 4003, EXECUTION_FAILED = 5000 };
enum Algorithm { IMPLICIT_GEMM = 0, IMPLICIT_PRECOMP_GEMM = 1 };
constexpr int NHWC = 1, CROSS_CORRELATION = 1, FLOAT = 0, FMA_MATH = 3, TENSOR_OP_MATH = 1;

struct Handle {
    void* stream = nullptr;
};

/** A tensor [n, h, w, c], or a filter [out, h, w, in] with out as n. */
struct Map {
    int type = -1, n = 0, c = 0, h = 0, w = 0;

    Type elements() const { return type == 0 ? Type::F32 : type == 2 ? Type::F16 : Type::BF16; }
    size_t count() const { return size_t(n) * h * w * c; }
    size_t bytes() const { return count() * bytesOf(elements()); }
};

struct Geometry {
    int padTop = 0, padLeft = 0, stepDown = 0, stepRight = 0, math = 0;
    bool known = false;
};

std::set<void*>& handles() {
    static std::set<void*> all;
    return all;
}

bool isType(int type) { return type == 0 || type == 2 || type == 9; }

int outputSize(int size, int kernel, int pad, int step) { return (size + 2 * pad - kernel) / step + 1; }

Status check(const Map& x, const Map& w, const Geometry& geometry, const Map& y) {
    if (!isType(x.type) || x.type != w.type || x.type != y.type || !geometry.known) return BAD_PARAM;
    if (x.c != w.c || y.c != w.n || y.n != x.n) return BAD_PARAM;
    if (y.h != outputSize(x.h, w.h, geometry.padTop, geometry.stepDown)) return BAD_PARAM;
    if (y.w != outputSize(x.w, w.w, geometry.padLeft, geometry.stepRight)) return BAD_PARAM;
    return geometry.math == (x.type == 0 ? FMA_MATH : TENSOR_OP_MATH) ? OK : NOT_SUPPORTED;  // f32 in TF32 is what no one asks for
}

size_t workspaceBytes(const Map& y, int algorithm) { return algorithm == IMPLICIT_PRECOMP_GEMM ? size_t(y.h) * y.w * sizeof(int) : 0; }

struct Convolution {
    Map x, w, y;
    Geometry geometry;
    const void *input, *filter;
    void *output, *workspace;
    size_t workspaceSize;
    float alpha, beta;

    int run() const {
        if (int code = checkOperands("cudnnConvolutionForward", {{"x", input, x.bytes()}, {"w", filter, w.bytes()}, {"y", output, y.bytes()}}))
            return code;
        if (workspaceSize) {
            if (int code = checkOperands("cudnnConvolutionForward", {{"workspace", workspace, workspaceSize}})) return code;
            memset(workspace, 0xff, workspaceSize);
        }
        int depth = w.h * w.w * w.c;
        std::vector<float> filters(w.count()), patch(depth);
        for (size_t i = 0; i < filters.size(); i++) filters[i] = load(filter, w.elements(), i);
        for (size_t pixel = 0; pixel < size_t(y.n) * y.h * y.w; pixel++) {
            gather(pixel, patch);
            for (int o = 0; o < y.c; o++) {
                float sum = dot(patch.data(), &filters[size_t(o) * depth], depth, 1 + y.n % 3);
                size_t place = pixel * y.c + o;
                store(output, y.elements(), place, alpha * sum + (beta == 0 ? 0 : beta * load(output, y.elements(), place)));
            }
        }
        return 0;
    }

    /** What lies under the filter at a pixel of y, zeros outside the map. */
    void gather(size_t pixel, std::vector<float>& patch) const {
        int top = static_cast<int>(pixel / y.w % y.h) * geometry.stepDown - geometry.padTop;
        int left = static_cast<int>(pixel % y.w) * geometry.stepRight - geometry.padLeft;
        size_t image = pixel / y.w / y.h, k = 0;
        for (int i = top; i < top + w.h; i++)
            for (int j = left; j < left + w.w; j++)
                for (int c = 0; c < x.c; c++)
                    patch[k++] = i < 0 || i >= x.h || j < 0 || j >= x.w ? 0 : load(input, x.elements(), ((image * x.h + i) * x.w + j) * x.c + c);
    }
};

}  // namespace

#define CUDNN_API extern "C" __attribute__((visibility("default")))
#define CUDNN_BEGIN() \
    if (int planned = countLibraryCall()) return planned

CUDNN_API size_t cudnnGetVersion() { return 90100; }

CUDNN_API const char* cudnnGetErrorString(int status) {
    switch (status) {
        case OK: return "CUDNN_STATUS_SUCCESS";
        case NOT_INITIALIZED: return "CUDNN_STATUS_NOT_INITIALIZED";
        case BAD_PARAM: return "CUDNN_STATUS_BAD_PARAM";
        case NOT_SUPPORTED: return "CUDNN_STATUS_NOT_SUPPORTED";
        case ALLOC_FAILED: return "CUDNN_STATUS_INTERNAL_ERROR_DEVICE_ALLOCATION_FAILED";
        case EXECUTION_FAILED: return "CUDNN_STATUS_EXECUTION_FAILED";
        default: return "CUDNN_STATUS unknown";
    }
}

CUDNN_API int cudnnCreate(void** handle) {
    CUDNN_BEGIN();
    if (!mayAllocate()) return ALLOC_FAILED;
    *handle = new Handle;
    handles().insert(*handle);
    return OK;
}

CUDNN_API int cudnnDestroy(void* handle) {
    CUDNN_BEGIN();
    if (!handles().erase(handle)) return NOT_INITIALIZED;
    delete static_cast<Handle*>(handle);
    return OK;
}

CUDNN_API int cudnnSetStream(void* handle, void* stream) {
    CUDNN_BEGIN();
    if (!handles().count(handle)) return NOT_INITIALIZED;
    static_cast<Handle*>(handle)->stream = stream;
    return OK;
}

template <class T>
static int create(void** made) {
    CUDNN_BEGIN();
    return *made = new T, OK;
}

template <class T>
static int destroy(void* descriptor) {
    CUDNN_BEGIN();
    return delete static_cast<T*>(descriptor), OK;
}

CUDNN_API int cudnnCreateTensorDescriptor(void** made) { return create<Map>(made); }
CUDNN_API int cudnnDestroyTensorDescriptor(void* descriptor) { return destroy<Map>(descriptor); }
CUDNN_API int cudnnCreateFilterDescriptor(void** made) { return create<Map>(made); }
CUDNN_API int cudnnDestroyFilterDescriptor(void* descriptor) { return destroy<Map>(descriptor); }
CUDNN_API int cudnnCreateConvolutionDescriptor(void** made) { return create<Geometry>(made); }
CUDNN_API int cudnnDestroyConvolutionDescriptor(void* descriptor) { return destroy<Geometry>(descriptor); }

static int set(void* descriptor, int format, const Map& map) {
    CUDNN_BEGIN();
    if (format != NHWC || !isType(map.type)) return NOT_SUPPORTED;
    if (map.n < 1 || map.c < 1 || map.h < 1 || map.w < 1) return BAD_PARAM;
    *static_cast<Map*>(descriptor) = map;
    return OK;
}

CUDNN_API int cudnnSetTensor4dDescriptor(void* descriptor, int format, int type, int n, int c, int h, int w) {
    return set(descriptor, format, {type, n, c, h, w});
}

CUDNN_API int cudnnSetFilter4dDescriptor(void* descriptor, int type, int format, int out, int in, int h, int w) {
    return set(descriptor, format, {type, out, in, h, w});
}

CUDNN_API int cudnnSetConvolution2dDescriptor(void* descriptor, int padTop, int padLeft, int stepDown, int stepRight, int spreadDown,
                                              int spreadRight, int mode, int compute) {
    CUDNN_BEGIN();
    if (spreadDown != 1 || spreadRight != 1 || mode != CROSS_CORRELATION || compute != FLOAT) return NOT_SUPPORTED;
    if (padTop < 0 || padLeft < 0 || stepDown < 1 || stepRight < 1) return BAD_PARAM;
    *static_cast<Geometry*>(descriptor) = {padTop, padLeft, stepDown, stepRight, 0, true};
    return OK;
}

CUDNN_API int cudnnSetConvolutionMathType(void* descriptor, int math) {
    CUDNN_BEGIN();
    return static_cast<Geometry*>(descriptor)->math = math, OK;
}

CUDNN_API int cudnnGetConvolutionForwardWorkspaceSize(void* handle, void* x, void* w, void* geometry, void* y, int algorithm, size_t* bytes) {
    CUDNN_BEGIN();
    if (!handles().count(handle)) return NOT_INITIALIZED;
    const Map& output = *static_cast<Map*>(y);
    if (int status = check(*static_cast<Map*>(x), *static_cast<Map*>(w), *static_cast<Geometry*>(geometry), output)) return status;
    if (algorithm != IMPLICIT_GEMM && algorithm != IMPLICIT_PRECOMP_GEMM) return NOT_SUPPORTED;
    return *bytes = workspaceBytes(output, algorithm), OK;
}

CUDNN_API int cudnnConvolutionForward(void* handle, const void* alpha, void* xMap, const void* x, void* wMap, const void* w, void* geometry,
                                      int algorithm, void* workspace, size_t workspaceSize, const void* beta, void* yMap, void* y) {
    CUDNN_BEGIN();
    if (!handles().count(handle)) return NOT_INITIALIZED;
    Convolution work = {*static_cast<Map*>(xMap), *static_cast<Map*>(wMap), *static_cast<Map*>(yMap), *static_cast<Geometry*>(geometry),
                        x, w, y, workspace, workspaceSize, *static_cast<const float*>(alpha), *static_cast<const float*>(beta)};
    if (int status = check(work.x, work.w, work.geometry, work.y)) return status;
    if (algorithm != IMPLICIT_GEMM && algorithm != IMPLICIT_PRECOMP_GEMM) return NOT_SUPPORTED;
    if (workspaceSize < workspaceBytes(work.y, algorithm)) return BAD_PARAM;
    return enqueue(static_cast<Handle*>(handle)->stream, [work] { return work.run(); }) ? EXECUTION_FAILED : OK;
}
