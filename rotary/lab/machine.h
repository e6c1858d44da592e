// What a run was measured on, and how much memory it took.
#ifndef ROTARY_LAB_MACHINE_H_
#define ROTARY_LAB_MACHINE_H_

#include <cstdint>
#include <optional>
#include <string>

namespace rotary {

struct Machine {
  std::string cpu;  // "unknown" where the system does not say
  int cores = 0;    // that this process may use
  std::string simd;
  std::string compiler;

  bool operator==(const Machine&) const = default;
};

Machine DescribeMachine();

// The most memory this process has held in RAM at once, in bytes, over all its life or since the
// last successful ResetPeakMemory(). Empty where the system does not say.
std::optional<int64_t> PeakMemory();

// Begins a new measurement, after giving freed memory back to the system. False where the system
// does not let it.
bool ResetPeakMemory();

}  // namespace rotary

#endif  // ROTARY_LAB_MACHINE_H_
