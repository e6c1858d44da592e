#include "bench/limits.h"

#include <atomic>

#include "rotary/base/error.h"
#include "rotary/base/parallel.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "bench/limits.cc"
#include "hwy/foreach_target.h"  // IWYU pragma: keep
// After foreach_target.h.
#include "hwy/highway.h"

HWY_BEFORE_NAMESPACE();
namespace rotary {
namespace HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

// Runs `steps` steps of 12 vectors and returns the number of operations; `sink` keeps the result
// from being dropped.
double FmaChains(int64_t steps, float& sink) {
  const hn::ScalableTag<float> d;
  const auto factor = hn::Set(d, 0.999f), addend = hn::Set(d, 1e-3f);
  auto a0 = hn::Iota(d, 0.f), a1 = hn::Iota(d, 1.f), a2 = hn::Iota(d, 2.f), a3 = hn::Iota(d, 3.f);
  auto a4 = hn::Iota(d, 4.f), a5 = hn::Iota(d, 5.f), a6 = hn::Iota(d, 6.f), a7 = hn::Iota(d, 7.f);
  auto a8 = hn::Iota(d, 8.f), a9 = hn::Iota(d, 9.f), a10 = hn::Iota(d, 10.f),
       a11 = hn::Iota(d, 11.f);
  for (int64_t step = 0; step < steps; ++step) {
    a0 = hn::MulAdd(a0, factor, addend);
    a1 = hn::MulAdd(a1, factor, addend);
    a2 = hn::MulAdd(a2, factor, addend);
    a3 = hn::MulAdd(a3, factor, addend);
    a4 = hn::MulAdd(a4, factor, addend);
    a5 = hn::MulAdd(a5, factor, addend);
    a6 = hn::MulAdd(a6, factor, addend);
    a7 = hn::MulAdd(a7, factor, addend);
    a8 = hn::MulAdd(a8, factor, addend);
    a9 = hn::MulAdd(a9, factor, addend);
    a10 = hn::MulAdd(a10, factor, addend);
    a11 = hn::MulAdd(a11, factor, addend);
  }
  a0 = hn::Add(hn::Add(a0, a1), hn::Add(a2, a3));
  a4 = hn::Add(hn::Add(a4, a5), hn::Add(a6, a7));
  a8 = hn::Add(hn::Add(a8, a9), hn::Add(a10, a11));
  sink = hn::GetLane(hn::Add(hn::Add(a0, a4), a8));
  return static_cast<double>(steps) * 12 * 2 * static_cast<double>(hn::Lanes(d));
}

void Scale(float* x, int64_t count, float by) {
  const hn::ScalableTag<float> d;
  const int64_t lanes = static_cast<int64_t>(hn::Lanes(d));
  const auto factor = hn::Set(d, by);
  int64_t i = 0;
  for (; i + 4 * lanes <= count; i += 4 * lanes) {
    const auto x0 = hn::LoadU(d, x + i), x1 = hn::LoadU(d, x + i + lanes);
    const auto x2 = hn::LoadU(d, x + i + 2 * lanes), x3 = hn::LoadU(d, x + i + 3 * lanes);
    hn::StoreU(hn::Mul(x0, factor), d, x + i);
    hn::StoreU(hn::Mul(x1, factor), d, x + i + lanes);
    hn::StoreU(hn::Mul(x2, factor), d, x + i + 2 * lanes);
    hn::StoreU(hn::Mul(x3, factor), d, x + i + 3 * lanes);
  }
  for (; i < count; ++i) x[i] *= by;
}

// A sum of whole numbers: no bits are special to it.
uint32_t Read(const uint32_t* x, int64_t count) {
  const hn::ScalableTag<uint32_t> d;
  const int64_t lanes = static_cast<int64_t>(hn::Lanes(d));
  auto s0 = hn::Zero(d), s1 = hn::Zero(d), s2 = hn::Zero(d), s3 = hn::Zero(d);
  int64_t i = 0;
  for (; i + 4 * lanes <= count; i += 4 * lanes) {
    s0 = hn::Add(s0, hn::LoadU(d, x + i));
    s1 = hn::Add(s1, hn::LoadU(d, x + i + lanes));
    s2 = hn::Add(s2, hn::LoadU(d, x + i + 2 * lanes));
    s3 = hn::Add(s3, hn::LoadU(d, x + i + 3 * lanes));
  }
  // Lane by lane: the compiler's own sum over an AVX-512 vector counts in signed numbers, which
  // must not wrap.
  HWY_ALIGN uint32_t sums[hn::MaxLanes(d)];
  hn::Store(hn::Add(hn::Add(s0, s1), hn::Add(s2, s3)), d, sums);
  uint32_t sum = 0;
  for (int64_t lane = 0; lane < lanes; ++lane) sum += sums[lane];
  for (; i < count; ++i) sum += x[i];
  return sum;
}

}  // namespace HWY_NAMESPACE
}  // namespace rotary
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace rotary {

HWY_EXPORT(FmaChains);
HWY_EXPORT(Scale);
HWY_EXPORT(Read);

namespace {

std::atomic<float> g_float_sink{0};
std::atomic<uint32_t> g_sink{0};

// A volatile 1: the compiler must not know that scaling changes nothing.
volatile float g_one = 1;

// Work below this is not worth a second thread to any kernel here.
constexpr int64_t kGrain = int64_t{1} << 14;

int64_t CountOf(std::span<const std::byte> data) {
  Require(data.size() % 4 == 0, "bench: the bytes of a limit must be a multiple of 4, got ",
          data.size());
  return static_cast<int64_t>(data.size() / 4);
}

}  // namespace

Workload FmaWorkload(int threads) {
  constexpr int64_t kSteps = 250'000;
  const int workers = ResolveThreads(threads);
  float sink = 0;
  const double operations = HWY_DYNAMIC_DISPATCH(FmaChains)(kSteps, sink);
  return {operations * workers, [workers] {
            ParallelFor(workers, workers, 1, [](int64_t begin, int64_t end) {
              for (int64_t i = begin; i < end; ++i) {
                float result = 0;
                HWY_DYNAMIC_DISPATCH(FmaChains)(kSteps, result);
                g_float_sink.store(result, std::memory_order_relaxed);
              }
            });
          }};
}

Workload ScaleWorkload(std::span<std::byte> data, int threads) {
  const int64_t count = CountOf(data);
  float* x = reinterpret_cast<float*>(data.data());
  return {2.0 * static_cast<double>(data.size()), [=] {
            ParallelFor(count, threads, kGrain, [=](int64_t begin, int64_t end) {
              HWY_DYNAMIC_DISPATCH(Scale)(x + begin, end - begin, g_one);
            });
          }};
}

Workload ScaleRowsWorkload(std::span<std::byte> a, std::span<std::byte> b, int64_t rows,
                           int threads) {
  const int64_t row_a = CountOf(a) / rows, row_b = CountOf(b) / rows;
  Require(row_a * rows == CountOf(a) && row_b * rows == CountOf(b), "bench: ", rows,
          " rows must divide ", a.size(), " and ", b.size(), " bytes");
  float* x = reinterpret_cast<float*>(a.data());
  float* y = reinterpret_cast<float*>(b.data());
  const int64_t grain = kGrain / (row_a + row_b) + 1;
  return {2.0 * static_cast<double>(a.size() + b.size()), [=] {
            ParallelFor(rows, threads, grain, [=](int64_t begin, int64_t end) {
              const auto scale = HWY_DYNAMIC_DISPATCH(Scale);
              for (int64_t row = begin; row < end; ++row) {
                scale(x + row * row_a, row_a, g_one);
                scale(y + row * row_b, row_b, g_one);
              }
            });
          }};
}

Workload ReadWorkload(std::span<const std::byte> data, int threads) {
  const int64_t count = CountOf(data);
  const uint32_t* x = reinterpret_cast<const uint32_t*>(data.data());
  return {static_cast<double>(data.size()), [=] {
            ParallelFor(count, threads, kGrain, [=](int64_t begin, int64_t end) {
              g_sink.store(HWY_DYNAMIC_DISPATCH(Read)(x + begin, end - begin),
                           std::memory_order_relaxed);
            });
          }};
}

}  // namespace rotary
#endif
