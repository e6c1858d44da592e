// The search for the hypothesis that explains an observation best.
#ifndef ROTARY_DOCTOR_EXPLANATION_H_
#define ROTARY_DOCTOR_EXPLANATION_H_

#include <optional>
#include <string>
#include <vector>

#include "rotary/doctor/expectation.h"
#include "rotary/doctor/frequency.h"
#include "rotary/doctor/layout.h"
#include "rotary/doctor/output_fit.h"
#include "rotary/doctor/token_positions.h"
#include "rotary/doctor/turn_fit.h"

namespace rotary {

// Which products of frequencies and positions explain what came out to its rounding.
enum class Products {
  kUnknown,  // rounded frequencies or angles: nothing was compared
  kExact,
  kFloat32,
  kEither,  // both do
  kNear,    // neither: off by no more than float32 is
};

struct Explanation {
  std::vector<std::string> codes;  // of findings about the structure
  std::vector<int> places;         // where outputs stand in other places: that of each channel
  ChannelLayout layout;
  SpectrumGuess spectrum;
  Precision frequencies = Precision::kDouble;  // to which they are rounded
  PositionGuess positions;
  TurnArithmetic arithmetic;
  Products products = Products::kUnknown;
  Fit fit;
  double faults = 0;  // its weight in departures from what was expected
  double score = 0;
  double numbers = 0;  // N

  std::optional<WholeRotation> whole;

  // 1: what is left is the rounding of what came out.
  double Left() const { return fit.chi / numbers; }
};

// What the explanation says was applied, its direction and factor included.
Rotation AppliedRotation(const Explanation& explanation, const Samples& samples);

// Of all that is left, how much may be the arithmetic of an engine: a few roundings a number.
inline constexpr double kExplained = 9;

// The best of the hypotheses that a layout allows.
//   positions  [tokens, axes], those of the samples or what is taken for them
//   factor     the attention factor that tables may hold
//   moved      whether tokens may stand at other positions
Explanation Explain(const Samples& samples, const TurnTable& table, const ChannelLayout& layout,
                    const std::vector<SpectrumGuess>& spectra, const std::vector<double>& positions,
                    double factor = 1, bool moved = true);

}  // namespace rotary

#endif  // ROTARY_DOCTOR_EXPLANATION_H_
