// The matrix product is right at awkward sizes, and each of eight mistakes in it is caught.
#include <array>
#include <cmath>
#include <cstdlib>
#include <cstring>

#include "harness.h"

/** Small integers are exact in f16, and so are their sums in float. */
static uint16_t half(int value) {
    if (value == 0) return 0;
    int exponent = static_cast<int>(std::log2(std::abs(value)));
    int mantissa = (std::abs(value) << (10 - exponent)) & 0x3ff;
    return static_cast<uint16_t>((value < 0 ? 0x8000 : 0) | (exponent + 15) << 10 | mantissa);
}

static uint16_t brainFloat(int value) {
    float wide = static_cast<float>(value);
    uint32_t bits;
    memcpy(&bits, &wide, sizeof bits);
    return static_cast<uint16_t>(bits >> 16);
}

struct Variant {
    const char *bug = "-DBUG=0", *type = "-DT=f16", *architecture = "-arch=sm_80";
};

/** Runs the product; returns the driver's code and whether every result is right. */
static int product(const Variant& variant, int rows, int columns, int depth, bool& right) {
    auto encode = strcmp(variant.type, "-DT=f16") ? brainFloat : half;
    std::vector<int> a(rows * depth), b(columns * depth);
    std::vector<uint16_t> x(a.size()), w(b.size());
    for (size_t i = 0; i < a.size(); i++) x[i] = encode(a[i] = static_cast<int>(i * 7 % 13) - 6);
    for (size_t i = 0; i < b.size(); i++) w[i] = encode(b[i] = static_cast<int>(i * 5 % 11) - 5);
    Buffer<uint16_t> deviceX(x), deviceW(w);
    Buffer<float> deviceY(rows * columns);
    void* function = kernel("product.cu", "product", {variant.bug, variant.type, variant.architecture});
    void* arguments[] = {&deviceX.address, &deviceW.address, &deviceY.address, &rows, &columns, &depth};
    OK(cuLaunchKernel(function, (columns + 15) / 16, (rows + 15) / 16, 1, 32, 1, 1, 0, nullptr, arguments, nullptr));
    int code = cuCtxSynchronize();
    right = false;
    if (code) {
        OK(softcuda_reset());
        return code;
    }
    right = true;
    std::vector<float> y = deviceY.read();
    for (int i = 0; i < rows; i++) {
        for (int j = 0; j < columns; j++) {
            int sum = 0;
            for (int k = 0; k < depth; k++) sum += a[i * depth + k] * b[j * depth + k];
            right &= y[i * columns + j] == static_cast<float>(sum);
        }
    }
    return code;
}

void testSeededBugs() {
    bool right;
    for (auto [rows, columns, depth] : {std::array{16, 16, 16}, {1, 7, 8}, {17, 33, 40}, {40, 24, 104}}) {
        for (const Variant& variant : {Variant{}, {"-DBUG=0", "-DT=bf16"}, {"-DBUG=0", "-DT=f16", "-arch=sm_75"}}) {
            OK(product(variant, rows, columns, depth, right));
            EXPECT(right, true);
        }
    }
    const char* bugs[] = {"-DBUG=1", "-DBUG=2", "-DBUG=3", "-DBUG=4", "-DBUG=5", "-DBUG=6", "-DBUG=7", "-DBUG=8"};
    const char* messages[] = {"cp.async", "cp.async", "race", "race", "outside every allocation", "outside every allocation",
                              "a thread ended while lanes of its warp wait", "needs all 32 lanes"};
    for (int i = 0; i < 8; i++) {
        int code = product({bugs[i]}, 20, 20, 72, right);
        if (!code) fprintf(stderr, "%s is not caught\n", bugs[i]);
        EXPECT(code != 0, true);
        EXPECT_TEXT(softcuda_message(), messages[i]);
    }
}
