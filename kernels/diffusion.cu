// What samplers and the ends of the networks need.
//   weightedSums      y_o[n,i] = Σ_k coefficients[n or 0, o, k] · terms_k[n,i], several sums of the same terms
//   timeEmbedding     y[n,j], y[n,half+j] = cos, sin (or sin, cos) of t[n] · 10000^(-j / (half - shift)),   half = width / 2
//   rescale           y = factor · guided · std(conditional) / std(guided) + (1 - factor) · guided, image by image, unbiased deviations
//   dynamicThreshold  y = clip(x, -s, s) / s,   s = the quantile of |x| of an image, held between 1 and `most`
//   countNonFinite    *count += how many of x are infinite or not a number
// Source    Vaswani et al. 2017, section 3.5; Lin et al. 2023, eq. 15 and 16; Saharia et al. 2022, section 2.3.
// Java      DiffusionKernels
// Shapes    all float and dense, but for x of T in countNonFinite (count i32 [1]), and terms of T in weightedSums.
// Needs     any sizes from 1; rescale and dynamicThreshold take images of fewer than 2^31 elements, rescale of 2 and more; width is even.
// Numerics  weightedSums (16 terms at a time), timeEmbedding and deviations in double: the samples of a hundred steps add up. Sums of an image in
//           an order that depends on its size alone. The quantile is exact: the two ranks around it, found by bisection of their bits.
// Schedule  a thread for an element; rescale and dynamicThreshold take a block for an image.
// Cost      each reads and writes its operands once, but for rescale (5 reads) and dynamicThreshold (62 reads, from the first-level cache for
//           latents of 64 x 64). Predicted, not measured: for latents of 64 x 64 x 4 all take as long as a launch, 2 to 5 µs, but for
//           dynamicThreshold, whose 62 counts take about 1 µs each.
// Tried     Sorting an image for its quantile: more code, and memory for the sorted values.
#include "elements.cuh"

constexpr int THREADS = 256;
constexpr int IMAGE_THREADS = 1024; // of a block that serves a whole image
constexpr int TERMS = 16;
constexpr int SUMS = 4;

DEVICE i64 elementOfThread() {
    return static_cast<i64>(blockIdx.x) * THREADS + threadIdx.x;
}

/**
 * Up to 4 sums of up to 16 terms, of which those in the bits of `narrow` are of T and the others float. `coefficients` are those of the first
 * term and sum, `sumStride` lies between sums and `imageStride` between images. The terms add to y where they are `more` of them.
 * grid (blocks, images), block 256.
 */
extern "C" __global__ void __launch_bounds__(THREADS)
    weightedSums(const float* coefficients, i64 imageStride, int sumStride, const void* term0, const void* term1, const void* term2,
                 const void* term3, const void* term4, const void* term5, const void* term6, const void* term7, const void* term8,
                 const void* term9, const void* term10, const void* term11, const void* term12, const void* term13, const void* term14,
                 const void* term15, int terms, u32 narrow, float* y0, float* y1, float* y2, float* y3, int sums, int more, int images,
                 i64 perImage) {
    const void* from[TERMS] = {term0, term1, term2,  term3,  term4,  term5,  term6,  term7,
                               term8, term9, term10, term11, term12, term13, term14, term15};
    float* to[SUMS] = {y0, y1, y2, y3};
    const i64 element = elementOfThread();
    if (element >= perImage) {
        return;
    }
    for (int image = blockIdx.y; image < images; image += gridDim.y) {
        const i64 i = image * perImage + element;
        float values[TERMS] = {};
#pragma unroll
        for (int k = 0; k < TERMS; k++) {
            if (k < terms) {
                values[k] = narrow >> k & 1 ? toFloat(static_cast<const T*>(from[k])[i]) : static_cast<const float*>(from[k])[i];
            }
        }
#pragma unroll
        for (int o = 0; o < SUMS; o++) {
            if (o < sums) {
                const float* row = coefficients + image * imageStride + o * sumStride;
                double sum = more ? to[o][i] : 0;
#pragma unroll
                for (int k = 0; k < TERMS; k++) {
                    if (k < terms) {
                        sum += static_cast<double>(row[k]) * values[k];
                    }
                }
                to[o][i] = static_cast<float>(sum);
            }
        }
    }
}

extern "C" __global__ void __launch_bounds__(THREADS)
    timeEmbedding(const float* t, float* y, int images, int width, int cosFirst, float shift) {
    const i64 i = elementOfThread();
    const int half = width / 2;
    if (i >= static_cast<i64>(images) * half) {
        return;
    }
    const int j = static_cast<int>(i % half);
    const i64 image = i / half;
    const double angle = t[image] * exp(-9.210340371976184 * j / (half - static_cast<double>(shift))); // ln 10000
    y[image * width + (cosFirst ? j : half + j)] = static_cast<float>(cos(angle));
    y[image * width + (cosFirst ? half + j : j)] = static_cast<float>(sin(angle));
}

/** The sum over a block, in an order that depends on its size alone. */
DEVICE double blockTotal(double value, double* scratch) {
    scratch[threadIdx.x] = value;
    for (int distance = IMAGE_THREADS / 2; distance > 0; distance /= 2) {
        __syncthreads();
        if (threadIdx.x < distance) {
            scratch[threadIdx.x] += scratch[threadIdx.x + distance];
        }
    }
    __syncthreads();
    double total = scratch[0];
    __syncthreads();
    return total;
}

DEVICE double deviation(const float* x, int count, double* scratch) {
    double sum = 0;
    for (int i = threadIdx.x; i < count; i += IMAGE_THREADS) {
        sum += x[i];
    }
    const double mean = blockTotal(sum, scratch) / count;
    double squares = 0;
    for (int i = threadIdx.x; i < count; i += IMAGE_THREADS) {
        squares += (x[i] - mean) * (x[i] - mean);
    }
    return sqrt(blockTotal(squares, scratch) / (count - 1));
}

/** grid (images), block 1024. */
extern "C" __global__ void __launch_bounds__(IMAGE_THREADS)
    rescale(const float* guided, const float* conditional, float* y, int count, float factor) {
    __shared__ double scratch[IMAGE_THREADS];
    const i64 image = static_cast<i64>(blockIdx.x) * count;
    const double ratio = deviation(conditional + image, count, scratch) / deviation(guided + image, count, scratch);
    const double scale = factor * ratio + (1.0 - factor);
    for (int i = threadIdx.x; i < count; i += IMAGE_THREADS) {
        y[image + i] = static_cast<float>(guided[image + i] * scale);
    }
}

DEVICE u32 magnitudeBits(float value) {
    return __float_as_uint(value) & 0x7fffffffu; // ordered as the magnitudes are; not a number above all
}

/** How many magnitudes are at most `bits`. */
DEVICE int countUpTo(const float* x, int count, u32 bits) {
    __shared__ int total;
    __syncthreads();
    if (threadIdx.x == 0) {
        total = 0;
    }
    __syncthreads();
    int own = 0;
    for (int i = threadIdx.x; i < count; i += IMAGE_THREADS) {
        own += magnitudeBits(x[i]) <= bits;
    }
    atomicAdd(&total, own);
    __syncthreads();
    return total;
}

/** The magnitude of rank `rank`, from 0. */
DEVICE float magnitudeOfRank(const float* x, int count, int rank) {
    u32 low = 0;
    u32 high = 0x7fffffffu;
    while (low < high) {
        u32 middle = low + (high - low) / 2;
        if (countUpTo(x, count, middle) > rank) {
            high = middle;
        } else {
            low = middle + 1;
        }
    }
    return __uint_as_float(low);
}

/** grid (images), block 1024. The quantile lies `fraction` of the way from rank `below` to the next. */
extern "C" __global__ void __launch_bounds__(IMAGE_THREADS)
    dynamicThreshold(const float* x, float* y, int count, int below, double fraction, float most) {
    const i64 image = static_cast<i64>(blockIdx.x) * count;
    const float lower = magnitudeOfRank(x + image, count, below);
    const float upper = magnitudeOfRank(x + image, count, min(below + 1, count - 1));
    const float quantile = static_cast<float>(lower + fraction * (static_cast<double>(upper) - lower));
    const float limit = quantile != quantile ? quantile : fminf(fmaxf(quantile, 1.0f), most); // what is no number stays none
    for (int i = threadIdx.x; i < count; i += IMAGE_THREADS) {
        const float value = x[image + i];
        y[image + i] = (value != value ? value : fminf(fmaxf(value, -limit), limit)) / limit;
    }
}

extern "C" __global__ void __launch_bounds__(THREADS) countNonFinite(const T* x, int* found, i64 count) {
    const i64 i = elementOfThread();
    const bool broken = i < count && 0.0f * toFloat(x[i]) != 0.0f;
    const int inBlock = __syncthreads_count(broken);
    if (threadIdx.x == 0 && inBlock > 0) {
        atomicAdd(found, inBlock);
    }
}
