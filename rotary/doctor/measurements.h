// The frequencies that turns show, and the spectra that may stand behind them.
#ifndef ROTARY_DOCTOR_MEASUREMENTS_H_
#define ROTARY_DOCTOR_MEASUREMENTS_H_

#include <optional>
#include <vector>

#include "rotary/doctor/expectation.h"
#include "rotary/doctor/samples.h"
#include "rotary/doctor/story.h"
#include "rotary/doctor/turn_fit.h"

namespace rotary {

// What the turns of a layout say about frequencies.
struct Measurements {
  // Of all tokens, of one row alone, and of pairs that stand unturned at position 0: rows may be at
  // other positions than were given, and few tokens far from 0 say little without it.
  std::vector<MeasuredSpectrum> spectra;
  // Of each spectrum, the axis that each pair reads: those that turns show where they are not the
  // config's, then the config's.
  std::vector<std::vector<int>> axis_of;
  // The distance of the tokens nearest to each other: where it is large, frequencies are known up
  // to whole turns in between. 0: one position.
  double lag = 0;
};

//   positions  [tokens, axes]
Measurements MeasurementsOf(const TurnTable& table, const Samples& samples,
                            const std::vector<double>& positions,
                            const std::optional<Expectation>& expected);

// The rules that explain what was measured; theta from the angles of a single token, and where
// tokens are so far apart that fast pairs turn by half a turn or more, from those between two.
std::vector<SpectrumGuess> RuleSpectra(const Measurements& measured, const TurnTable& table,
                                       const Samples& samples, const std::vector<double>& positions,
                                       const std::optional<Expectation>& expected);

// Measured frequencies as they are, where tokens tell all of them.
std::vector<SpectrumGuess> OwnSpectra(const Measurements& measured, int axes,
                                      const std::optional<Expectation>& expected);

}  // namespace rotary

#endif  // ROTARY_DOCTOR_MEASUREMENTS_H_
