// Devices, their attributes and their primary contexts. The context's handle is the device.
#include <cstdlib>
#include <cstring>

#include "device.h"

namespace softcuda {

static int environment(const char* name, int otherwise) {
    const char* value = getenv(name);
    return value && *value ? atoi(value) : otherwise;
}

int capability() {
    static const int value = environment("SOFTCUDA_CAPABILITY", 80);
    return value;
}

/** SOFTCUDA_MEMORY: bytes, or with k, m, g at the end. */
static size_t memoryLimit() {
    const char* text = getenv("SOFTCUDA_MEMORY");
    if (!text || !*text) return size_t(4) << 30;
    char* end;
    size_t value = strtoull(text, &end, 10);
    int shift = *end == 'k' || *end == 'K' ? 10 : *end == 'm' || *end == 'M' ? 20 : *end == 'g' || *end == 'G' ? 30 : 0;
    return value << shift;
}

std::vector<std::unique_ptr<Device>>& devices() {
    static std::vector<std::unique_ptr<Device>> all = [] {
        std::vector<std::unique_ptr<Device>> list;
        for (int i = 0; i < environment("SOFTCUDA_DEVICES", 1); i++) {
            list.push_back(std::make_unique<Device>());
            Device& device = *list.back();
            device.ordinal = i;
            device.limit = memoryLimit();
            device.defaultStream = std::make_shared<Stream>();
            device.defaultStream->device = &device;
            device.defaultStream->isDefault = device.defaultStream->blocking = true;
        }
        return list;
    }();
    return all;
}

}  // namespace softcuda

using namespace softcuda;

static Device* deviceOf(int ordinal) {
    return ordinal >= 0 && static_cast<size_t>(ordinal) < devices().size() ? devices()[ordinal].get() : nullptr;
}

static Device* contextOf(void* handle) {
    for (auto& device : devices())
        if (device.get() == handle) return device.get();
    return nullptr;
}

SOFTCUDA_API cuInit(unsigned flags) {
    std::lock_guard<std::recursive_mutex> lock(driverMutex);
    if (flags) return INVALID_VALUE;
    if (devices().empty()) return NO_DEVICE;
    initialised = true;
    return SUCCESS;
}

SOFTCUDA_API cuDriverGetVersion(int* version) { return *version = environment("SOFTCUDA_DRIVER_VERSION", 12060), SUCCESS; }

SOFTCUDA_API cuDeviceGetCount(int* count) {
    if (!initialised) return NOT_INITIALIZED;
    return *count = static_cast<int>(devices().size()), SUCCESS;
}

SOFTCUDA_API cuDeviceGet(int* device, int ordinal) {
    if (!initialised) return NOT_INITIALIZED;
    if (!deviceOf(ordinal)) return INVALID_DEVICE;
    return *device = ordinal, SUCCESS;
}

SOFTCUDA_API cuDeviceGetName(char* name, int length, int device) {
    if (!deviceOf(device)) return INVALID_DEVICE;
    snprintf(name, length, "software device");
    return SUCCESS;
}

SOFTCUDA_API cuDeviceGetUuid_v2(char* uuid, int device) {
    if (!deviceOf(device)) return INVALID_DEVICE;
    memcpy(uuid, "softwaredevice\0", 16);
    uuid[15] = static_cast<char>(device);
    return SUCCESS;
}

SOFTCUDA_API cuDeviceGetUuid(char* uuid, int device) { return cuDeviceGetUuid_v2(uuid, device); }

SOFTCUDA_API cuDeviceGetPCIBusId(char* id, int length, int device) {
    if (!deviceOf(device)) return INVALID_DEVICE;
    snprintf(id, length, "0000:%02x:00.0", device);
    return SUCCESS;
}

SOFTCUDA_API cuDeviceTotalMem_v2(size_t* bytes, int device) {
    if (!deviceOf(device)) return INVALID_DEVICE;
    return *bytes = deviceOf(device)->limit, SUCCESS;
}

SOFTCUDA_API cuDeviceComputeCapability(int* major, int* minor, int device) {
    if (!deviceOf(device)) return INVALID_DEVICE;
    return *major = capability() / 10, *minor = capability() % 10, SUCCESS;
}

SOFTCUDA_API cuDeviceGetAttribute(int* value, int attribute, int device) {
    if (!deviceOf(device)) return INVALID_DEVICE;
    const int sharedOptIn = capability() >= 90 ? 227 : capability() >= 80 ? 163 : 64;
    static const std::map<int, int> attributes = {
        {1, MAX_THREADS},          // MAX_THREADS_PER_BLOCK
        {2, 1024}, {3, 1024}, {4, 64},                   // MAX_BLOCK_DIM_X, Y, Z
        {5, 0x7fffffff}, {6, 65535}, {7, 65535},         // MAX_GRID_DIM_X, Y, Z
        {8, 48 * 1024},            // MAX_SHARED_MEMORY_PER_BLOCK
        {9, 65536},                // TOTAL_CONSTANT_MEMORY
        {10, 32},                  // WARP_SIZE
        {12, 65536},               // MAX_REGISTERS_PER_BLOCK
        {13, 1000000},             // CLOCK_RATE, kHz
        {14, 512},                 // TEXTURE_ALIGNMENT
        {16, environment("SOFTCUDA_MULTIPROCESSORS", 4)},  // MULTIPROCESSOR_COUNT
        {19, 1},                   // CAN_MAP_HOST_MEMORY
        {31, 1},                   // CONCURRENT_KERNELS
        {36, 1000000},             // MEMORY_CLOCK_RATE, kHz
        {37, 256},                 // GLOBAL_MEMORY_BUS_WIDTH, bits
        {38, 1 << 20},             // L2_CACHE_SIZE
        {39, 2048},                // MAX_THREADS_PER_MULTIPROCESSOR
        {40, 1},                   // ASYNC_ENGINE_COUNT
        {41, 1},                   // UNIFIED_ADDRESSING
        {75, capability() / 10}, {76, capability() % 10},  // COMPUTE_CAPABILITY_MAJOR, MINOR
        {81, (sharedOptIn + 1) * 1024},                    // MAX_SHARED_MEMORY_PER_MULTIPROCESSOR
        {82, 65536},               // MAX_REGISTERS_PER_MULTIPROCESSOR
        {97, sharedOptIn * 1024},  // MAX_SHARED_MEMORY_PER_BLOCK_OPTIN
        {115, 1},                  // MEMORY_POOLS_SUPPORTED
    };
    auto found = attributes.find(attribute);
    *value = found == attributes.end() ? 0 : found->second;
    return SUCCESS;
}

SOFTCUDA_API cuDevicePrimaryCtxRetain(void** context, int ordinal) {
    std::lock_guard<std::recursive_mutex> lock(driverMutex);
    if (!initialised) return NOT_INITIALIZED;
    Device* device = deviceOf(ordinal);
    if (!device) return INVALID_DEVICE;
    device->retained++;
    return *context = device, SUCCESS;
}

/** The last release ends the context: its streams, its memory and its error. */
SOFTCUDA_API cuDevicePrimaryCtxRelease_v2(int ordinal) {
    std::lock_guard<std::recursive_mutex> lock(driverMutex);
    Device* device = deviceOf(ordinal);
    if (!device) return INVALID_DEVICE;
    if (!device->retained) return INVALID_CONTEXT;
    if (--device->retained) return SUCCESS;
    drainAll(*device);
    device->streams.clear();
    releaseAll(*device);
    device->error = SUCCESS;
    return SUCCESS;
}

SOFTCUDA_API cuDevicePrimaryCtxReset_v2(int ordinal) {
    std::lock_guard<std::recursive_mutex> lock(driverMutex);
    Device* device = deviceOf(ordinal);
    if (!device) return INVALID_DEVICE;
    drainAll(*device);
    device->streams.clear();
    releaseAll(*device);
    device->error = SUCCESS;
    return SUCCESS;
}

SOFTCUDA_API cuDevicePrimaryCtxGetState(int ordinal, unsigned* flags, int* active) {
    if (!deviceOf(ordinal)) return INVALID_DEVICE;
    return *flags = 0, *active = deviceOf(ordinal)->retained > 0, SUCCESS;
}

SOFTCUDA_API cuDevicePrimaryCtxSetFlags_v2(int ordinal, unsigned) { return deviceOf(ordinal) ? SUCCESS : INVALID_DEVICE; }

SOFTCUDA_API cuCtxCreate_v2(void** context, unsigned, int ordinal) {
    if (int code = cuDevicePrimaryCtxRetain(context, ordinal)) return code;
    return currentDevice = static_cast<Device*>(*context), SUCCESS;
}

SOFTCUDA_API cuCtxDestroy_v2(void* context) {
    Device* device = contextOf(context);
    if (!device) return INVALID_CONTEXT;
    if (currentDevice == device) currentDevice = nullptr;
    return cuDevicePrimaryCtxRelease_v2(device->ordinal);
}

SOFTCUDA_API cuCtxSetCurrent(void* context) {
    if (context && !contextOf(context)) return INVALID_CONTEXT;
    return currentDevice = static_cast<Device*>(context), SUCCESS;
}

SOFTCUDA_API cuCtxPushCurrent_v2(void* context) { return cuCtxSetCurrent(context); }

SOFTCUDA_API cuCtxPopCurrent_v2(void** context) {
    if (!currentDevice) return INVALID_CONTEXT;
    if (context) *context = currentDevice;
    return currentDevice = nullptr, SUCCESS;
}

SOFTCUDA_API cuCtxGetCurrent(void** context) { return *context = currentDevice, SUCCESS; }

SOFTCUDA_API cuCtxGetDevice(int* device) {
    if (!currentDevice) return INVALID_CONTEXT;
    return *device = currentDevice->ordinal, SUCCESS;
}

SOFTCUDA_API cuCtxGetApiVersion(void*, unsigned* version) { return *version = 12060, SUCCESS; }
SOFTCUDA_API cuCtxSetLimit(int, size_t) { return currentDevice ? SUCCESS : INVALID_CONTEXT; }
SOFTCUDA_API cuCtxGetStreamPriorityRange(int* least, int* greatest) { return *least = *greatest = 0, SUCCESS; }
