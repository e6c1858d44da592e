#include "rotary/doctor/probe.h"

#include <array>
#include <cmath>
#include <string>
#include <type_traits>
#include <vector>

#include "rotary/base/random.h"
#include "rotary/io/safetensors.h"

namespace rotary {
namespace {

constexpr uint64_t kSeed = 20210420;  // the paper's day
constexpr int64_t kMostNumbers = int64_t{1} << 31;

void CheckOptions(const ProbeOptions& options) {
  Require(options.head_dim >= 2 && options.head_dim <= 65536,
          "probe: head_dim must be 2 to 65536, got ", options.head_dim);
  Require(options.heads >= 1 && options.heads <= 4096, "probe: heads must be 1 to 4096, got ",
          options.heads);
  Require(options.tokens >= 2 && options.tokens <= 1'000'000,
          "probe: tokens must be 2 to 1000000, got ", options.tokens);
  const int64_t row = int64_t{options.head_dim} * options.heads;
  Require(row <= kMostNumbers / options.tokens, "probe: ", options.tokens, " tokens of ",
          options.heads, " heads of ", options.head_dim, " are more than 2^31 numbers");
}

std::string Instructions() {
  return "Rotate the tensor before [batch, tokens, heads, head_dim] as queries (or keys) by the "
         "code in question, at the positions of the tensor positions (0 .. tokens - 1). Save what "
         "comes out, unrounded, in the same shape as the tensor after, beside before and "
         "positions. Then: rotary doctor FILE";
}

}  // namespace

Probe MakeProbe(const ProbeOptions& options) {
  CheckOptions(options);
  Probe probe{Tensor(options.dtype, {1, options.tokens, options.heads, options.head_dim}),
              Tensor(DType::kI64, {options.tokens})};
  const std::span<int64_t> positions = probe.positions.span<int64_t>();
  for (size_t t = 0; t < positions.size(); ++t) positions[t] = static_cast<int64_t>(t);

  const Random random(kSeed, 0);
  DispatchFloat(options.dtype, "probe", [&]<class T>() {
    const std::span<T> numbers = probe.before.span<T>();
    std::array<uint32_t, 4> words{};
    for (size_t i = 0; i < numbers.size(); ++i) {
      if (i % 8 == 0) words = random.Words(i / 8);
      const uint32_t bits = words[i % 8 / 2] >> (16 * (i % 2));  // 7 of k, 3 of e, a sign
      const float size =
          std::ldexp(static_cast<float>(128 + (bits & 127)), -7 - static_cast<int>(bits >> 7 & 7));
      const float value = (bits >> 10 & 1) != 0 ? -size : size;
      if constexpr (std::is_same_v<T, double>) {
        numbers[i] = value;
      } else {
        numbers[i] = FromFloat<T>(value);
      }
    }
  });
  return probe;
}

void WriteProbe(const std::filesystem::path& path, const ProbeOptions& options) {
  const Probe probe = MakeProbe(options);
  const std::vector<NamedTensor> tensors = {{"before", probe.before.view()},
                                            {"positions", probe.positions.view()}};
  WriteSafetensors(path, tensors, {{"what_to_do", Instructions()}});
}

}  // namespace rotary
