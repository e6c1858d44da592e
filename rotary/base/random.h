// Counter-based random numbers: a number depends on (seed, stream, index) alone, so that a run
// depends on its seed only, whatever the order or the number of threads in which it draws. Source:
// Salmon et al. 2011, "Parallel random numbers: as easy as 1, 2, 3": Philox4x32-10.
#ifndef ROTARY_BASE_RANDOM_H_
#define ROTARY_BASE_RANDOM_H_

#include <array>
#include <cmath>
#include <cstdint>
#include <numbers>

namespace rotary {

// Ten rounds of Philox: four 32-bit words from a 128-bit counter under a 64-bit key.
inline std::array<uint32_t, 4> Philox(std::array<uint32_t, 4> counter,
                                      std::array<uint32_t, 2> key) {
  for (int round = 0; round < 10; ++round) {
    const uint64_t p0 = uint64_t{0xD2511F53u} * counter[0];
    const uint64_t p1 = uint64_t{0xCD9E8D57u} * counter[2];
    counter = {static_cast<uint32_t>(p1 >> 32) ^ counter[1] ^ key[0], static_cast<uint32_t>(p1),
               static_cast<uint32_t>(p0 >> 32) ^ counter[3] ^ key[1], static_cast<uint32_t>(p0)};
    key[0] += 0x9E3779B9u;
    key[1] += 0xBB67AE85u;
  }
  return counter;
}

// The random numbers of one (seed, stream): number `index` is the same whoever asks for it, and
// when.
class Random {
 public:
  Random(uint64_t seed, uint64_t stream) : seed_(seed), stream_(stream) {}

  // Four independent words.
  std::array<uint32_t, 4> Words(uint64_t index) const {
    return Philox({Low(index), High(index), Low(stream_), High(stream_)},
                  {Low(seed_), High(seed_)});
  }

  uint64_t Bits(uint64_t index) const {
    const auto words = Words(index);
    return (uint64_t{words[1]} << 32) | words[0];
  }

  // In [0, 1), a multiple of 2^-53.
  double Uniform(uint64_t index) const { return static_cast<double>(Bits(index) >> 11) * 0x1p-53; }

  // In [0, count), for count up to 2^32; the bias is below count / 2^53.
  uint64_t Below(uint64_t count, uint64_t index) const {
    return static_cast<uint64_t>(Uniform(index) * static_cast<double>(count));
  }

  // Standard normal, by Box and Muller.
  double Normal(uint64_t index) const {
    const auto words = Words(index);
    const uint64_t a = (uint64_t{words[1]} << 32) | words[0];
    const uint64_t b = (uint64_t{words[3]} << 32) | words[2];
    const double radius =
        std::sqrt(-2.0 * std::log((static_cast<double>(a >> 11) + 1.0) * 0x1p-53));
    return radius * std::cos(2.0 * std::numbers::pi * static_cast<double>(b >> 11) * 0x1p-53);
  }

 private:
  static uint32_t Low(uint64_t x) { return static_cast<uint32_t>(x); }
  static uint32_t High(uint64_t x) { return static_cast<uint32_t>(x >> 32); }

  uint64_t seed_;
  uint64_t stream_;
};

}  // namespace rotary

#endif  // ROTARY_BASE_RANDOM_H_
