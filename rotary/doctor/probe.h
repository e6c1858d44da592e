// Queries to run once through code whose rotation is in doubt, such that what comes out tells all
// that it did.
//
// What they are, and why:
//   - the same numbers for every dtype: +-(128 + k) 2^-(7 + e), k of 0 .. 127 and e of 0 .. 7,
//     which bf16, f16, f32 and f64 all hold exactly, so that nothing but the code rounds;
//   - none near zero, so that every angle is known at every token and in every channel;
//   - sizes of eight octaves. Numbers of one size hide slow pairs in bf16: a turn by less than 2e-3
//     moves neither channel by half a unit in its last place, and all comes out as it went in. A
//     channel 128 times smaller than its partner moves from 3e-5 on;
//   - no two alike: signs, k and e are random for each token, head and channel, so that no channel
//     can be taken for another wherever it comes out (two correlate by 1 / sqrt(tokens * heads));
//   - several heads: at a token, an output channel that turned with an unknown partner is two
//     unknowns and one equation for each head. Two heads make two angles in one pair, permuted
//     outputs and sums that are no rotation visible, where with one they look like noise; from
//     three on a head that differs from all others is seen;
//   - positions 0 .. tokens - 1, which engines that count for themselves have too;
//   - more than 256 tokens, beyond which bf16 does not hold every position (f16: 2,048). Contexts
//     and tables of engines are seldom shorter than the 1,024 here.
// Pairs that turn by less than their noise over all tokens stay unknown, whatever the probe: theta
// 500,000 turns the slowest of 64 pairs by 2.5e-3 in 1,024 tokens, plain in f32, barely seen in
// bf16.
#ifndef ROTARY_DOCTOR_PROBE_H_
#define ROTARY_DOCTOR_PROBE_H_

#include <cstdint>
#include <filesystem>

#include "rotary/base/tensor.h"

namespace rotary {

struct ProbeOptions {
  int head_dim = 0;
  int heads = 4;
  int64_t tokens = 1024;
  DType dtype = DType::kF32;
};

struct Probe {
  Tensor before;     // [1, tokens, heads, head_dim]
  Tensor positions;  // [tokens], i64
};

// Depends on the options alone.
// Throws std::invalid_argument: head_dim not within 2 .. 65536, heads not within 1 .. 4096, tokens
// not within 2 .. 1000000, more than 2^31 numbers, a dtype that is no float.
Probe MakeProbe(const ProbeOptions& options);

// Writes it as safetensors: tensors before and positions, and in the metadata what to do with them.
// Throws as MakeProbe and WriteSafetensors do.
void WriteProbe(const std::filesystem::path& path, const ProbeOptions& options);

}  // namespace rotary

#endif  // ROTARY_DOCTOR_PROBE_H_
