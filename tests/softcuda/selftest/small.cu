// Small kernels for the tests of the software device.

extern "C" __global__ void fill(float* y, float value, int n) {
    int i = blockIdx.x * blockDim.x + threadIdx.x;
    if (i < n) y[i] = value;
}

extern "C" __global__ void addOne(float* y, int n) {
    int i = blockIdx.x * blockDim.x + threadIdx.x;
    if (i < n) y[i] += 1;
}

/** y[i] = x[n - 1 - i] within a block, through shared memory; `barrier` says whether the threads wait for each other. */
extern "C" __global__ void reverse(const float* x, float* y, int barrier) {
    extern __shared__ float values[];
    values[threadIdx.x] = x[threadIdx.x];
    if (barrier) __syncthreads();
    y[threadIdx.x] = values[blockDim.x - 1 - threadIdx.x];
}

/** Neighbours in 16 bits each: no race, though they share 4 bytes. */
extern "C" __global__ void halves(unsigned short* y) {
    __shared__ unsigned short values[64];
    values[threadIdx.x] = threadIdx.x;
    values[threadIdx.x] += 1;
    y[threadIdx.x] = values[threadIdx.x];
}

/** Sums over lanes by shuffles, over warps by an atomic in shared memory; counts by a vote. */
extern "C" __global__ void sums(const int* x, int* y) {
    __shared__ int total;
    if (threadIdx.x == 0) total = 0;
    __syncthreads();
    int sum = x[threadIdx.x];
    for (int i = 16; i; i /= 2) sum += __shfl_down_sync(~0u, sum, i);
    if (threadIdx.x % 32 == 0) atomicAdd(&total, sum);
    int odd = __popc(__ballot_sync(~0u, x[threadIdx.x] & 1));
    __syncthreads();
    y[2 * threadIdx.x] = total;
    y[2 * threadIdx.x + 1] = odd;
}

extern "C" __global__ void misaligned(float* y) { *reinterpret_cast<float4*>(y + 1) = make_float4(0, 0, 0, 0); }

extern "C" __global__ void nullPointer(float* y) { y[threadIdx.x] = 0; }

extern "C" __global__ void outsideShared(float* y) {
    extern __shared__ float values[];
    y[0] = values[threadIdx.x];
}

/** Lanes of one warp at two operations at once. */
extern "C" __global__ void divergent(float* y) {
    if (threadIdx.x < 16) {
        __syncwarp();
    } else {
        y[threadIdx.x] = __shfl_sync(~0u, y[0], 0);
    }
}

/** One thread waits for its warp, the others for the block. */
extern "C" __global__ void deadlock(float* y) {
    if (threadIdx.x == 0) __syncwarp();
    __syncthreads();
    y[threadIdx.x] = 0;
}
