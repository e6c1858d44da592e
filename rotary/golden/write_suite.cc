#include "rotary/golden/write_suite.h"

#include <algorithm>
#include <string_view>

#include "rotary/base/random.h"
#include "rotary/golden/exact_rotate.h"
#include "rotary/golden/golden_sources.h"
#include "rotary/io/file.h"
#include "rotary/io/safetensors.h"

namespace rotary {
namespace {

constexpr int kWideHeads = 6;  // of x_wide

// FNV-1a: a case keeps its numbers whatever other cases there are.
uint64_t SeedOf(std::string_view name) {
  uint64_t hash = 0xcbf29ce484222325u;
  for (const char c : name) hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001b3u;
  return hash;
}

// Multiples of 1/64 with magnitudes from 1/4 to just under 2: seven bits, so that they are exact in
// every dtype, and no pair is near zero.
Tensor Numbers(const Dims& shape, uint64_t seed, uint64_t stream) {
  Tensor tensor(DType::kF32, shape);
  const Random random(seed, stream);
  uint64_t index = 0;
  for (float& value : tensor.span<float>()) {
    const uint64_t bits = random.Bits(index++);
    value = static_cast<float>(16 + bits % 112) / 64 * ((bits >> 32) % 2 == 0 ? 1.0f : -1.0f);
  }
  return tensor;
}

void WriteTensors(const std::filesystem::path& path, const GoldenSource& source) {
  const GoldenCase& golden = source.golden;
  const Dims shape = {source.positions.shape(0), source.positions.shape(1), golden.heads,
                      golden.rotation.head_dim};
  const uint64_t seed = SeedOf(golden.name);
  const Tensor d_y = Numbers(shape, seed, 1);
  Tensor x = Numbers(shape, seed, 0), wide;
  if (golden.strided) {
    Dims whole = shape;
    whole[2] = kWideHeads;
    wide = Numbers(whole, seed, 0);
    const auto row = static_cast<size_t>(golden.rotation.head_dim);
    for (size_t token = 0; token < static_cast<size_t>(shape[0] * shape[1]); ++token) {
      const size_t heads = static_cast<size_t>(golden.heads) * row;
      const float* from = wide.data<float>() +
                          (token * kWideHeads + static_cast<size_t>(golden.strided->begin)) * row;
      std::copy(from, from + heads, x.data<float>() + token * heads);
    }
  }
  const ExactRotated y = RotateExactly(golden, source.positions, x);
  const Tensor d_x = GradientExactly(golden, source.positions, d_y);
  std::vector<NamedTensor> tensors = {{"positions", source.positions.view()},
                                      {"x", x.view()},
                                      {"y_f64", y.f64.view()},
                                      {"y_f32", y.f32.view()},
                                      {"y_bf16", y.bf16.view()},
                                      {"y_f16", y.f16.view()},
                                      {"d_y", d_y.view()},
                                      {"d_x", d_x.view()}};
  if (golden.strided) tensors.push_back({"x_wide", wide.view()});
  WriteSafetensors(path, tensors);
}

}  // namespace

int WriteGoldenSuite(const std::filesystem::path& folder) {
  AtomicFolder suite(folder);
  const GoldenSources sources = AllGoldenSources();
  for (const GoldenSource& source : sources) {
    const GoldenCase& golden = source.golden;
    WriteFileAtomically(suite.folder() / (golden.name + ".json"), GoldenCaseToJson(golden));
    WriteTensors(suite.folder() / (golden.name + ".safetensors"), source);
  }
  suite.Commit();
  return static_cast<int>(sources.size());
}

}  // namespace rotary
