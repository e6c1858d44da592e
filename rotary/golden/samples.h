// What an engine did to each pair of channels, beside what the case says: all that rules look at.
#ifndef ROTARY_GOLDEN_SAMPLES_H_
#define ROTARY_GOLDEN_SAMPLES_H_

#include <cstddef>
#include <string>
#include <vector>

#include "rotary/golden/golden_case.h"
#include "rotary/golden/golden_tensors.h"

namespace rotary {

// What one pair of one head does at one token.
struct Sample {
  size_t token, head, pair;
  size_t row;               // of frequencies
  double angle, size;       // that it should turn by; the sum of magnitudes behind it
  double frequency, units;  // where it is on one axis: its frequency and position there; else NaN
  double length;            // that it should have
  double ratio;             // of the length that it has
  double turn;              // what it turns by
  double error;             // of its worse channel, by `length`
};

// Borrows the case and its tensors.
class GoldenSamples {
 public:
  GoldenSamples(const GoldenCase& golden, const GoldenTensors& tensors)
      : rotation_(golden.rotation), golden_(golden), tensors_(tensors) {}

  // Of in -> out with the exact result `exact`: token by token, head by head, pair by pair.
  std::vector<Sample> Of(const std::vector<double>& in, const std::vector<double>& exact,
                         const std::vector<double>& out) const;

  // "row 1, token 2, head 0, pair 5"
  std::string Place(const Sample& sample) const;

 private:
  // All that the case alone says; `length` of a pair of length 1.
  Sample Expected(size_t token, size_t head, size_t pair) const;

  const Rotation& rotation_;
  const GoldenCase& golden_;
  const GoldenTensors& tensors_;
};

}  // namespace rotary

#endif  // ROTARY_GOLDEN_SAMPLES_H_
