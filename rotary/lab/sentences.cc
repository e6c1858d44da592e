#include "rotary/lab/sentences.h"

#include <fmt/format.h>

#include <cmath>
#include <functional>

#include "rotary/lab/page.h"
#include "rotary/lab/summary.h"

namespace rotary {
namespace {

// "a", "a and b", "a, b and c"
std::string Enumerate(const std::vector<std::string>& items) {
  std::string list;
  for (size_t i = 0; i < items.size(); ++i) {
    list += (i == 0 ? "" : i + 1 == items.size() ? " and " : ", ") + items[i];
  }
  return list;
}

// Clauses with something in them, apart by "; ".
std::string JoinClauses(const std::vector<std::string>& clauses) {
  std::string text;
  for (const std::string& clause : clauses) {
    if (!clause.empty()) text += (text.empty() ? "" : "; ") + clause;
  }
  return text;
}

std::string Clause(const std::string& opening, const std::vector<std::string>& items) {
  return items.empty() ? "" : opening + " " + Enumerate(items);
}

// "sinusoidal (by 0.051 ± 0.012)"
std::string Named(const std::string& encoding, const char* opening, const Estimate& estimate,
                  bool with_sign, const std::string& unit) {
  const int digits = unit.empty() ? 3 : 1;
  const double mean = with_sign ? estimate.mean : std::abs(estimate.mean);
  return fmt::format("{} ({}{} ± {:.{}f}{})", DisplayName(encoding), opening,
                     Decimals(mean, digits), estimate.Interval(), digits, unit);
}

bool Comparable(const Experiment& experiment) {
  return experiment.seeds.size() > 1 && experiment.encodings.size() > 1;
}

// `difference(i)` is encoding i's number minus the first's. Sorts the others by whether the first
// is below, above or neither.
std::string Verdicts(const Experiment& experiment, const char* below, const char* above,
                     const std::string& unit, const std::function<Estimate(size_t)>& difference) {
  std::vector<std::string> lower, higher, neither;
  for (size_t i = 1; i < experiment.encodings.size(); ++i) {
    const Estimate d = difference(i);
    const std::string& name = experiment.encodings[i];
    if (!d.DiffersFrom(0)) {
      neither.push_back(Named(name, "difference ", d, true, unit));
    } else if (d.mean > 0) {
      lower.push_back(Named(name, lower.empty() ? "by " : "", d, false, unit));
    } else {
      higher.push_back(Named(name, higher.empty() ? "by " : "", d, false, unit));
    }
  }
  return JoinClauses(
      {Clause(below, lower), Clause(above, higher), Clause("not distinguishable from", neither)});
}

std::string Unit(const Experiment& experiment) {
  return experiment.objective == "mlm" ? "nats a masked byte" : "nats a byte";
}

// "At the end ..., the held-out loss with rotary, 1.832 nats a byte, is lower than with ...".
//   numbers(i)  of encoding i, one for each seed
std::string LossSentence(const Experiment& experiment, const std::string& opening,
                         const std::string& loss,
                         const std::function<std::vector<double>(size_t)>& numbers) {
  const auto first = numbers(0);
  return fmt::format("{}, the {} with {}, {:.3f} {}, is {}.", opening, loss,
                     DisplayName(experiment.encodings[0]), Summarise(first).mean, Unit(experiment),
                     Verdicts(experiment, "lower than with", "higher than with", "",
                              [&](size_t i) { return PairedDifference(numbers(i), first); }));
}

}  // namespace

std::string DisplayName(const std::string& encoding) {
  if (encoding == "alibi") return "ALiBi";
  if (encoding == "none") return "no positions";
  return encoding;
}

std::string EarlySentence(const Experiment& experiment) {
  if (!Comparable(experiment)) return "";
  const LossCurve& curve = experiment.Run(0, 0).training;
  const size_t point = EarlyPoint(curve);
  const std::string opening = fmt::format("At step {} of {}", Thousands(curve.step[point]),
                                          Thousands(static_cast<double>(experiment.steps)));
  return LossSentence(experiment, opening, "training loss", [&](size_t encoding) {
    return OverSeeds(experiment, encoding,
                     [&](const RunResult& run) { return SmoothedLoss(run.training).at(point); });
  });
}

std::string FinalSentence(const Experiment& experiment) {
  if (!Comparable(experiment)) return "";
  const std::string opening =
      fmt::format("After all {} steps", Thousands(static_cast<double>(experiment.steps)));
  return LossSentence(experiment, opening, "held-out loss", [&](size_t encoding) {
    return OverSeeds(experiment, encoding, [](const RunResult& run) { return run.final_loss; });
  });
}

std::string StepsSentence(const Experiment& experiment) {
  if (!Comparable(experiment)) return "";
  const auto reference = SmoothedCurves(experiment, 0);
  const auto targets = TargetLosses(reference, kTargetLosses);
  if (targets.empty()) return "";
  const double target = targets[targets.size() / 2];
  std::vector<std::string> more, fewer, neither, some, none;
  double reference_steps = 0;
  for (size_t i = 1; i < experiment.encodings.size(); ++i) {
    const auto steps = CompareSteps(SmoothedCurves(experiment, i), reference, target);
    if (!steps) return "";
    reference_steps = steps->reference_steps;
    const std::string name = DisplayName(experiment.encodings[i]);
    if (steps->reached == 0) {
      none.push_back(name);
    } else if (!steps->ratio) {
      some.push_back(fmt::format("{} ({} of {})", name, steps->reached, steps->seeds));
    } else {
      const std::string item = fmt::format("{} ({:.2f} ± {:.2f} times as many)", name,
                                           steps->ratio->mean, steps->ratio->Interval());
      (!steps->ratio->DiffersFrom(1) ? neither
       : steps->ratio->mean > 1      ? more
                                     : fewer)
          .push_back(item);
    }
  }
  return fmt::format("The training loss reaches {:.2f} after {:.0f} steps with {}; it takes {}.",
                     target, reference_steps, DisplayName(experiment.encodings[0]),
                     JoinClauses({Clause("more with", more), Clause("fewer with", fewer),
                                  Clause("not distinguishably more or fewer with", neither),
                                  Clause("longer than the run for some seeds of", some),
                                  Clause("longer than the run with", none)}));
}

std::string LengthSentence(const Experiment& experiment) {
  if (experiment.seeds.size() < 2) return "";
  const auto& lengths = experiment.Run(0, 0).lengths;
  if (lengths.size() < 2) return "";
  std::vector<std::string> worse, better, neither;
  for (size_t i = 0; i < experiment.encodings.size(); ++i) {
    const auto near = LossesAtLength(experiment, i, 0);
    const auto far = LossesAtLength(experiment, i, lengths.size() - 1);
    if (!near || !far) continue;
    const Estimate change = PairedDifference(*far, *near);
    const std::string& name = experiment.encodings[i];
    if (!change.DiffersFrom(0)) {
      neither.push_back(Named(name, "change ", change, true, ""));
    } else {
      auto& list = change.mean > 0 ? worse : better;
      list.push_back(Named(name, list.empty() ? "by " : "", change, false, ""));
    }
  }
  if (worse.empty() && better.empty() && neither.empty()) return "";
  return fmt::format(
      "With windows of {} instead of the {} bytes of training, the loss on the same text {}.",
      Thousands(static_cast<double>(lengths.back().tokens)),
      Thousands(static_cast<double>(lengths.front().tokens)),
      JoinClauses({Clause("rises with", worse), Clause("falls with", better),
                   Clause("does not change distinguishably with", neither)}));
}

std::string SpeedSentence(const Experiment& experiment) {
  if (!Comparable(experiment)) return "";
  const auto speeds = [&](size_t encoding) {
    return OverSeeds(experiment, encoding,
                     [](const RunResult& run) { return run.tokens_per_second; });
  };
  const auto first = speeds(0);
  return fmt::format(
      "Training takes in {} bytes a second with {}: {}.", Thousands(Summarise(first).mean),
      DisplayName(experiment.encodings[0]),
      Verdicts(experiment, "slower than with", "faster than with", "%", [&](size_t i) {
        std::vector<double> percent;
        const auto other = speeds(i);
        for (size_t seed = 0; seed < first.size(); ++seed) {
          percent.push_back(100 * (other[seed] / first[seed] - 1));
        }
        return Summarise(percent);
      }));
}

std::string OneSeedSentence(const Experiment& experiment) {
  if (experiment.seeds.size() > 1) return "";
  return "One seed: every line is a single run, and chance alone sets such runs apart. Nothing "
         "here says "
         "which encoding is better; --seeds 3 or more would.";
}

std::string CannotSentence(const Experiment& experiment) {
  std::vector<std::string> names;
  int64_t limit = 0;
  for (size_t i = 0; i < experiment.encodings.size(); ++i) {
    int64_t reached = 0;
    bool all = true;
    for (const LengthLoss& length : experiment.Run(i, 0).lengths) {
      if (length.loss) reached = length.tokens;
      all = all && length.loss;
    }
    if (all) continue;
    names.push_back(DisplayName(experiment.encodings[i]));
    limit = reached;
  }
  if (names.empty()) return "";
  return fmt::format(
      "Beyond {} bytes, the length of training, there is no loss for {}: positions that were never "
      "trained "
      "have no meaning.",
      limit, Enumerate(names));
}

std::vector<Statement> Statements(const Experiment& experiment) {
  std::vector<Statement> statements = {
      {"One seed", OneSeedSentence(experiment)},   {"Early", EarlySentence(experiment)},
      {"Steps", StepsSentence(experiment)},        {"In the end", FinalSentence(experiment)},
      {"Longer text", LengthSentence(experiment)}, {"Limits", CannotSentence(experiment)},
      {"Speed", SpeedSentence(experiment)}};
  std::erase_if(statements, [](const Statement& statement) { return statement.sentence.empty(); });
  return statements;
}

std::string ExperimentTitle(const Experiment& experiment) {
  const std::string title =
      experiment.objective == "mlm" ? "Guessing masked bytes" : "Predicting the next byte";
  return experiment.attention == "linear" ? title + " with linear attention" : title;
}

std::string IntervalNote(const Experiment& experiment) {
  if (experiment.seeds.size() < 2) return "";
  return fmt::format(
      "± is half of the 95% interval over {} seeds, paired: the same initial weights and the same "
      "batches for all encodings (Student's t, {:.1f} standard errors). What lies inside it is "
      "called "
      "not distinguishable. Each comparison stands on its own.",
      experiment.seeds.size(), StudentT95(static_cast<int>(experiment.seeds.size()) - 1));
}

}  // namespace rotary
