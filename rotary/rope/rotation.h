// A rotary embedding is a list of pairs: two channels and a frequency on each axis of position.
// Source: Su et al. 2021, arXiv:2104.09864, section 3.2.2, eq. 14-15; frequencies: section 3.3.
//
// At position p = (p_0 .. p_{axes-1}), pair j of head h turns its two channels counter-clockwise:
//   a = sum_x frequency[h,j,x] p_x;   b likewise from second_frequency (b = a where that is empty)
//   g = attention_factor * exp(+-log_decay[j] (p_0 - centre))        + for queries, - for keys
//   y_first  = g (cos a * x_first  - sin a * x_second)
//   y_second = g (cos b * x_second + sin b * x_first)
// Channels in no pair are copied. Layouts, partial rotation, offsets, scaling rules and axes are
// all ways to fill this list.
#ifndef ROTARY_ROPE_ROTATION_H_
#define ROTARY_ROPE_ROTATION_H_

#include <cstdint>
#include <string>
#include <vector>

namespace rotary {

// Partner of each channel for head_dim = 8, rotary_dim = 6 (. = left alone):
//   kInterleaved  1 0 3 2 5 4 . .    pairs (2i, 2i+1), the paper's order, GPT-J
//   kHalf         3 4 5 0 1 2 . .    pairs (i, i + rotary_dim/2), GPT-NeoX, Llama as Hugging Face
//   stores it
enum class Layout { kInterleaved, kHalf };

struct Rotation {
  int head_dim = 0;
  int axes = 1;
  int heads = 1;  // 1: all heads alike; else one row of frequencies each (learned per head)
  double attention_factor = 1;
  std::vector<int32_t> first, second;  // [pairs], a channel at most once
  std::vector<double> frequency;  // [heads, pairs, axes], radians per unit of position; 0 stands
                                  // still, still takes g
  std::vector<double> second_frequency;  // empty, or the same shape: published tables that disagree
                                         // with their pairing
  std::vector<double> log_decay;         // empty, or [pairs]: xPos

  int pairs() const { return static_cast<int>(first.size()); }
  // Whether rotations by p and then by q make one by p + q: false with second_frequency, and then
  // inverting, shifting and re-basing have no meaning.
  bool IsGroup() const { return second_frequency.empty(); }
  bool operator==(const Rotation&) const = default;
};

struct RotationOptions {
  int head_dim = 0;
  int rotary_dim = 0;  // channels that turn, even; 0: all of head_dim
  int offset = 0;      // the first channel that may turn
  double theta = 10000;
  Layout layout = Layout::kHalf;
};

// One axis, pair i of rotary_dim/2 at frequency theta^(-2i / rotary_dim).
// Throws std::invalid_argument: head_dim below 1, rotary_dim odd or negative, offset + rotary_dim
// beyond head_dim, theta not positive and finite.
Rotation MakeRotation(const RotationOptions& options);

// Throws std::invalid_argument with one sentence when `rotation` breaks a rule of the struct: a
// channel outside head_dim or in two pairs, lists of different lengths, a value that is not finite,
// an attention factor that is not positive.
void CheckRotation(const Rotation& rotation);

// For people: a header line, then one line a pair with its channels, frequency and wavelength (2 pi
// / frequency).
std::string RotationToText(const Rotation& rotation);

}  // namespace rotary

#endif  // ROTARY_ROPE_ROTATION_H_
