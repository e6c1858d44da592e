#include "rotary/lab/machine.h"

#include <malloc.h>

#include <fstream>

#include "rotary/base/cpu.h"
#include "rotary/base/parallel.h"
#include "rotary/base/simd.h"

namespace rotary {
namespace {

// What follows `key` and a colon in the first such line of `path`.
std::optional<std::string> Field(const char* path, const std::string& key) {
  std::ifstream file(path);
  for (std::string line; std::getline(file, line);) {
    const size_t colon = line.find(':');
    if (!line.starts_with(key) || colon == line.npos) continue;
    const size_t begin = line.find_first_not_of(" \t", colon + 1);
    return begin == line.npos ? "" : line.substr(begin);
  }
  return std::nullopt;
}

}  // namespace

Machine DescribeMachine() {
#if defined(__clang__)
  const std::string compiler = "Clang " __clang_version__;
#else
  const std::string compiler = "GCC " __VERSION__;
#endif
  return {.cpu = CpuName(),
          .cores = HardwareThreads(),
          .simd = ActiveSimdTarget(),
          .compiler = compiler};
}

std::optional<int64_t> PeakMemory() {
  const auto kibibytes = Field("/proc/self/status", "VmHWM");  // "  123456 kB"
  if (!kibibytes) return std::nullopt;
  return std::stoll(*kibibytes) * 1024;
}

bool ResetPeakMemory() {
  malloc_trim(0);
  std::ofstream file("/proc/self/clear_refs");
  file << "5";  // proc(5): resets the high-water mark of the resident set
  file.close();
  return static_cast<bool>(file);
}

}  // namespace rotary
