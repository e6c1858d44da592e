// The charts and tables of one experiment.
#ifndef ROTARY_LAB_FIGURES_H_
#define ROTARY_LAB_FIGURES_H_

#include <string>

#include "rotary/lab/page.h"
#include "rotary/lab/results.h"

namespace rotary {

// The Series::style of an encoding: the same on every page, whatever it is compared with.
int StyleOf(const std::string& encoding);

// Training losses, smoothed: the mean over seeds and the range that they span, or the one seed.
Chart LossByStep(const Experiment& experiment);
Chart LossByTime(const Experiment& experiment);
// The others' losses above the first encoding's, with the 95% interval over paired seeds. Without
// series where there is one seed or one encoding.
Chart GapByStep(const Experiment& experiment);
Chart HeldOutByStep(const Experiment& experiment);
// Without series where no lengths were measured.
Chart LossByLength(const Experiment& experiment);
// The paper's bound (decay.h) for the rotary models, to the longest window. Without series where
// there are none, or theirs is a rotation that has no such bound.
Chart BoundByDistance(const Experiment& experiment);

// Tables have the id "PREFIX-final", "PREFIX-steps" or "PREFIX-lengths"; what follows ± is one
// standard error.
Table FinalTable(const Experiment& experiment, const std::string& prefix);
Table StepsTable(const Experiment& experiment,
                 const std::string& prefix);  // no rows: no loss to ask for
Table LengthTable(const Experiment& experiment,
                  const std::string& prefix);  // no rows: not measured

}  // namespace rotary

#endif  // ROTARY_LAB_FIGURES_H_
