// Runs the software device's own tests: selftest SELFTEST_FOLDER KERNELS_FOLDER.
#include <cstring>
#include <fstream>
#include <sstream>

#include "harness.h"

int failures = 0;
static std::string selftestFolder, kernelsFolder;

static std::string read(const std::string& path) {
    std::ifstream file(path);
    std::stringstream text;
    text << file.rdbuf();
    return text.str();
}

Compilation compileText(const std::string& name, const std::string& text, std::initializer_list<const char*> options) {
    std::string header = read(kernelsFolder + "/ptx.cuh");
    const char *contents[] = {header.c_str()}, *names[] = {"ptx.cuh"};
    void* program;
    OK(nvrtcCreateProgram(&program, text.c_str(), name.c_str(), 1, contents, names));
    std::vector<const char*> all = {"--gpu-architecture=sm_80", "--std=c++17"};
    all.insert(all.end(), options);
    Compilation done;
    done.result = nvrtcCompileProgram(program, static_cast<int>(all.size()), all.data());
    size_t bytes;
    OK(nvrtcGetProgramLogSize(program, &bytes));
    done.log.resize(bytes);
    OK(nvrtcGetProgramLog(program, done.log.data()));
    OK(nvrtcGetCUBINSize(program, &bytes));
    done.image.resize(bytes);
    OK(nvrtcGetCUBIN(program, done.image.data()));
    OK(nvrtcDestroyProgram(&program));
    return done;
}

void* kernel(const std::string& file, const char* function, std::initializer_list<const char*> options) {
    Compilation done = compileText(file, read(selftestFolder + "/" + file), options);
    if (done.result) fprintf(stderr, "%s", done.log.c_str());
    EXPECT(done.result, 0);
    void *module = nullptr, *found = nullptr;
    OK(cuModuleLoadData(&module, done.image.data()));
    OK(cuModuleGetFunction(&found, module, function));
    return found;
}

int main(int, char** arguments) {
    selftestFolder = arguments[1];
    kernelsFolder = arguments[2];
    void* context;
    float ms;
    EXPECT(cuEventElapsedTime(&ms, nullptr, nullptr), 3);  // not initialised
    OK(cuInit(0));
    EXPECT(cuCtxSynchronize(), 201);  // no context
    OK(cuDevicePrimaryCtxRetain(&context, 0));
    OK(cuCtxSetCurrent(context));
    testKernels();
    testSeededBugs();
    testStreams();
    testGraphs();
    testMemoryAndFaults();
    testLibraries();
    EXPECT(softcuda_live_bytes(), 0);
    printf(failures ? "%d expectations failed\n" : "all expectations met\n", failures);
    return failures != 0;
}
