// The name of the processor, for what is measured on it.
#ifndef ROTARY_BASE_CPU_H_
#define ROTARY_BASE_CPU_H_

#include <iosfwd>
#include <string>

namespace rotary {

// As the system gives it; "unknown" where it does not say (ARM, and what is not Linux).
std::string CpuName();

// The same from text in the form of /proc/cpuinfo.
std::string CpuNameIn(std::istream& cpuinfo);

}  // namespace rotary

#endif  // ROTARY_BASE_CPU_H_
