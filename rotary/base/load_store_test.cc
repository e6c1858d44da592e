// Properties: on every SIMD target and for every vector length down to one lane, loads and stores
// of bf16 and f16 agree to the bit with dtype.h, for every 16-bit pattern and for floats around
// every rounding boundary (ties, NaN, infinities, subnormals), and so do those of even and odd
// places, by the CPU's own rounding too; they touch no element beyond their vector.
#include <bit>
#include <cstdio>
#include <vector>

#include "gtest/gtest.h"
#include "rotary/base/dtype.h"
#include "rotary/base/simd.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "rotary/base/load_store_test.cc"
#include "hwy/foreach_target.h"  // IWYU pragma: keep
// After foreach_target.h.
#include "hwy/highway.h"
#include "rotary/base/load_store-inl.h"

HWY_BEFORE_NAMESPACE();
namespace rotary {
namespace HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

// to[i] = from[i], in vectors of at most kLanes and a tail of single lanes.
template <size_t kLanes, class T>
void WidenWith(const T* from, float* to, size_t count) {
  const hn::CappedTag<float, kLanes> d;
  size_t i = 0;
  for (; i + hn::Lanes(d) <= count; i += hn::Lanes(d)) hn::StoreU(LoadMath(d, from + i), d, to + i);
  const hn::CappedTag<float, 1> d1;
  for (; i < count; ++i) hn::StoreU(LoadMath(d1, from + i), d1, to + i);
}
template <size_t kLanes, class T>
void NarrowWith(const float* from, T* to, size_t count) {
  const hn::CappedTag<float, kLanes> d;
  size_t i = 0;
  for (; i + hn::Lanes(d) <= count; i += hn::Lanes(d)) StoreMath(d, hn::LoadU(d, from + i), to + i);
  const hn::CappedTag<float, 1> d1;
  for (; i < count; ++i) StoreMath(d1, hn::LoadU(d1, from + i), to + i);
}

template <class T>
void Widen(size_t lanes, const T* from, float* to, size_t count) {
  if (lanes == 1) return WidenWith<1>(from, to, count);
  if (lanes == 2) return WidenWith<2>(from, to, count);
  if (lanes == 4) return WidenWith<4>(from, to, count);
  if (lanes == 8) return WidenWith<8>(from, to, count);
  WidenWith<16>(from, to, count);
}
template <class T>
void Narrow(size_t lanes, const float* from, T* to, size_t count) {
  if (lanes == 1) return NarrowWith<1>(from, to, count);
  if (lanes == 2) return NarrowWith<2>(from, to, count);
  if (lanes == 4) return NarrowWith<4>(from, to, count);
  if (lanes == 8) return NarrowWith<8>(from, to, count);
  NarrowWith<16>(from, to, count);
}

void WidenBF16(size_t lanes, const BF16* from, float* to, size_t n) { Widen(lanes, from, to, n); }
void WidenF16s(size_t lanes, const F16* from, float* to, size_t n) { Widen(lanes, from, to, n); }
void NarrowBF16(size_t lanes, const float* from, BF16* to, size_t n) { Narrow(lanes, from, to, n); }
void NarrowF16s(size_t lanes, const float* from, F16* to, size_t n) { Narrow(lanes, from, to, n); }

// The same by even and odd places; `count` must be whole words and more than a vector of them.
void WidenEvenOdd(const BF16* from, float* to, size_t count) {
#if HWY_TARGET == HWY_SCALAR
  WidenBF16(1, from, to, count);
#else
  const hn::ScalableTag<float> d;
  for (size_t i = 0; i + 2 * hn::Lanes(d) <= count; i += 2 * hn::Lanes(d)) {
    hn::Vec<decltype(d)> even, odd;
    LoadEvenOdd(d, from + i, even, odd);
    hn::StoreInterleaved2(even, odd, d, to + i);
  }
#endif
}
void NarrowEvenOdd(const float* from, BF16* to, size_t count) {
#if HWY_TARGET == HWY_SCALAR
  NarrowBF16(1, from, to, count);
#else
  const hn::ScalableTag<float> d;
  for (size_t i = 0; i + 2 * hn::Lanes(d) <= count; i += 2 * hn::Lanes(d)) {
    hn::Vec<decltype(d)> even, odd;
    hn::LoadInterleaved2(d, from + i, even, odd);
    StoreEvenOdd(d, even, odd, to + i);
  }
#endif
}

template <size_t kLanes>
void NarrowNativelyWith([[maybe_unused]] const float* from, [[maybe_unused]] BF16* to,
                        [[maybe_unused]] size_t count) {
#if HWY_TARGET == HWY_AVX3
  const hn::CappedTag<float, kLanes> d;
  for (size_t i = 0; i + 2 * kLanes <= count; i += 2 * kLanes) {
    hn::Vec<decltype(d)> even, odd;
    hn::LoadInterleaved2(d, from + i, even, odd);
    StoreEvenOddNatively(d, even, odd, to + i);
  }
#endif
}
// Returns false where the CPU cannot.
bool NarrowNatively(size_t lanes, const float* from, BF16* to, size_t count) {
  if (!HasNativeBF16()) return false;
  if (lanes == 4) NarrowNativelyWith<4>(from, to, count);
  if (lanes == 8) NarrowNativelyWith<8>(from, to, count);
  if (lanes == 16) NarrowNativelyWith<16>(from, to, count);
  return true;
}

}  // namespace HWY_NAMESPACE
}  // namespace rotary
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace rotary {

HWY_EXPORT(WidenBF16);
HWY_EXPORT(WidenF16s);
HWY_EXPORT(NarrowBF16);
HWY_EXPORT(NarrowF16s);
HWY_EXPORT(WidenEvenOdd);
HWY_EXPORT(NarrowEvenOdd);
HWY_EXPORT(NarrowNatively);

namespace {

// NaNs may differ in payload between machines, and in nothing else.
bool Same(float a, float b) {
  return std::bit_cast<uint32_t>(a) == std::bit_cast<uint32_t>(b) || (a != a && b != b);
}

template <class T>
std::vector<T> EveryPattern() {
  std::vector<T> all(0x10000);
  for (size_t i = 0; i < all.size(); ++i) all[i] = T{static_cast<uint16_t>(i)};
  return all;
}

// Every T, the ties between neighbours, and the floats beside both.
template <class T>
std::vector<float> AroundEveryBoundary() {
  std::vector<float> floats;
  for (const T value : EveryPattern<T>()) {
    const uint32_t bits = std::bit_cast<uint32_t>(ToFloat(value));
    const uint32_t next =
        std::bit_cast<uint32_t>(ToFloat(T{static_cast<uint16_t>(value.bits + 1)}));
    for (const uint32_t middle : {bits, bits + (next - bits) / 2}) {
      for (const uint32_t offset : {~uint32_t{0}, 0u, 1u}) {
        floats.push_back(std::bit_cast<float>(middle + offset));
      }
    }
  }
  return floats;
}

template <class T>
void CheckTarget(void (*widen)(size_t, const T*, float*, size_t),
                 void (*narrow)(size_t, const float*, T*, size_t), T (*reference)(float)) {
  const std::vector<T> patterns = EveryPattern<T>();
  const std::vector<float> floats = AroundEveryBoundary<T>();
  for (const size_t lanes : {1, 2, 4, 8, 16}) {
    std::vector<float> wide(patterns.size());
    widen(lanes, patterns.data(), wide.data(), patterns.size());
    for (size_t i = 0; i < wide.size(); ++i) {
      ASSERT_TRUE(Same(wide[i], ToFloat(patterns[i]))) << "pattern " << i << ", lanes " << lanes;
    }
    std::vector<T> narrowed(floats.size());
    narrow(lanes, floats.data(), narrowed.data(), floats.size());
    for (size_t i = 0; i < floats.size(); ++i) {
      ASSERT_TRUE(Same(ToFloat(narrowed[i]), ToFloat(reference(floats[i]))))
          << floats[i] << " (" << std::bit_cast<uint32_t>(floats[i]) << "), lanes " << lanes;
    }
  }
}

TEST(LoadStoreTest, AgreesWithDtypeOnEveryTarget) {
  for (const int64_t target : SimdTargets()) {
    const ScopedSimdTarget scope(target);
    SCOPED_TRACE(ActiveSimdTarget());
    std::printf("running on %s\n", ActiveSimdTarget().c_str());
    CheckTarget<BF16>(HWY_DYNAMIC_DISPATCH(WidenBF16), HWY_DYNAMIC_DISPATCH(NarrowBF16), ToBF16);
    CheckTarget<F16>(HWY_DYNAMIC_DISPATCH(WidenF16s), HWY_DYNAMIC_DISPATCH(NarrowF16s), ToF16);
  }
}

TEST(LoadStoreTest, EvenAndOddPlacesAgreeWithDtypeOnEveryTarget) {
  const std::vector<BF16> patterns = EveryPattern<BF16>();
  std::vector<float> floats = AroundEveryBoundary<BF16>();
  // NaNs with bits in their lower half are not promised.
  std::erase_if(floats,
                [](float f) { return f != f && (std::bit_cast<uint32_t>(f) & 0xffff) != 0; });
  floats.resize(floats.size() / 64 * 64);
  for (const int64_t target : SimdTargets()) {
    const ScopedSimdTarget scope(target);
    SCOPED_TRACE(ActiveSimdTarget());
    std::vector<float> wide(patterns.size());
    HWY_DYNAMIC_DISPATCH(WidenEvenOdd)(patterns.data(), wide.data(), patterns.size());
    for (size_t i = 0; i < wide.size(); ++i) {
      ASSERT_TRUE(Same(wide[i], ToFloat(patterns[i]))) << "pattern " << i;
    }
    std::vector<BF16> narrowed(floats.size());
    HWY_DYNAMIC_DISPATCH(NarrowEvenOdd)(floats.data(), narrowed.data(), floats.size());
    const auto check = [&] {
      for (size_t i = 0; i < floats.size(); ++i) {
        ASSERT_TRUE(Same(ToFloat(narrowed[i]), ToFloat(ToBF16(floats[i]))))
            << floats[i] << " (" << std::bit_cast<uint32_t>(floats[i]) << ")";
      }
    };
    check();
    for (const size_t lanes : {4, 8, 16}) {
      narrowed.assign(floats.size(), BF16{0x1234});
      if (!HWY_DYNAMIC_DISPATCH(NarrowNatively)(lanes, floats.data(), narrowed.data(),
                                                floats.size())) {
        continue;
      }
      std::printf("%s rounds to bf16 by itself, %zu lanes\n", ActiveSimdTarget().c_str(), lanes);
      check();
    }
  }
}

TEST(LoadStoreTest, TouchesNothingBeyondItsVector) {
  // Exact sizes: a sanitizer sees any step beyond them; the canary sees stores without one.
  for (const int64_t target : SimdTargets()) {
    const ScopedSimdTarget scope(target);
    for (size_t count = 1; count < 40; ++count) {
      const std::vector<F16> from(count, ToF16(1.5f));
      std::vector<float> wide(count);
      HWY_DYNAMIC_DISPATCH(WidenF16s)(16, from.data(), wide.data(), count);
      std::vector<BF16> to(count + 1, BF16{0x1234});
      HWY_DYNAMIC_DISPATCH(NarrowBF16)(16, wide.data(), to.data(), count);
      EXPECT_EQ(ToFloat(to[count - 1]), 1.5f);
      EXPECT_EQ(to[count].bits, 0x1234);
    }
  }
}

}  // namespace
}  // namespace rotary
#endif
