// Names for lists of pairs: which order of channels they come from.
#ifndef ROTARY_DOCTOR_LAYOUT_H_
#define ROTARY_DOCTOR_LAYOUT_H_

#include <string>
#include <vector>

#include "rotary/doctor/pairing.h"

namespace rotary {

// Pairs in the order of their frequencies, as far as the layout has one.
struct ChannelLayout {
  std::string name;  // "half", "interleaved", "other"
  int rotary_dim = 0, offset = 0;
  std::vector<int> first, second;

  bool operator==(const ChannelLayout&) const = default;
};

ChannelLayout HalfLayout(int rotary_dim, int offset);
ChannelLayout InterleavedLayout(int rotary_dim, int offset);

// Whether what was found fits the layout: its pairs are pairs of the layout, and what it pairs
// otherwise came out as it went in.
bool Allows(const ChannelLayout& layout, const Pairing& found);

// The layouts that fit, the simplest first, `head_dim` channels in all: half and interleaved over
// as many channels as turned, and, because slow pairs may not have turned enough to be seen, over
// all; else the list as it was found.
std::vector<ChannelLayout> LayoutsOf(const Pairing& found, int head_dim);

}  // namespace rotary

#endif  // ROTARY_DOCTOR_LAYOUT_H_
