#include "rotary/base/cpu.h"

#include <fstream>

namespace rotary {

std::string CpuName() {
  std::ifstream cpuinfo("/proc/cpuinfo");
  return CpuNameIn(cpuinfo);
}

std::string CpuNameIn(std::istream& cpuinfo) {
  for (std::string line; std::getline(cpuinfo, line);) {
    if (!line.starts_with("model name")) continue;
    const size_t colon = line.find(':');
    if (colon == line.npos) continue;
    const size_t begin = line.find_first_not_of(" \t", colon + 1);
    if (begin != line.npos) return line.substr(begin);
  }
  return "unknown";
}

}  // namespace rotary
