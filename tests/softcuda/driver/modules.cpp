// Modules are shared libraries that the software NVRTC has made; a launch copies its arguments and queues the grid.
#include <dlfcn.h>
#include <link.h>

#include <cstdlib>
#include <cstring>

#include "device.h"

namespace softcuda {

bool executing() {
    static const char* value = getenv("SOFTCUDA_EXECUTE");
    return !value || strcmp(value, "0") != 0;
}

static unsigned staticShared;  // of the module that is being loaded

unsigned reserveStaticShared(unsigned bytes) {
    unsigned offset = staticShared;
    staticShared += (bytes + 127) / 128 * 128;
    return offset;
}

}  // namespace softcuda

using namespace softcuda;

namespace {

struct Module;

struct Function {
    Module* module;
    const KernelEntry* kernel;
    unsigned maxDynamicShared;
};

struct Module {
    void* library;
    unsigned staticShared;
    std::map<std::string, Function> functions;
};

constexpr char MAGIC[] = "SOFTCUDA:";  // and the path of the library, as libnvrtc writes it
constexpr unsigned PLAIN_SHARED_BYTES = 48 * 1024;

unsigned sharedBytesPerBlockOptIn() { return capability() >= 90 ? 227 * 1024 : capability() >= 80 ? 163 * 1024 : 64 * 1024; }

bool holds(const dl_phdr_info* info, const void* address) {
    for (int i = 0; i < info->dlpi_phnum; i++) {
        const auto& segment = info->dlpi_phdr[i];
        uintptr_t from = info->dlpi_addr + segment.p_vaddr;
        if (segment.p_type == PT_LOAD && reinterpret_cast<uintptr_t>(address) - from < segment.p_memsz) return true;
    }
    return false;
}

/** Stands for every kernel where none is run. */
const KernelEntry NOT_RUN = {"", nullptr, 0, nullptr, nullptr, MAX_THREADS};

/** Lets kernels read the constants of their image. */
void announceImage(const void* inside) {
    dl_iterate_phdr([](dl_phdr_info* info, size_t, void* inside) {
        if (!holds(info, inside)) return 0;
        for (int i = 0; i < info->dlpi_phnum; i++) {
            const auto& segment = info->dlpi_phdr[i];
            if (segment.p_type != PT_LOAD) continue;
            addImage(info->dlpi_addr + segment.p_vaddr, info->dlpi_addr + segment.p_vaddr + segment.p_memsz);
        }
        return 1;
    }, const_cast<void*>(inside));
}

}  // namespace

SOFTCUDA_API cuModuleLoadData(void** module, const void* image) {
    SOFTCUDA_BEGIN(MODULE);
    if (int code = forbiddenInCapture(*currentDevice)) return code;
    const char* text = static_cast<const char*>(image);
    if (strncmp(text, MAGIC, strlen(MAGIC))) return INVALID_IMAGE;
    int built = 0, length = 0;
    if (sscanf(text + strlen(MAGIC), "%d:%n", &built, &length) != 1 || !length) return INVALID_IMAGE;
    if (built > capability()) return NO_BINARY_FOR_GPU;
    if (!executing()) {
        *module = new Module{nullptr, 0, {}};
        return SUCCESS;
    }
    staticShared = 0;
    void* library = dlopen(text + strlen(MAGIC) + length, RTLD_NOW | RTLD_LOCAL);
    if (!library) {
        fprintf(stderr, "softcuda: %s\n", dlerror());
        return INVALID_IMAGE;
    }
    static std::map<void*, unsigned> sharedOf;  // a library that is loaded already registers nothing
    if (!sharedOf.count(library)) sharedOf[library] = staticShared;
    *module = new Module{library, sharedOf[library], {}};
    return SUCCESS;
}

SOFTCUDA_API cuModuleLoadDataEx(void** module, const void* image, unsigned, int*, void**) { return cuModuleLoadData(module, image); }

/** The library stays loaded: kernels of its may be queued. */
SOFTCUDA_API cuModuleUnload(void* module) {
    SOFTCUDA_BEGIN(MODULE);
    int code = drainAll(*currentDevice);
    delete static_cast<Module*>(module);
    return code;
}

SOFTCUDA_API cuModuleGetFunction(void** function, void* handle, const char* name) {
    SOFTCUDA_BEGIN(MODULE);
    Module& module = *static_cast<Module*>(handle);
    auto found = module.functions.find(name);
    if (found == module.functions.end()) {
        auto* kernel = !module.library ? &NOT_RUN : static_cast<const KernelEntry*>(dlsym(module.library, (std::string("softcuda_kernel_") + name).c_str()));
        if (!kernel) return NOT_FOUND;
        if (module.library) announceImage(kernel);
        found = module.functions.emplace(name, Function{&module, kernel, PLAIN_SHARED_BYTES}).first;
    }
    *function = &found->second;
    return SUCCESS;
}

SOFTCUDA_API cuFuncSetAttribute(void* handle, int attribute, int value) {
    SOFTCUDA_BEGIN();
    if (attribute != 8) return SUCCESS;  // MAX_DYNAMIC_SHARED_SIZE_BYTES; the others are hints
    if (value < 0 || static_cast<unsigned>(value) > sharedBytesPerBlockOptIn()) return INVALID_VALUE;
    static_cast<Function*>(handle)->maxDynamicShared = value;
    return SUCCESS;
}

SOFTCUDA_API cuFuncSetCacheConfig(void*, int) { return SUCCESS; }

SOFTCUDA_API cuFuncGetAttribute(int* value, int attribute, void* handle) {
    SOFTCUDA_BEGIN();
    const Function& function = *static_cast<Function*>(handle);
    switch (attribute) {
        case 0: *value = function.kernel->maxThreads; break;        // MAX_THREADS_PER_BLOCK
        case 1: *value = function.module->staticShared; break;      // SHARED_SIZE_BYTES: of all kernels of the module
        case 5: case 6: *value = capability(); break;               // PTX_VERSION, BINARY_VERSION
        case 8: *value = function.maxDynamicShared; break;          // MAX_DYNAMIC_SHARED_SIZE_BYTES
        default: *value = 0;                                        // registers, constants, local memory: unknown here
    }
    return SUCCESS;
}

SOFTCUDA_API cuOccupancyMaxActiveBlocksPerMultiprocessor(int* blocks, void*, int threads, size_t dynamicShared) {
    SOFTCUDA_BEGIN();
    int byThreads = 2048 / (threads < 32 ? 32 : threads);
    int byShared = dynamicShared ? static_cast<int>(sharedBytesPerBlockOptIn() / dynamicShared) : 32;
    *blocks = byThreads < byShared ? byThreads : byShared;
    return SUCCESS;
}

SOFTCUDA_API cuOccupancyMaxPotentialBlockSize(int* minGrid, int* block, void* handle, void*, size_t, int limit) {
    SOFTCUDA_BEGIN();
    int most = static_cast<Function*>(handle)->kernel->maxThreads;
    *block = limit && limit < most ? limit : most;
    *minGrid = 2;
    return SUCCESS;
}

namespace {

/** A launch with a copy of its arguments: it may run much later, and more than once. */
struct QueuedLaunch {
    Launch launch;
    std::vector<unsigned char> bytes;
};

/** Takes the arguments from addresses of each, or from one buffer in which they lie at their alignments. */
bool takeArguments(QueuedLaunch& queued, const KernelEntry& kernel, void** parameters, void** extra) {
    const unsigned char* buffer = nullptr;
    size_t size = 0;
    for (void** at = extra; at && at[0]; at += 2) {
        if (reinterpret_cast<uintptr_t>(at[0]) == 1) buffer = static_cast<unsigned char*>(at[1]);
        if (reinterpret_cast<uintptr_t>(at[0]) == 2) size = *static_cast<size_t*>(at[1]);
    }
    if (kernel.parameters && !buffer && !parameters) return false;
    std::vector<size_t> offsets;
    size_t end = 0;
    for (int i = 0; i < kernel.parameters; i++) {
        end = (end + kernel.alignments[i] - 1) / kernel.alignments[i] * kernel.alignments[i];
        offsets.push_back(end);
        end += kernel.sizes[i];
    }
    if (buffer && size < end) return false;
    queued.bytes.resize(end);
    for (int i = 0; i < kernel.parameters; i++)
        memcpy(queued.bytes.data() + offsets[i], buffer ? buffer + offsets[i] : parameters[i], kernel.sizes[i]);
    for (size_t offset : offsets) queued.launch.arguments.push_back(queued.bytes.data() + offset);
    return true;
}

}  // namespace

SOFTCUDA_API cuLaunchKernel(void* handle, unsigned gridX, unsigned gridY, unsigned gridZ, unsigned blockX, unsigned blockY,
                            unsigned blockZ, unsigned dynamicShared, void* streamHandle, void** parameters, void** extra) {
    if (launches == IGNORED) return SUCCESS;
    SOFTCUDA_BEGIN(LAUNCH);
    auto stream = streamOf(streamHandle);
    if (!handle || !stream) return INVALID_HANDLE;
    const Function& function = *static_cast<Function*>(handle);
    uint64_t threads = uint64_t(blockX) * blockY * blockZ;
    bool valid = gridX && gridY && gridZ && gridX <= 0x7fffffffu && gridY <= 65535 && gridZ <= 65535 && threads &&
                 threads <= MAX_THREADS && blockZ <= 64 && dynamicShared <= function.maxDynamicShared;
    if (!valid) return INVALID_VALUE;
    if (threads > function.kernel->maxThreads) return LAUNCH_OUT_OF_RESOURCES;
    if (function.module->staticShared > STATIC_SHARED_BYTES) return LAUNCH_OUT_OF_RESOURCES;
    auto queued = std::make_shared<QueuedLaunch>();
    queued->launch = {function.kernel, {}, {gridX, gridY, gridZ}, {blockX, blockY, blockZ}, dynamicShared, function.module->staticShared};
    if (!takeArguments(*queued, *function.kernel, parameters, extra)) return INVALID_VALUE;
    if (launches == COUNTED) return submit(stream, [] { return int(SUCCESS); });
    return submit(stream, [queued] { return runGrid(queued->launch); });
}
