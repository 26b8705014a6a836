// The interface of NVRTC 12 over g++. The "cubin" is SOFTCUDA:<capability>:<path of a shared library>.
#include <cstdlib>
#include <cstring>
#include <functional>
#include <string>

#include "compiler.h"

using namespace softcuda;

namespace {

enum Result { OK = 0, INVALID_INPUT = 3, INVALID_PROGRAM = 4, INVALID_OPTION = 5, COMPILATION = 6 };

struct Program {
    Source source;
    std::string log, image;
};

int capabilityOf(const std::string& architecture) {
    size_t digits = architecture.find_first_of("0123456789");
    return digits == std::string::npos ? 0 : atoi(architecture.c_str() + digits);
}

bool startsWith(const std::string& text, const char* start) { return text.rfind(start, 0) == 0; }

/** Reads the options; returns the one that is not known, else "". */
std::string readOptions(Source& source, int count, const char* const* options) {
    for (int i = 0; i < count; i++) {
        std::string option = options[i];
        auto valueOf = [&](const char* shortName, const char* longName, std::string& value) {
            for (const char* name : {shortName, longName}) {
                if (!name || !startsWith(option, name)) continue;
                value = option.substr(strlen(name));
                if (value.empty() && i + 1 < count) value = options[++i];
                if (!value.empty() && value[0] == '=') value.erase(0, 1);
                return true;
            }
            return false;
        };
        std::string value;
        if (valueOf("-D", "--define-macro", value)) source.definitions.push_back("-D" + value);
        else if (valueOf("-I", "--include-path", value)) source.includeFolders.push_back(value);
        else if (valueOf("-arch", "--gpu-architecture", value)) source.capability = capabilityOf(value);
        else if (!startsWith(option, "-")) return option;
    }
    return "";
}

}  // namespace

#define NVRTC_API extern "C" __attribute__((visibility("default")))

/** 12 and a number of this build and its checks: whoever keeps images by the version keeps them apart from another build's and from a GPU's. */
NVRTC_API int nvrtcVersion(int* major, int* minor) {
    *major = 12;
    *minor = 1000 + static_cast<int>(std::hash<std::string>()(SOFTCUDA_BUILD + std::to_string(checking()) + std::to_string(executing())) % 1000000);
    return OK;
}

NVRTC_API int nvrtcGetNumSupportedArchs(int* count) { return *count = 3, OK; }

NVRTC_API int nvrtcGetSupportedArchs(int* architectures) {
    const int all[] = {75, 80, 90};
    memcpy(architectures, all, sizeof all);
    return OK;
}

NVRTC_API const char* nvrtcGetErrorString(int code) {
    switch (code) {
        case OK: return "NVRTC_SUCCESS";
        case INVALID_INPUT: return "NVRTC_ERROR_INVALID_INPUT";
        case INVALID_PROGRAM: return "NVRTC_ERROR_INVALID_PROGRAM";
        case INVALID_OPTION: return "NVRTC_ERROR_INVALID_OPTION";
        case COMPILATION: return "NVRTC_ERROR_COMPILATION";
        default: return "NVRTC_ERROR unknown";
    }
}

NVRTC_API int nvrtcCreateProgram(void** program, const char* text, const char* name, int headers, const char* const* contents,
                                 const char* const* names) {
    if (!text) return INVALID_INPUT;
    auto* made = new Program{{name && *name ? name : "default_program", text, {}, {}, {}, 52}, "", ""};
    for (int i = 0; i < headers; i++) made->source.headers.emplace_back(names[i], contents[i]);
    *program = made;
    return OK;
}

NVRTC_API int nvrtcDestroyProgram(void** program) {
    if (!program || !*program) return INVALID_PROGRAM;
    delete static_cast<Program*>(*program);
    *program = nullptr;
    return OK;
}

NVRTC_API int nvrtcCompileProgram(void* handle, int count, const char* const* options) {
    if (!handle) return INVALID_PROGRAM;
    Program& program = *static_cast<Program*>(handle);
    std::string unknown = readOptions(program.source, count, options);
    if (!unknown.empty()) return program.log = "unrecognized option " + unknown + "\n", INVALID_OPTION;
    if (!executing()) return program.image = "SOFTCUDA:" + std::to_string(program.source.capability) + ":not run", OK;
    Compiled compiled = compile(program.source);
    program.log = compiled.log;
    if (!compiled.success) return COMPILATION;
    program.image = "SOFTCUDA:" + std::to_string(program.source.capability) + ":" + compiled.library;
    return OK;
}

static int size(const std::string& text, size_t* bytes) { return *bytes = text.size() + 1, OK; }
static int get(const std::string& text, char* to) { return memcpy(to, text.c_str(), text.size() + 1), OK; }

NVRTC_API int nvrtcGetCUBINSize(void* program, size_t* bytes) { return size(static_cast<Program*>(program)->image, bytes); }
NVRTC_API int nvrtcGetCUBIN(void* program, char* to) { return get(static_cast<Program*>(program)->image, to); }
NVRTC_API int nvrtcGetPTXSize(void* program, size_t* bytes) { return size(static_cast<Program*>(program)->image, bytes); }
NVRTC_API int nvrtcGetPTX(void* program, char* to) { return get(static_cast<Program*>(program)->image, to); }
NVRTC_API int nvrtcGetProgramLogSize(void* program, size_t* bytes) { return size(static_cast<Program*>(program)->log, bytes); }
NVRTC_API int nvrtcGetProgramLog(void* program, char* to) { return get(static_cast<Program*>(program)->log, to); }
