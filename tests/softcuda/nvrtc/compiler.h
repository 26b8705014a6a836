// Compiles kernels with g++ into shared libraries, kept in a folder by the hash of all that goes into them.
#pragma once

#include <string>
#include <utility>
#include <vector>

namespace softcuda {

struct Source {
    std::string name, text;
    std::vector<std::pair<std::string, std::string>> headers;  // name and contents
    std::vector<std::string> definitions;                      // -DNAME=VALUE
    std::vector<std::string> includeFolders;
    int capability;
};

struct Compiled {
    bool success;
    std::string log;
    std::string library;  // path
};

Compiled compile(const Source& source);

/** Whether kernels are compiled with the checks (SOFTCUDA_CHECK). */
bool checking();
/** Whether the device runs kernels: see the driver. */
bool executing();

}  // namespace softcuda
