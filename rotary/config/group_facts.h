// What there is to say about layers that rotate alike, for the page of text and the one with
// charts.
#ifndef ROTARY_CONFIG_GROUP_FACTS_H_
#define ROTARY_CONFIG_GROUP_FACTS_H_

#include <string>
#include <utility>
#include <vector>

#include "rotary/config/rope_config.h"

namespace rotary {

// "0-4, 6-10, 12" of ascending numbers.
std::string RangesText(const std::vector<int>& numbers);

// "layers 0-4, 6-10"; "layer 12".
std::string LayersText(const std::vector<int>& layers);

// "text, full_attention: 2 layers (5, 11)".
std::string GroupTitle(const LayerRope& group);

// Names and values, such as {"rule", "linear: factor 2"}, most important first; frequencies apart.
std::vector<std::pair<std::string, std::string>> GroupFacts(const LayerRope& group);

// "1 + 0.1 ln(1 + floor(p / 8192))".
std::string TemperatureText(const QueryTemperature& temperature);

// Which of LongRoPE's lists the frequencies come from: "short_factor" or "long_factor"; empty where
// both are one, as the divisors of a GGUF file are, and under other rules. One list holds for the
// whole text, by its length, at all of its positions.
std::string LongRopeList(const LayerRope& group);

// The pair of each channel of a head, -1 where it is copied.
std::vector<int> PairOfChannels(const Rotation& rotation);

// The axis that moves a channel of a pair (in the first head); the two of a pair differ only where
// they have angles of their own.
inline constexpr int kStill = -1;        // none does
inline constexpr int kSeveralAxes = -2;  // more than one does
int AxisOf(const Rotation& rotation, int pair, int channel);

// "y", or "axis 1" where axes have no names.
std::string AxisName(const LayerRope& group, int axis);

// Positions for one full turn of a pair on the first axis that moves it; infinity where it stands
// still.
double Wavelength(const Rotation& rotation, int pair);

// The channels of a query's head as rows of letters: the same letter turns together, a dot is
// copied. With several axes each row has another below it that says which axis moves the channel:
// its initial or number, * for several, - for none. Every line ends in a line break.
//   indent  blanks before each line
std::string ChannelPicture(const LayerRope& group, int indent);

}  // namespace rotary

#endif  // ROTARY_CONFIG_GROUP_FACTS_H_
