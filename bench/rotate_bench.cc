#include "bench/rotate_bench.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <functional>
#include <span>
#include <string>
#include <vector>

#include "bench/limits.h"
#include "rotary/base/random.h"
#include "rotary/rope/axes.h"
#include "rotary/rope/rotate.h"
#include "rotary/rope/rules.h"

namespace rotary {
namespace {

struct Shape {
  std::string name;
  DType dtype = DType::kF32;
  int64_t tokens = 4096;
  int head_dim = 128;
  Layout layout = Layout::kHalf;
  Direction direction = Direction::kForward;
  int64_t heads = 32, kv_heads = 8;
  int64_t batch = 1;
  // Also against scaling row by row, which beats one sweep while part of the data stays in the last
  // cache.
  bool limit_by_rows = false;
  // In place of theta 10,000 over all channels in `layout`.
  std::function<Rotation()> rotation = nullptr;
};

// What models do beside the plain rotation: rows of their own, to show that it costs nothing.
std::vector<Shape> Variants() {
  const RotationOptions plain{.head_dim = 128, .theta = 1e6};
  const auto yarn = [plain] {
    Rotation rotation = MakeRotation(plain);
    const Spectrum spectrum =
        MakeSpectrum(128, 1e6, YarnRule{.factor = 4, .trained_length = 32768});
    rotation.frequency = spectrum.frequency;
    rotation.attention_factor = spectrum.attention_factor;
    return rotation;
  };
  const auto mrope = [plain] {
    return OnAxes(MakeRotation(plain), 3, ContiguousSections(std::array{16, 24, 24}));
  };
  const auto two_angle = [plain] {
    Rotation rotation = MakeRotation(plain);
    rotation.second_frequency = rotation.frequency;
    std::rotate(rotation.second_frequency.begin(), rotation.second_frequency.begin() + 1,
                rotation.second_frequency.end());
    return rotation;
  };
  // 64 of 128 channels (GPT-NeoX and many after it), and 64 of 192 behind 128 (DeepSeek).
  const auto partial = [] { return MakeRotation({.head_dim = 128, .rotary_dim = 64}); };
  const auto offset = [] {
    return MakeRotation(
        {.head_dim = 192, .rotary_dim = 64, .offset = 128, .layout = Layout::kInterleaved});
  };
  return {{.name = "rotate/f32/4096/yarn", .rotation = yarn},
          {.name = "rotate/f32/4096/mrope", .rotation = mrope},
          {.name = "rotate/f32/4096/two-angle", .rotation = two_angle},
          {.name = "rotate/f32/4096/partial", .rotation = partial},
          {.name = "rotate/f32/4096/offset", .head_dim = 192, .rotation = offset}};
}

std::vector<Shape> Shapes() {
  std::vector<Shape> shapes;
  for (const int64_t tokens : {4096, 128}) {
    for (const DType dtype : {DType::kF32, DType::kBF16, DType::kF16}) {
      const std::string name = fmt::format("rotate/{}/{}", Name(dtype), tokens);
      shapes.push_back({.name = name, .dtype = dtype, .tokens = tokens});
      shapes.push_back({.name = name + "/gradient",
                        .dtype = dtype,
                        .tokens = tokens,
                        .direction = Direction::kGradient});
    }
  }
  for (const DType dtype : {DType::kF32, DType::kBF16}) {
    shapes.push_back({.name = fmt::format("rotate/{}/4096/by-rows", Name(dtype)),
                      .dtype = dtype,
                      .limit_by_rows = true});
  }
  shapes.push_back({.name = "rotate/f64/4096", .dtype = DType::kF64});
  for (const DType dtype : {DType::kF32, DType::kBF16}) {
    shapes.push_back({.name = fmt::format("rotate/{}/4096/interleaved", Name(dtype)),
                      .dtype = dtype,
                      .layout = Layout::kInterleaved});
  }
  for (const DType dtype : {DType::kF32, DType::kBF16}) {
    const std::string prefix = "rotate/" + std::string(Name(dtype)) + "/";
    for (const int head_dim : {64, 80, 96, 256}) {
      shapes.push_back({.name = prefix + "4096/head-dim-" + std::to_string(head_dim),
                        .dtype = dtype,
                        .head_dim = head_dim,
                        // One sweep is no limit to these: they beat it.
                        .limit_by_rows = dtype == DType::kF32 && head_dim < 128});
    }
    for (const int64_t tokens : {1, 17, 1000}) {
      shapes.push_back({.name = prefix + std::to_string(tokens), .dtype = dtype, .tokens = tokens});
    }
  }
  for (Shape& shape : Variants()) shapes.push_back(std::move(shape));
  // The layers of small trained models: many rows of the same positions.
  shapes.push_back({.name = "rotate/f32/128/train-4x32-batch-32",
                    .tokens = 128,
                    .head_dim = 32,
                    .heads = 4,
                    .kv_heads = 4,
                    .batch = 32});
  shapes.push_back({.name = "rotate/f32/256/train-8x64-batch-16",
                    .tokens = 256,
                    .head_dim = 64,
                    .heads = 8,
                    .kv_heads = 8,
                    .batch = 16});
  return shapes;
}

// Ordinary numbers: no subnormals, which would slow the limit down.
void Fill(Tensor& x) {
  const Random random(1, 0);
  DispatchFloat(x.dtype(), "bench", [&]<class T>() {
    const auto values = x.span<T>();
    for (size_t i = 0; i < values.size(); ++i) {
      values[i] = FromFloat<T>(static_cast<float>(0.5 + random.Uniform(i)));
    }
  });
}

double At(ConstTensorView x, int64_t i) {
  return DispatchFloat(x.dtype(), "bench", [&]<class T>() -> double {
    if constexpr (std::is_same_v<T, double>) {
      return x.As<double>()[i];
    } else {
      return ToFloat(x.As<T>()[i]);
    }
  });
}

// The position of a token on an axis: frames of 16 rows and columns, where there are several axes.
int64_t PositionOf(int64_t token, int axis, int axes) {
  if (axes == 1) return token;
  return axis == 0 ? token / 256 : axis == 1 ? token / 16 % 16 : token % 16;
}

// The largest error of the last token's first query head, relative to the length of its pair, by
// sine and cosine in long double: a product of position and frequency in double is off by more than
// f64 results are.
double ErrorOf(const Shape& shape, const Rotation& rotation, ConstTensorView before,
               ConstTensorView after) {
  const int64_t at = (shape.tokens - 1) * shape.heads * shape.head_dim;
  const double sign = shape.direction == Direction::kForward ? 1 : -1;
  const auto angle = [&](const std::vector<double>& frequency, size_t pair) {
    long double sum = 0;
    for (int axis = 0; axis < rotation.axes; ++axis) {
      const size_t i = pair * static_cast<size_t>(rotation.axes) + static_cast<size_t>(axis);
      sum += static_cast<long double>(PositionOf(shape.tokens - 1, axis, rotation.axes)) *
             frequency[i];
    }
    return sign * sum;
  };
  double error = 0;
  for (size_t j = 0; j < rotation.first.size(); ++j) {
    const long double a = angle(rotation.frequency, j);
    const long double b =
        rotation.second_frequency.empty() ? a : angle(rotation.second_frequency, j);
    const double g = rotation.attention_factor;
    const int64_t first = at + rotation.first[j], second = at + rotation.second[j];
    const double x = At(before, first), y = At(before, second);
    const double rotated_x = g * static_cast<double>(std::cos(a) * static_cast<long double>(x) -
                                                     std::sin(a) * static_cast<long double>(y));
    const double rotated_y = g * static_cast<double>(std::cos(b) * static_cast<long double>(y) +
                                                     std::sin(b) * static_cast<long double>(x));
    const double length = g * std::hypot(x, y);
    for (const double difference : {At(after, first) - rotated_x, At(after, second) - rotated_y}) {
      if (!(std::abs(difference) <= error * length)) error = std::abs(difference) / length;
    }
  }
  return error;
}

double Tolerance(DType dtype) {
  switch (dtype) {
    case DType::kF64:
      return 1e-14;
    case DType::kBF16:
      return 0x1p-8;
    case DType::kF16:
      return 0x1p-11;
    default:
      return 3e-7;
  }
}

BenchResult BenchShape(const Shape& shape, const BenchOptions& options) {
  const Rotation rotation =
      shape.rotation ? shape.rotation()
                     : MakeRotation({.head_dim = shape.head_dim, .layout = shape.layout});
  const PhaseTable table(rotation);
  Tensor positions(DType::kI64, {1, shape.tokens, rotation.axes});
  for (int64_t t = 0; t < shape.tokens; ++t) {
    for (int axis = 0; axis < rotation.axes; ++axis) {
      positions.data<int64_t>()[t * rotation.axes + axis] = PositionOf(t, axis, rotation.axes);
    }
  }

  // q and k lie in one block, so that the limit can scale both in one loop.
  const int64_t q_count = shape.batch * shape.tokens * shape.heads * shape.head_dim;
  const int64_t k_count = shape.batch * shape.tokens * shape.kv_heads * shape.head_dim;
  Tensor block(shape.dtype, {q_count + k_count});
  Fill(block);
  const TensorView q(block.raw(), shape.dtype,
                     {shape.batch, shape.tokens, shape.heads, shape.head_dim});
  const TensorView k(block.raw() + static_cast<size_t>(q_count) * SizeOf(shape.dtype), shape.dtype,
                     {shape.batch, shape.tokens, shape.kv_heads, shape.head_dim});
  const RotateOptions rotate{.direction = shape.direction, .threads = options.threads};

  const Tensor before = block.Clone();
  RotateQK(table, positions.view(), q, k, rotate);
  CheckAnswer(shape.name, ErrorOf(shape, rotation, before.view(), block.view()),
              Tolerance(shape.dtype));

  // Channels in no pair are neither read nor written in place.
  const double moved =
      2.0 * static_cast<double>(rotation.first.size()) / static_cast<double>(rotation.head_dim);
  const Workload candidate{2.0 * moved * static_cast<double>(block.bytes()),
                           [&] { RotateQK(table, positions.view(), q, k, rotate); }};
  const size_t q_bytes = static_cast<size_t>(q_count) * SizeOf(shape.dtype);
  const std::span<std::byte> all(block.raw(), block.bytes());
  std::vector<Workload> limits{ScaleWorkload(all, options.threads)};
  std::string formula =
      "bytes of q and k read + written once; limit: scaling the same bytes in place";
  if (moved < 1) formula = "bytes of the moved channels of q and k; limit: scaling all of them";
  if (shape.limit_by_rows) {
    limits.push_back(ScaleRowsWorkload(all.first(q_bytes), all.subspan(q_bytes),
                                       shape.batch * shape.tokens, options.threads));
    formula += ", in one sweep or row by row of q and k in turn, whichever is faster";
  }
  const BenchRow row{shape.name, "GB/s", formula};
  return Measure(row, candidate, limits, options);
}

}  // namespace

std::vector<BenchResult> BenchRotate(const BenchOptions& options) {
  std::vector<BenchResult> results;
  for (const Shape& shape : Shapes()) {
    if (Wanted(options, shape.name)) results.push_back(BenchShape(shape, options));
  }
  return results;
}

}  // namespace rotary
