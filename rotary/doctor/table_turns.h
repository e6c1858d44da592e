// A table of cosines and sines as the turns of pairs at tokens: what the search for explanations
// takes.
#ifndef ROTARY_DOCTOR_TABLE_TURNS_H_
#define ROTARY_DOCTOR_TABLE_TURNS_H_

#include <vector>

#include "rotary/doctor/cos_sin_table.h"
#include "rotary/doctor/layout.h"
#include "rotary/doctor/samples.h"
#include "rotary/doctor/story.h"
#include "rotary/doctor/turn_fit.h"

namespace rotary {

// Rows as tokens of one head, without what went in.
//   positions  [rows], of all rows; empty: 0 .. rows - 1
Samples SamplesOf(const CosSinTable& table, const std::vector<double>& positions, double unit);

// The root mean square of sqrt(cos^2 + sin^2).
double MeanLength(const CosSinTable& table);

//   unit  half a unit in the last place of numbers from 1 to 2
TurnTable TurnsOf(const CosSinTable& table, const ChannelLayout& layout, double unit);

// The first tokens.
TurnTable FirstOf(const TurnTable& turns, size_t tokens);

// Frequencies by unwrapping; those of most pairs count forward.
MeasuredSpectrum Measure(const TurnTable& turns, std::vector<double> positions, int head_dim);

}  // namespace rotary

#endif  // ROTARY_DOCTOR_TABLE_TURNS_H_
