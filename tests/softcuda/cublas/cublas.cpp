// The interface of cuBLAS 12 as far as it is called: matrix products in the order of a stream, with sums in float.
// As with the real one, the order of a sum may depend on every size of the product: here on the number of columns.
#include <set>
#include <vector>

#include "../driver/elements.h"
#include "../driver/libraries.h"

using namespace softcuda;

namespace {

enum Status { OK = 0, NOT_INITIALIZED = 1, ALLOC_FAILED = 3, INVALID_VALUE = 7, EXECUTION_FAILED = 13, NOT_SUPPORTED = 15 };
constexpr int COMPUTE_32F = 68, MATH_DEFAULT = 0, DISALLOW_REDUCED_PRECISION_REDUCTION = 16;

struct Handle {
    void* stream = nullptr;
    void* workspace = nullptr;
    size_t workspaceBytes = 0;
};

std::set<void*>& handles() {
    static std::set<void*> all;
    return all;
}

/** The library's number of a type as ours; false where it is none of those that are served. */
bool typeOf(int number, Type& type) {
    switch (number) {
        case 0: return type = Type::F32, true;
        case 2: return type = Type::F16, true;
        case 14: return type = Type::BF16, true;
        default: return false;
    }
}

/** A matrix of column-major elements, its rows and columns exchanged where `transposed`. */
struct Matrix {
    const void* at;
    Type type;
    int leading;
    bool transposed;

    /** Vector i of `depth` elements that run along the sum: row i of the left matrix, column i of the right one. */
    std::vector<float> vectors(int count, int depth, bool vectorsAreColumns) const {
        std::vector<float> all(size_t(count) * depth);
        for (int i = 0; i < count; i++)
            for (int k = 0; k < depth; k++)
                all[size_t(i) * depth + k] = load(at, type, vectorsAreColumns ? size_t(i) * leading + k : size_t(k) * leading + i);
        return all;
    }

    size_t bytes(int rows, int columns) const {
        int stored = transposed ? rows : columns;
        return (size_t(stored - 1) * leading + (transposed ? columns : rows)) * bytesOf(type);
    }
};

struct Product {
    int m, n, k;
    float alpha, beta;
    Matrix a, b;
    void* c;
    Type typeC;
    int leadingC;

    int run() const {
        size_t bytesC = (size_t(n - 1) * leadingC + m) * bytesOf(typeC);
        if (int code = checkOperands("cublasGemmEx", {{"A", a.at, a.bytes(m, k)}, {"B", b.at, b.bytes(k, n)}, {"C", c, bytesC}})) return code;
        std::vector<float> left = a.vectors(m, k, a.transposed), right = b.vectors(n, k, !b.transposed);
        for (int j = 0; j < n; j++) {
            for (int i = 0; i < m; i++) {
                size_t place = size_t(j) * leadingC + i;
                float sum = dot(&left[size_t(i) * k], &right[size_t(j) * k], k, 1 + n % 3);
                store(c, typeC, place, alpha * sum + (beta == 0 ? 0 : beta * load(c, typeC, place)));
            }
        }
        return 0;
    }
};

}  // namespace

#define CUBLAS_API extern "C" __attribute__((visibility("default"))) int
#define CUBLAS_BEGIN(handle)                        \
    if (int planned = countLibraryCall()) return planned; \
    if (!handles().count(handle)) return NOT_INITIALIZED

CUBLAS_API cublasGetProperty(int kind, int* value) {
    const int version[] = {12, 6, 0};
    if (kind < 0 || kind > 2) return INVALID_VALUE;
    return *value = version[kind], OK;
}

/** Takes device memory, which a capture does not allow. */
CUBLAS_API cublasCreate_v2(void** handle) {
    if (int planned = countLibraryCall()) return planned;
    if (!mayAllocate()) return ALLOC_FAILED;
    *handle = new Handle;
    handles().insert(*handle);
    return OK;
}

CUBLAS_API cublasDestroy_v2(void* handle) {
    CUBLAS_BEGIN(handle);
    handles().erase(handle);
    delete static_cast<Handle*>(handle);
    return OK;
}

/** Forgets the workspace, as the real one does. */
CUBLAS_API cublasSetStream_v2(void* handle, void* stream) {
    CUBLAS_BEGIN(handle);
    *static_cast<Handle*>(handle) = Handle{stream, nullptr, 0};
    return OK;
}

CUBLAS_API cublasSetWorkspace_v2(void* handle, void* workspace, size_t bytes) {
    CUBLAS_BEGIN(handle);
    if (reinterpret_cast<uintptr_t>(workspace) % 256 || !holds(workspace, bytes)) return INVALID_VALUE;
    static_cast<Handle*>(handle)->workspace = workspace;
    static_cast<Handle*>(handle)->workspaceBytes = bytes;
    return OK;
}

/** Reduced precision, TF32 or in reductions, is not there: nothing here may ask for it. */
CUBLAS_API cublasSetMathMode(void* handle, int mode) {
    CUBLAS_BEGIN(handle);
    return mode == MATH_DEFAULT || mode == DISALLOW_REDUCED_PRECISION_REDUCTION ? OK : NOT_SUPPORTED;
}

/** C [m, n] = alpha · op(A) [m, k] · op(B) [k, n] + beta · C, all of column-major elements. A workspace must have been given. */
CUBLAS_API cublasGemmEx(void* handle, int transA, int transB, int m, int n, int k, const void* alpha, const void* a, int typeA, int lda,
                        const void* b, int typeB, int ldb, const void* beta, void* c, int typeC, int ldc, int compute, int) {
    CUBLAS_BEGIN(handle);
    Product product = {m, n, k, *static_cast<const float*>(alpha), *static_cast<const float*>(beta), {a, {}, lda, transA == 1},
                       {b, {}, ldb, transB == 1}, c, {}, ldc};
    if (m < 0 || n < 0 || k < 0 || lda < (transA ? k : m) || ldb < (transB ? n : k) || ldc < m) return INVALID_VALUE;
    bool known = typeOf(typeA, product.a.type) && typeOf(typeB, product.b.type) && typeOf(typeC, product.typeC);
    if (!known || typeA != typeB || (typeC != typeA && product.typeC != Type::F32) || compute != COMPUTE_32F) return NOT_SUPPORTED;
    if (!m || !n) return OK;
    const Handle& state = *static_cast<Handle*>(handle);
    if (!holds(state.workspace, state.workspaceBytes)) return EXECUTION_FAILED;  // its own would make captures fail
    return enqueue(state.stream, [product] { return product.run(); }) ? EXECUTION_FAILED : OK;
}
