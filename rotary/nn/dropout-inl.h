// The factors of dropout for a row: Philox on vectors of counters. Compiled once for each SIMD
// target. dropout_ref.h has the same one element at a time.
#if defined(ROTARY_NN_DROPOUT_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef ROTARY_NN_DROPOUT_INL_H_
#undef ROTARY_NN_DROPOUT_INL_H_
#else
#define ROTARY_NN_DROPOUT_INL_H_
#endif

#include <cstdint>

#include "hwy/highway.h"
#include "rotary/nn/dropout.h"

HWY_BEFORE_NAMESPACE();
namespace rotary {
namespace HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

// At most 16 counters at a time: the layout of the mask is made of groups of 16.
using DropoutTag = hn::CappedTag<uint32_t, 16>;
using DropoutVector = hn::VFromD<DropoutTag>;

// The upper halves of the 64-bit products a * factor; Mul gives the lower ones.
HWY_INLINE DropoutVector MulHigh(DropoutTag d, DropoutVector a, DropoutVector factor) {
#if HWY_TARGET == HWY_SCALAR
  return hn::Set(d, static_cast<uint32_t>((uint64_t{hn::GetLane(a)} * hn::GetLane(factor)) >> 32));
#else
  const hn::RepartitionToWide<DropoutTag> wide;
  const auto even = hn::BitCast(d, hn::ShiftRight<32>(hn::MulEven(a, factor)));
  const auto odd_lanes = hn::BitCast(d, hn::ShiftRight<32>(hn::BitCast(wide, a)));
  const auto odd = hn::BitCast(d, hn::MulEven(odd_lanes, factor));
  return hn::OddEven(odd, even);
#endif
}

// One step of a Philox round on one half of the counter.
HWY_INLINE void PhiloxHalf(DropoutTag d, uint32_t multiplier, DropoutVector word,
                           DropoutVector& high, DropoutVector& low) {
  const auto factor = hn::Set(d, multiplier);
  high = MulHigh(d, word, factor);
  low = hn::Mul(word, factor);
}

// Writes the factors of columns [0, cols) of `row`, 0 or mask.scale(), and of the columns up to
// DropoutScratch(mask, cols).
HWY_INLINE void DropoutFactors(const DropoutMask& mask, int64_t row, int64_t cols,
                               float* HWY_RESTRICT factors) {
  const DropoutTag d;
  const hn::RebindToFloat<DropoutTag> df;
  const hn::RebindToSigned<DropoutTag> di;
  const auto dropped = hn::Set(di, mask.threshold() - 1);  // the largest number that drops
  const auto scale = hn::Set(df, static_cast<float>(mask.scale()));
  const auto low_bits = hn::Set(d, 0xffffu);
  const int64_t blocks = (cols + 127) / 128;
  for (int64_t block = 0; block < blocks; ++block) {
    const uint64_t counter = 16 * static_cast<uint64_t>(row * blocks + block);
    for (uint32_t i = 0; i < 16; i += static_cast<uint32_t>(hn::Lanes(d))) {
      // The counters of a group differ in their lowest four bits only, so the sum does not carry.
      auto word0 = hn::Add(hn::Set(d, static_cast<uint32_t>(counter) + i), hn::Iota(d, 0));
      auto word1 = hn::Set(d, static_cast<uint32_t>(counter >> 32));
      auto word2 = hn::Set(d, static_cast<uint32_t>(mask.stream));
      auto word3 = hn::Set(d, static_cast<uint32_t>(mask.stream >> 32));
      uint32_t key0 = static_cast<uint32_t>(mask.seed),
               key1 = static_cast<uint32_t>(mask.seed >> 32);
      for (int round = 0; round < 10; ++round) {
        auto high0 = word0, low0 = word0, high2 = word0, low2 = word0;
        PhiloxHalf(d, 0xD2511F53u, word0, high0, low0);
        PhiloxHalf(d, 0xCD9E8D57u, word2, high2, low2);
        word0 = hn::Xor(hn::Xor(high2, word1), hn::Set(d, key0));
        word2 = hn::Xor(hn::Xor(high0, word3), hn::Set(d, key1));
        word1 = low2;
        word3 = low0;
        key0 += 0x9E3779B9u;
        key1 += 0xBB67AE85u;
      }
      float* out = factors + 128 * block + i;
      const auto write = [&](DropoutVector numbers, int64_t number) HWY_ATTR {
        const auto keep = hn::RebindMask(df, hn::Gt(hn::BitCast(di, numbers), dropped));
        hn::StoreU(hn::IfThenElseZero(keep, scale), df, out + 16 * number);
      };
      write(hn::And(word0, low_bits), 0);
      write(hn::ShiftRight<16>(word0), 1);
      write(hn::And(word1, low_bits), 2);
      write(hn::ShiftRight<16>(word1), 3);
      write(hn::And(word2, low_bits), 4);
      write(hn::ShiftRight<16>(word2), 5);
      write(hn::And(word3, low_bits), 6);
      write(hn::ShiftRight<16>(word3), 7);
    }
  }
}

}  // namespace HWY_NAMESPACE
}  // namespace rotary
HWY_AFTER_NAMESPACE();

#endif  // ROTARY_NN_DROPOUT_INL_H_
