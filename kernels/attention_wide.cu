// Attention of wide heads, such as the single head of 512 channels of the VAE, with a streaming softmax on tensor cores.
//   y[n,i,h·D+c] = sum_j softmax_j(q[n,i,h]·k[n,j,h] / sqrt(D)) v[n,j,h·D+c]
// Source    Dao 2023 (FlashAttention-2), algorithm 1, with the width of a head divided among warps.
// Java      AttentionWideKernels
// Shapes    q, y [N, t, C], k, v [N, s, C] of T, C = heads · D, the heads side by side.
// Needs     T = f16 or bf16 (bf16 from capability 8.0), D a multiple of 8 from 168 to 512, all aligned to 16 bytes; any t, s >= 1, no mask. D comes
//           in as -D. 82,176 bytes of shared memory for D = 512, which every GPU has from 8.0 on; where there is less, attention_general.cu serves.
// Numerics  Products on tensor cores; softmax, its sums and the sums over keys in float, 16 keys at a time in order. A score is the sum of four sums,
//           each over a quarter of the width, added in an order that depends on the query's place among 64: the result of an image depends
//           on t and s alone. Weights are rounded to T before they are multiplied with v.
// Schedule  one block of 8 warps for 64 queries of a head. The queries of a wide head and its sums fill the registers, 192 of a thread for D = 512;
//           a warp has 32 queries and a quarter of the width: its part of q·k, and its columns of weights·v. So a tile of keys or values is
//           read from shared memory twice, not once for every 16 queries. After q·k the four warps of the same queries exchange their parts of the
//           scores, as fragments hold them, so that each adds up 8 queries and takes their softmax; the weights come back through shared
//           memory. Two barriers a tile: between the second of one and the first of the next, warps do nothing but multiply. K and V pass
//           through two buffers each, and their copies have a whole tile's time to arrive.
// Cost      4·t·s·C FLOP; K and V are read t / 64 times, from L2. Predicted, not measured: t = s = 4096 of the VAE's head (a picture of 512 x 512,
//           34 GFLOP) takes 57 µs on all of an H200's tensor cores at the 600 TFLOP/s that mma.sync reaches, but its 64 blocks have but 64 of the
//           132 multiprocessors. There a tile takes about 850 clocks of tensor cores, as many of shared memory, and about 400 of softmax and
//           barriers that nothing overlaps: 0.2 ms, of a decoder's 3 or more; t = s = 16384 (1024 x 1024), two waves of blocks, 1.5 ms,
//           as long as L2 takes for 8.6 GB at 5.5 TB/s.
//           At most 255 registers, no spills from sm_75 to sm_120.
// Tried     Tiles of 32 keys, whose scores do not fit beside queries and sums: spills of 100 bytes and more on sm_80 and sm_90a.
//           On paper alone: the keys divided among two blocks, which a last one joins, takes 0.1 ms less for one picture of 512 x 512 and
//           nothing for larger ones or several, and wants memory for sums; 32 queries a block read K and V twice as often, 1 GB from L2.
#include "attention.cuh"

constexpr int QUERIES = 64;
constexpr int KEYS = 16;      // of a tile: the depth of a step of mma
constexpr int PARTS = 4;      // of a head's width, one a warp
constexpr int WARP_ROWS = 32; // queries of a warp,
constexpr int GROUPS = 4;     // in groups of 8, as halves of fragments have them
constexpr int THREADS = 32 * PARTS * QUERIES / WARP_ROWS;
constexpr int WIDTH = (D + 16 * PARTS - 1) / (16 * PARTS) * 16; // channels of a warp
constexpr int DEPTH = PARTS * WIDTH;                            // channels in shared memory
constexpr int ROW = DEPTH + PAD;
constexpr int TILE = KEYS * ROW;
constexpr int WEIGHTS_ROW = KEYS + PAD;
constexpr int COLUMN_TILES = WIDTH / 8;

static_assert(D % 8 == 0 && D > 160 && D <= 512, "other widths are attention.cu's and attention_general.cu's");
static_assert(GROUPS == PARTS, "a warp takes the softmax of the group of its queries that has the number of its part");

/** Two neighbouring scores. */
struct alignas(8) Pair {
    float at[2];
};

/** What this thread has of the block's work. */
struct Place {
    int lane = threadIdx.x % 32;
    int part = threadIdx.x / 32 % PARTS;
    int firstRow = threadIdx.x / 32 / PARTS * WARP_ROWS;

    /** The row of this lane in a group. */
    DEVICE int row(int group) const {
        return firstRow + group * 8 + lane / 4;
    }

    /** The row whose softmax this lane's quad takes. */
    DEVICE int ownRow() const {
        return row(part);
    }
};

/** Scores over parts of the width, on their way to the warp that adds them up. */
struct Exchange {
    Pair* pairs; // [THREADS / 32, PARTS - 1, 2, 32]

    /** Where the warp of part `from` leaves its scores of the group that the warp of part `to` adds up. */
    DEVICE Pair& at(const Place& place, int to, int from, int tile) const {
        int warp = place.firstRow / WARP_ROWS * PARTS + to;
        int slot = (from - to + PARTS - 1) % PARTS;
        return pairs[((warp * (PARTS - 1) + slot) * 2 + tile) * 32 + place.lane];
    }
};

/** Fragments of a warp's 32 queries over its part of the width. */
using Queries = u32[2][WIDTH / 16][4];

/** Fragments of a warp's results: its queries, its part of the width. */
using Sums = float[2][COLUMN_TILES][4];

/** Of queries past the last, the last again. */
DEVICE void loadQueries(Queries& fragments, const T* q, i64 stride, int first, int count, const Place& place) {
#pragma unroll
    for (int m = 0; m < 2; m++) {
#pragma unroll
        for (int depth = 0; depth < WIDTH / 16; depth++) {
#pragma unroll
            for (int j = 0; j < 4; j++) {
                int row = min(first + place.row(2 * m + j % 2), count - 1);
                int channel = place.part * WIDTH + depth * 16 + j / 2 * 8 + place.lane % 4 * 2;
                fragments[m][depth][j] = channel < D ? *reinterpret_cast<const u32*>(q + row * stride + channel) : 0;
            }
        }
    }
}

/** Multiplies queries with a tile of keys; keeps the scores of the warp's own group and leaves those of the others. */
DEVICE void multiplyKeys(Pair (&own)[2], const Queries& q, const T* keys, const Exchange& exchange, const Place& place) {
    const T* row = keys + (place.lane % 8 + place.lane / 16 * 8) * ROW + place.part * WIDTH + place.lane / 8 % 2 * 8;
    float scores[2][2][4] = {};
#pragma unroll
    for (int depth = 0; depth < WIDTH / 16; depth++) {
        u32 b[4];
        loadMatrix4(b, row + depth * 16);
#pragma unroll
        for (int m = 0; m < 2; m++) {
            mma(scores[m][0], q[m][depth], b[0], b[1], T());
            mma(scores[m][1], q[m][depth], b[2], b[3], T());
        }
    }
#pragma unroll
    for (int group = 0; group < GROUPS; group++) {
#pragma unroll
        for (int tile = 0; tile < 2; tile++) {
            const float* pair = &scores[group / 2][tile][group % 2 * 2];
            Pair sums = {{pair[0], pair[1]}};
            if (group == place.part) {
                own[tile] = sums;
            } else {
                exchange.at(place, group, place.part, tile) = sums;
            }
        }
    }
}

/** Adds to the warp's own scores what the other parts of the width have left. */
DEVICE void addParts(Pair (&own)[2], const Exchange& exchange, const Place& place) {
#pragma unroll
    for (int other = 1; other < PARTS; other++) {
#pragma unroll
        for (int tile = 0; tile < 2; tile++) {
            Pair more = exchange.at(place, place.part, place.part + other, tile);
            own[tile].at[0] += more.at[0];
            own[tile].at[1] += more.at[1];
        }
    }
}

/** sums *= fades, of the rows. */
DEVICE void shrink(Sums& sums, const float* fades, const Place& place) {
    float fade[GROUPS];
    bool stays = true;
#pragma unroll
    for (int group = 0; group < GROUPS; group++) {
        fade[group] = fades[place.row(group)];
        stays = stays && fade[group] == 1.0f;
    }
    if (__all_sync(~0u, stays)) {
        return; // soon the largest scores hardly ever grow
    }
#pragma unroll
    for (int group = 0; group < GROUPS; group++) {
#pragma unroll
        for (int i = 0; i < COLUMN_TILES; i++) {
            sums[group / 2][i][group % 2 * 2] *= fade[group];
            sums[group / 2][i][group % 2 * 2 + 1] *= fade[group];
        }
    }
}

/** sums += weights · v. */
DEVICE void multiplyValues(Sums& sums, const T* weights, const T* values, const Place& place) {
    const T* weight = weights + (place.firstRow + place.lane % 16) * WEIGHTS_ROW + place.lane / 16 * 8;
    const T* value = values + place.lane % 16 * ROW + place.part * WIDTH + place.lane / 16 * 8;
    u32 a[2][4];
    loadMatrix4(a[0], weight);
    loadMatrix4(a[1], weight + 16 * WEIGHTS_ROW);
#pragma unroll
    for (int pair = 0; pair < COLUMN_TILES / 2; pair++) {
        u32 b[4];
        loadMatrix4Transposed(b, value + pair * 16);
#pragma unroll
        for (int m = 0; m < 2; m++) {
            mma(sums[m][2 * pair], a[m], b[0], b[1], T());
            mma(sums[m][2 * pair + 1], a[m], b[2], b[3], T());
        }
    }
}

/** y = sums / totals, where there are queries and channels. */
DEVICE void store(T* y, i64 stride, int first, int count, const Sums& sums, const float* totals, const Place& place) {
#pragma unroll
    for (int group = 0; group < GROUPS; group++) {
        int row = first + place.row(group);
        float total = totals[place.row(group)];
#pragma unroll
        for (int i = 0; i < COLUMN_TILES; i++) {
            const float* pair = &sums[group / 2][i][group % 2 * 2];
            int channel = place.part * WIDTH + i * 8 + place.lane % 4 * 2;
            if (row < count && channel < D) {
                *reinterpret_cast<u32*>(y + row * stride + channel) = packPair<T>(pair[0] / total, pair[1] / total);
            }
        }
    }
}

/** grid (ceil(t / 64), heads, N), block 256, dynamic shared memory as its first lines divide it. */
extern "C" __global__ void __launch_bounds__(THREADS, 1) attention(const T* q, const T* k, const T* v, T* y, int t, int s) {
    DYNAMIC_SHARED(T, keys);       // two tiles
    T* values = keys + 2 * TILE;   // two tiles
    T* weights = values + 2 * TILE; // [QUERIES, KEYS]
    const Exchange exchange = {reinterpret_cast<Pair*>(weights + QUERIES * WEIGHTS_ROW)};
    float* ofRows = reinterpret_cast<float*>(exchange.pairs + THREADS * (PARTS - 1) * 2); // [QUERIES]: by what sums shrink; at last the totals
    const Place place;
    const i64 stride = static_cast<i64>(gridDim.y) * D;
    const i64 ofQueries = static_cast<i64>(blockIdx.z) * t * stride + blockIdx.y * D;
    const i64 ofKeys = static_cast<i64>(blockIdx.z) * s * stride + blockIdx.y * D;
    const int first = blockIdx.x * QUERIES;
    auto fetch = [&](T* tiles, const T* source, int tile) {
        startLoad<DEPTH, THREADS>(tiles + tile % 2 * TILE, source + ofKeys, stride, tile * KEYS, KEYS, s);
    };

    fetch(keys, k, 0);
    copyCommit();
    fetch(keys, k, 1);
    fetch(values, v, 0);
    copyCommit();
    Queries fragments;
    loadQueries(fragments, q + ofQueries, stride, first, t, place);
    Sums sums = {};
    RunningSoftmax softmax;
    const float scale = LOG2_E / sqrtf(static_cast<float>(D));
    copyWait<1>();
    __syncthreads();
    for (int tile = 0; tile * KEYS < s; tile++) {
        Pair scores[2];
        multiplyKeys(scores, fragments, keys + tile % 2 * TILE, exchange, place);
        __syncthreads(); // all parts have left their scores; these keys and the values before are no longer read
        fetch(keys, k, tile + 2);
        fetch(values, v, tile + 1);
        copyCommit();

        addParts(scores, exchange, place);
#pragma unroll
        for (int i = 0; i < 4; i++) {
            int key = tile * KEYS + i / 2 * 8 + place.lane % 4 * 2 + i % 2;
            float& score = scores[i / 2].at[i % 2];
            score = key < s ? score * scale : -infinity();
        }
        float fade = softmax.add<4>([&](int i) -> float& { return scores[i / 2].at[i % 2]; });
        if (place.lane % 4 == 0) {
            ofRows[place.ownRow()] = fade;
        }
#pragma unroll
        for (int i = 0; i < 2; i++) {
            T* target = weights + place.ownRow() * WEIGHTS_ROW + i * 8 + place.lane % 4 * 2;
            *reinterpret_cast<u32*>(target) = packPair<T>(scores[i].at[0], scores[i].at[1]);
        }
        copyWait<1>();
        __syncthreads(); // weights are there, these values and the next keys have come
        shrink(sums, ofRows, place);
        multiplyValues(sums, weights, values + tile % 2 * TILE, place);
    }

    float total = softmax.sum();
    __syncthreads(); // by what sums shrink is no longer read
    if (place.lane % 4 == 0) {
        ofRows[place.ownRow()] = total;
    }
    __syncthreads();
    store(y + ofQueries, stride, first, t, sums, ofRows, place);
}
