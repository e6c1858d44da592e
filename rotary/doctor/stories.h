// Which rules explain measured frequencies, the simplest first.
//
//   const Stories found = FindStories(measured, &expected);
//   found.stories[0].sentence    "theta 10000; the config says theta 500000"
//
// Candidates: theta with or without a scale on all frequencies (linear, NTK-aware, another
// denominator, rotated twice), YaRN, Llama 3, NTK-by-parts, proportional, and of a config its rule
// as it is, without its scaling, with another number, for another length; each also rounded to
// tf32, f16 or bf16 where the frequencies lie on such numbers. How they are fitted and chosen:
// docs/doctor.md, "Rules from frequencies".
#ifndef ROTARY_DOCTOR_STORIES_H_
#define ROTARY_DOCTOR_STORIES_H_

#include <string>
#include <vector>

#include "rotary/doctor/story.h"

namespace rotary {

struct Stories {
  // The one that explains the frequencies best by chi2 + cost, then all others that the data cannot
  // tell from it, each less than 6 deviations away at every pair. Where no rule explains them, one
  // story named "own" that repeats what was measured. Empty where no pair was measured.
  std::vector<Story> stories;
  std::vector<std::string> limits;  // what the data cannot tell
};

//   expected  what the config asks for; null: no config
// Work: some hundred to a thousand spectra of rotary_dim / 2 pairs; milliseconds.
// Throws std::invalid_argument: lists of other lengths than rotary_dim / 2, a frequency that is not
// finite, a deviation below 0, a config's rule that MakeSpectrum refuses.
Stories FindStories(const MeasuredSpectrum& measured, const ExpectedRule* expected = nullptr);

}  // namespace rotary

#endif  // ROTARY_DOCTOR_STORIES_H_
