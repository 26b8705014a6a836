// Runs the blocks of a grid on as many operating system threads as the machine has processors.
#include <dlfcn.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <cstdio>
#include <cstdlib>
#include <functional>
#include <memory>
#include <mutex>
#include <thread>

#include "block.h"
#include "codes.h"
#include "sanitizer.h"

extern "C" void softcudaSwitch(void** save, void* to);

namespace softcuda {

namespace {

/** Threads that run the same task together with the caller; they live as long as the process. */
class Crew {
   public:
    Crew() {
        const char* wanted = getenv("SOFTCUDA_THREADS");
        int count = wanted ? atoi(wanted) : static_cast<int>(std::thread::hardware_concurrency());
        for (int i = 1; i < count; i++) std::thread([this] { serve(); }).detach(), helpers++;
    }

    void run(const std::function<void()>& task, bool alone) {
        if (alone || !helpers) return task();
        {
            std::lock_guard<std::mutex> lock(mutex);
            current = &task;
            round++;
            busy = helpers;
        }
        wake.notify_all();
        task();
        std::unique_lock<std::mutex> lock(mutex);
        done.wait(lock, [this] { return busy == 0; });
    }

    int size() const { return helpers + 1; }

   private:
    void serve() {
        long seen = 0;
        for (;;) {
            const std::function<void()>* task;
            {
                std::unique_lock<std::mutex> lock(mutex);
                wake.wait(lock, [&] { return round != seen; });
                seen = round;
                task = current;
            }
            (*task)();
            std::lock_guard<std::mutex> lock(mutex);
            if (--busy == 0) done.notify_one();
        }
    }

    std::mutex mutex;
    std::condition_variable wake, done;
    const std::function<void()>* current = nullptr;
    long round = 0;
    int busy = 0, helpers = 0;
};

std::mutex failureMutex;
std::atomic<int> failure{0};  // of the grid that runs
char message[2048];           // of the last failure

Worker& ownWorker() {
    static thread_local std::unique_ptr<Worker> mine;
    if (!mine) mine = std::make_unique<Worker>();
    return *mine;
}

}  // namespace

void fail(int code, const std::string& what) {
    Worker& self = *worker;
    {
        std::lock_guard<std::mutex> lock(failureMutex);
        if (!failure) {
            const uint3 block = registers.blockIdx, thread = self.current->index;
            snprintf(message, sizeof message, "kernel %s, block (%u, %u, %u), thread (%u, %u, %u): %s", self.launch->kernel->name,
                     block.x, block.y, block.z, thread.x, thread.y, thread.z, what.c_str());
            fprintf(stderr, "softcuda: %s\n", message);
            failure = code;
        }
    }
    self.clock = ~0u;  // what the abandoned block has touched is forgotten
    void* abandoned;
    softcudaSwitch(&abandoned, self.ownStackPointer);
    __builtin_unreachable();
}

static bool isOurs(const std::string& file) {
    for (const char* own : {"twins.h", "warp.h", "softcuda.h", "intrinsics.h"})
        if (file.rfind(std::string(own) + ":", 0) == 0) return true;
    return false;
}

std::string withoutFolder(const std::string& path) { return path.substr(path.rfind('/') + 1); }

/** The kernel's file and line of an address in its code, empty if not known: of the callers inlined there, the first that is not ours. */
std::string locate(void* code) {
    Dl_info info;
    if (!dladdr(code, &info) || !info.dli_fname) return "";
    char command[4096], text[1024];
    size_t offset = static_cast<char*>(code) - static_cast<char*>(info.dli_fbase) - 1;
    snprintf(command, sizeof command, "addr2line -i -e '%s' 0x%zx 2>/dev/null", info.dli_fname, offset);
    FILE* pipe = popen(command, "r");
    if (!pipe) return "";
    std::string found;
    while (fgets(text, sizeof text, pipe)) {
        std::string line = withoutFolder(text);
        line.erase(std::min(line.find_first_of(" \n"), line.size()));  // "file:line (discriminator 1)"
        if (line.rfind("??", 0) != 0 && (found.empty() || isOurs(found))) found = line;
    }
    pclose(pipe);
    return found;
}

int runGrid(const Launch& launch) {
    static Crew* crew = new Crew();
    const uint64_t total = uint64_t(launch.grid.x) * launch.grid.y * launch.grid.z;
    std::atomic<uint64_t> next{0};
    failure = 0;
    const uint64_t chunk = total / (crew->size() * 8) + 1;
    crew->run([&] {
        Worker& self = ownWorker();
        worker = &self;
        while (!failure) {
            uint64_t first = next.fetch_add(chunk);
            if (first >= total) break;
            for (uint64_t i = first; i < first + chunk && i < total && !failure; i++)
                self.runBlock(launch, {unsigned(i % launch.grid.x), unsigned(i / launch.grid.x % launch.grid.y),
                                       unsigned(i / launch.grid.x / launch.grid.y)});
        }
    }, total == 1);
    return failure;
}

}  // namespace softcuda

/** What the last failed check of a kernel has told on stderr; empty if none has failed. */
extern "C" __attribute__((visibility("default"))) const char* softcuda_message() { return softcuda::message; }
