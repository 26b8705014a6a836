// Kernels: results, warp operations, what NVRTC says, and every way in which an access can be wrong.
#include "harness.h"

/** Launches a kernel that must fail, with a message that holds `part`. */
template <class... Arguments>
static void expectFailure(int code, const char* part, const char* function, unsigned block, unsigned shared, Arguments... arguments) {
    OK(launch(kernel("small.cu", function), 1, block, shared, nullptr, arguments...));
    EXPECT(cuCtxSynchronize(), code);
    EXPECT(cuCtxSynchronize(), code);  // it stays
    EXPECT_TEXT(softcuda_message(), part);
    EXPECT_TEXT(softcuda_message(), std::string("kernel ") + function);
    OK(softcuda_reset());
}

static void testResults() {
    Buffer<float> y(1000);
    OK(launch(kernel("small.cu", "fill"), 4, 256, 0, nullptr, y.address, 2.5f, 1000));
    OK(launch(kernel("small.cu", "addOne"), 4, 256, 0, nullptr, y.address, 999));
    std::vector<float> values = y.read();
    EXPECT(values[0], 3.5);
    EXPECT(values[998], 3.5);
    EXPECT(values[999], 2.5);

    std::vector<int> numbers(96);
    for (int i = 0; i < 96; i++) numbers[i] = i * i;
    Buffer<int> x(numbers), sums(2 * 96);
    OK(launch(kernel("small.cu", "sums"), 1, 96, 0, nullptr, x.address, sums.address));
    EXPECT(sums.read()[2 * 95], 95 * 96 * 191 / 6);
    EXPECT(sums.read()[2 * 95 + 1], 16);

    std::vector<float> ramp(256);
    for (int i = 0; i < 256; i++) ramp[i] = static_cast<float>(i);
    Buffer<float> in(ramp), out(256);
    OK(launch(kernel("small.cu", "reverse"), 1, 256, 1024, nullptr, in.address, out.address, 1));
    EXPECT(out.read()[0], 255);
    Buffer<unsigned short> halves(64);
    OK(launch(kernel("small.cu", "halves"), 1, 64, 0, nullptr, halves.address));
    EXPECT(halves.read()[63], 64);
}

static void testWrongAccesses() {
    Buffer<float> y(256), x(256);
    expectFailure(700, "0 bytes after the end of the allocation of 1024 bytes", "fill", 512, 0, y.address, 1.0f, 512);
    expectFailure(700, "at small.cu:5", "fill", 512, 0, y.address, 1.0f, 512);
    expectFailure(719, "race: a write to dynamic shared memory", "reverse", 256, 1024, x.address, y.address, 0);
    expectFailure(716, "at small.cu:43 is not aligned", "misaligned", 1, 0, y.address);
    expectFailure(700, "null pointer", "nullPointer", 1, 0, uintptr_t(0));
    expectFailure(700, "outside the block's", "outsideShared", 64, 128, y.address);
    expectFailure(719, "different operations", "divergent", 32, 0, y.address);
    expectFailure(702, "63 of 64 threads wait at a barrier, 1 at a warp operation", "deadlock", 64, 0, y.address);
    uintptr_t freed;
    OK(cuMemAlloc_v2(&freed, 1024));
    OK(cuMemFree_v2(freed));
    expectFailure(700, "outside every allocation", "fill", 32, 0, freed, 1.0f, 32);
}

static void testCompiler() {
    Compilation bad = compileText("bad.cu", "extern \"C\" __global__ void f(float* x) {\n    x[0] = nowhere;\n}\n", {});
    EXPECT(bad.result, 6);
    EXPECT_TEXT(bad.log, "bad.cu:2:");
    EXPECT_TEXT(bad.log, "nowhere");
    void* module;
    EXPECT(cuModuleLoadData(&module, "not an image"), 200);
    Compilation newer = compileText("newer.cu", "extern \"C\" __global__ void f() {}\n", {"-arch=sm_100"});
    EXPECT(cuModuleLoadData(&module, newer.image.data()), 209);
    void* function = kernel("product.cu", "product", {"-DBUG=0", "-DT=f16"});
    EXPECT(launch(function, 1, 64, 0, nullptr, uintptr_t(0), uintptr_t(0), uintptr_t(0), 0, 0, 0), 701);  // launch bounds: 32
    EXPECT(launch(function, 1, 2048, 0, nullptr, uintptr_t(0), uintptr_t(0), uintptr_t(0), 0, 0, 0), 1);
}

void testKernels() {
    testResults();
    testWrongAccesses();
    testCompiler();
}
