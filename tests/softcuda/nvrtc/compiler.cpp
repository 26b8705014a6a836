// g++ twice: the preprocessor, then, on the translated text, the compiler with the checks of sanitizer.cpp.
#include "compiler.h"

#include <dlfcn.h>
#include <fcntl.h>
#include <spawn.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <sstream>
#include <stdexcept>

#include "translate.h"

extern char** environ;

namespace softcuda {

namespace {

/** The folder of this library, which holds libcuda.so.1 too; the prelude's folder is beside it. */
std::string ownFolder() {
    Dl_info info;
    dladdr(reinterpret_cast<void*>(&ownFolder), &info);
    char* path = realpath(info.dli_fname, nullptr);
    std::string folder = path;
    free(path);
    return folder.substr(0, folder.rfind('/'));
}

std::string read(const std::string& path) {
    std::ifstream file(path, std::ios::binary);
    std::stringstream text;
    text << file.rdbuf();
    return text.str();
}

void write(const std::string& path, const std::string& text) {
    std::ofstream file(path, std::ios::binary);
    file << text;
    if (!file.flush()) throw std::runtime_error(path + " cannot be written");
}

/** Two 64-bit FNV-1a hashes with different seeds. */
std::string hash(const std::string& text) {
    uint64_t a = 0xcbf29ce484222325u, b = 0x9ae16a3b2f90404fu;
    for (unsigned char c : text) {
        a = (a ^ c) * 0x100000001b3u;
        b = (b ^ c) * 0x100000001b3u + (b >> 47);
    }
    char digits[33];
    snprintf(digits, sizeof digits, "%016llx%016llx", static_cast<unsigned long long>(a), static_cast<unsigned long long>(b));
    return digits;
}

/** Runs a command with its output in a file; returns its exit status. */
int run(const std::vector<std::string>& command, const std::string& logFile) {
    std::vector<char*> arguments;
    for (const std::string& argument : command) arguments.push_back(const_cast<char*>(argument.c_str()));
    arguments.push_back(nullptr);
    posix_spawn_file_actions_t files;
    posix_spawn_file_actions_init(&files);
    posix_spawn_file_actions_addopen(&files, 1, logFile.c_str(), O_WRONLY | O_CREAT | O_APPEND, 0644);
    posix_spawn_file_actions_adddup2(&files, 1, 2);
    pid_t child;
    int code = posix_spawnp(&child, arguments[0], &files, nullptr, arguments.data(), environ);
    posix_spawn_file_actions_destroy(&files);
    if (code) throw std::runtime_error(std::string(arguments[0]) + " cannot be run: " + strerror(code));
    int status = 0;
    while (waitpid(child, &status, 0) < 0 && errno == EINTR) {
    }
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128;
}

const std::vector<std::string> PREPROCESS = {"g++", "-E", "-std=c++17", "-march=x86-64-v3", "-nostdinc", "-w"};
const std::vector<std::string> COMPILE = {"g++", "-x", "c++-cpp-output", "-std=c++17", "-O2", "-march=x86-64-v3", "-ffp-contract=fast",
    "-fno-math-errno", "-fno-trapping-math", "-fno-strict-aliasing", "-fno-exceptions", "-fno-rtti", "-fno-gnu-unique", "-fvisibility=hidden",
    "-fno-threadsafe-statics", "-fno-plt", "-fPIC", "-shared", "-g1", "-w"};
const std::vector<std::string> CHECKS = {"-fsanitize=kernel-address", "--param", "asan-instrumentation-with-call-threshold=0", "--param",
    "asan-stack=0", "--param", "asan-globals=0", "-fsanitize=alignment,bounds", "-fsanitize-recover=alignment,bounds"};

class Compilation {
   public:
    explicit Compilation(const Source& source) : source(source), home(ownFolder()) {}

    Compiled run() {
        mkdir((home + "/kernels").c_str(), 0755);
        std::string pattern = home + "/kernels/work-XXXXXX";
        if (!mkdtemp(pattern.data())) throw std::runtime_error(pattern + " cannot be made: " + strerror(errno));
        work = pattern;
        Compiled result = compileIn();
        for (const std::string& file : files) unlink(file.c_str());
        for (auto folder = folders.rbegin(); folder != folders.rend(); ++folder) rmdir(folder->c_str());
        rmdir(work.c_str());
        return result;
    }

   private:
    /** A file of the work folder, with the folders above it; it is removed at the end. */
    std::string file(const std::string& name) {
        for (size_t slash = name.find('/'); slash != std::string::npos; slash = name.find('/', slash + 1)) {
            std::string folder = work + "/" + name.substr(0, slash);
            if (mkdir(folder.c_str(), 0755) == 0) folders.push_back(folder);
        }
        return files.emplace_back(work + "/" + name), files.back();
    }

    Compiled compileIn() {
        for (auto& header : source.headers) write(file(header.first), header.second);
        std::string input = file(source.name.substr(source.name.rfind('/') + 1)), preprocessed = file("softcuda-preprocessed.ii"), log = file("softcuda.log");
        write(input, source.text);
        std::vector<std::string> command = PREPROCESS;
        command.insert(command.end(), {"-x", "c++", "-DDARKROOM_SOFTWARE_DEVICE=1", "-D__CUDACC__=1", "-D__CUDACC_RTC__=1",
                                       "-D__CUDA_ARCH__=" + std::to_string(source.capability * 10), "-I", work});
        for (auto& folder : source.includeFolders) command.insert(command.end(), {"-I", folder});
        command.insert(command.end(), {"-I", home + "/include", "-include", home + "/include/softcuda.h"});
        command.insert(command.end(), source.definitions.begin(), source.definitions.end());
        command.insert(command.end(), {"-o", preprocessed, input});
        if (softcuda::run(command, log)) return {false, cleaned(read(log)), ""};
        std::string text;
        try {
            text = translate(read(preprocessed));
        } catch (const std::runtime_error& e) {
            return {false, source.name + ": " + e.what() + "\n", ""};
        }
        std::vector<std::string> flags = COMPILE;
        if (checking()) flags.insert(flags.end(), CHECKS.begin(), CHECKS.end());
        std::string key = withoutPaths(text);
        for (const std::string& flag : flags) key += "\n" + flag;
        std::string library = home + "/kernels/" + hash(key) + ".so";
        if (access(library.c_str(), R_OK) == 0) return {true, "", library};
        write(preprocessed, text);
        std::string made = file("kernels.so");
        flags.insert(flags.end(), {preprocessed, "-x", "none", "-o", made, home + "/libcuda.so.1", "-lm", "-Wl,-z,now"});
        if (softcuda::run(flags, log)) return {false, cleaned(read(log)), ""};
        if (rename(made.c_str(), library.c_str())) throw std::runtime_error(library + " cannot be written");
        return {true, cleaned(read(log)), library};
    }

    std::string replaceAll(std::string text, const std::string& what) const {
        for (size_t at; (at = text.find(what)) != std::string::npos;) text.erase(at, what.size());
        return text;
    }

    /** Without the folder of this compilation: two compilations of one source are one. */
    std::string withoutPaths(const std::string& text) const { return replaceAll(text, work); }
    std::string cleaned(const std::string& log) const { return replaceAll(log, work + "/"); }

    const Source& source;
    std::string home, work;
    std::vector<std::string> files, folders;
};

}  // namespace

bool checking() {
    const char* value = getenv("SOFTCUDA_CHECK");
    return !value || strcmp(value, "0") != 0;
}

bool executing() {
    const char* value = getenv("SOFTCUDA_EXECUTE");
    return !value || strcmp(value, "0") != 0;
}

Compiled compile(const Source& source) {
    try {
        return Compilation(source).run();
    } catch (const std::runtime_error& e) {
        return {false, std::string("softcuda: ") + e.what() + "\n", ""};
    }
}

}  // namespace softcuda
