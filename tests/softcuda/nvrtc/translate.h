// From preprocessed CUDA C++ to C++: `__shared__` variables become calls, and the kernels are listed.
#pragma once

#include <string>
#include <vector>

namespace softcuda {

/** The source as C++ with the kernels' entries at its end, on the same lines as before. Throws what cannot be translated. */
std::string translate(const std::string& preprocessed);

}  // namespace softcuda
