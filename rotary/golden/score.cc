#include "rotary/golden/score.h"

#include <algorithm>
#include <cmath>
#include <numbers>
#include <set>
#include <string>
#include <utility>

#include "rotary/golden/samples.h"
#include "rotary/io/file.h"
#include "rotary/io/safetensors.h"

namespace rotary {
namespace {

constexpr const char* kEnding = ".safetensors";

// Half a unit in the last place of 1.
double Roundoff(DType dtype) {
  switch (dtype) {
    case DType::kF64:
      return 0x1p-53;
    case DType::kF32:
      return 0x1p-24;
    case DType::kF16:
      return 0x1p-11;
    case DType::kBF16:
      return 0x1p-8;
    default:
      throw std::invalid_argument(Sentence("golden: no tolerance for ", Name(dtype)));
  }
}

// To (-pi, pi].
double Wrapped(double angle) { return std::remainder(angle, 2 * std::numbers::pi); }

// The first sample for which `keeps` does not hold; null where it always does.
template <class Keeps>
const Sample* Breaks(const std::vector<Sample>& samples, const Keeps& keeps) {
  const auto found =
      std::find_if(samples.begin(), samples.end(), [&](const Sample& s) { return !keeps(s); });
  return found == samples.end() ? nullptr : &*found;
}

// The rate at which each pair of each row of frequencies turns, from the first token at position 1
// on its axis; NaN without one. [rows, pairs]
std::vector<double> Rates(const Rotation& rotation, const std::vector<Sample>& samples) {
  const size_t pairs = rotation.first.size();
  std::vector<double> rates(static_cast<size_t>(rotation.heads) * pairs, std::nan(""));
  for (const Sample& s : samples) {
    double& rate = rates[s.row * pairs + s.pair];
    if (s.units == 1 && std::isnan(rate)) rate = s.turn;
  }
  return rates;
}

std::string WrongTurn(const Sample& sample) {
  return Sentence("turns by ", sample.turn, ", not ", Wrapped(sample.angle));
}

BrokenRule WrongAngles(const GoldenCase& golden, const GoldenSamples& all,
                       const std::vector<Sample>& samples, double slack) {
  const auto near = [](double a, double b, double most) {
    return std::abs(Wrapped(a - b)) <= most;
  };
  if (Breaks(samples, [&](const Sample& s) {
        return near(s.turn, -s.angle, slack + 0x1p-20 * s.size);
      }) == nullptr) {
    return {"direction", "all pairs turn the other way"};
  }
  const Sample* off = Breaks(
      samples, [&](const Sample& s) { return near(s.turn, s.angle, slack + 0x1p-6 * s.size); });
  if (off == nullptr) {
    const Sample* far = Breaks(samples, [&](const Sample& s) { return s.error <= slack; });
    if (far == nullptr) return {"rounding", "errors are those of the dtype, but too large"};
    return {"precision", Sentence(all.Place(*far), ": the error is ", far->error,
                                  " of its length: the angle is not exact enough")};
  }
  const Sample* at_zero = Breaks(samples, [&](const Sample& s) {
    return s.size != 0 || s.frequency == 0 || near(s.turn, 0, slack);
  });
  if (at_zero != nullptr) {
    return {golden.rotation.axes > 1 ? "axes" : "positions",
            all.Place(*at_zero) + ": turns where the position on its axis is 0"};
  }
  const std::vector<double> rates = Rates(golden.rotation, samples);
  const Sample* unsteady = Breaks(samples, [&](const Sample& s) {
    const double rate = rates[s.row * golden.rotation.first.size() + s.pair];
    return std::isnan(rate) || std::abs(s.units) > 7.5 || near(s.turn, rate * s.units, 0.3);
  });
  if (unsteady != nullptr) {
    return {"positions", Sentence(all.Place(*unsteady), ": ", WrongTurn(*unsteady),
                                  ", and agrees with no one frequency")};
  }
  const Sample* rate = Breaks(samples, [&](const Sample& s) {
    return s.units != 1 || near(s.turn, s.angle, slack + 0x1p-6 * s.size);
  });
  const bool no_rates = Breaks(samples, [&](const Sample& s) { return s.units != 1; }) == nullptr;
  if (rate != nullptr || no_rates) {
    const Sample& shown = rate != nullptr ? *rate : *off;
    return {"frequencies", Sentence(all.Place(shown), ": ", WrongTurn(shown))};
  }
  return {"positions", Sentence(all.Place(*off), ": ", WrongTurn(*off),
                                ", though its frequency is right at position 1")};
}

// Channels in no pair; -1 where all equal those of x.
int64_t ChangedChannel(const GoldenCase& golden, const std::vector<double>& x,
                       const std::vector<double>& y) {
  const auto head_dim = static_cast<size_t>(golden.rotation.head_dim);
  std::vector<bool> turns(head_dim);
  for (const auto* list : {&golden.rotation.first, &golden.rotation.second}) {
    for (const int32_t channel : *list) turns[static_cast<size_t>(channel)] = true;
  }
  for (size_t i = 0; i < x.size(); ++i) {
    if (!turns[i % head_dim] && y[i] != x[i]) return static_cast<int64_t>(i % head_dim);
  }
  return -1;
}

std::optional<BrokenRule> BadOutput(const GoldenTensors& tensors, std::string_view name,
                                    ConstTensorView out) {
  const DType dtype = out.dtype();
  if (dtype == DType::kI64 || dtype == DType::kI32 || dtype == DType::kU8) {
    return BrokenRule{"output",
                      Sentence(name, " must be f64, f32, bf16 or f16, got ", Name(dtype))};
  }
  if (!(out.shape() == tensors.shape)) {
    return BrokenRule{"output", Sentence(name, " must have the shape ", tensors.shape.ToString(),
                                         ", got ", out.shape().ToString())};
  }
  return std::nullopt;
}

bool AllFinite(const std::vector<double>& values) {
  return std::all_of(values.begin(), values.end(), [](double v) { return std::isfinite(v); });
}

bool AllNear(const GoldenCase& golden, const std::vector<Sample>& samples, DType dtype) {
  return Breaks(samples, [&](const Sample& s) {
           return s.error <= AllowedError(golden.tolerance, dtype, s.size);
         }) == nullptr;
}

// At least one file, and each that of a case.
void RequireOutputsOf(const std::vector<GoldenCase>& cases, const std::filesystem::path& suite,
                      const std::filesystem::path& outputs) {
  std::set<std::string> strange, names;
  for (const GoldenCase& golden : cases) names.insert(golden.name);
  bool any = false;
  for (const auto& entry : std::filesystem::directory_iterator(outputs)) {
    if (entry.path().extension() != kEnding) continue;
    any = true;
    const std::string name = entry.path().stem().string();
    if (!names.contains(name)) strange.insert(name);
  }
  if (!any) throw ReadError(outputs, "it holds no outputs, NAME", kEnding);
  if (!strange.empty()) {
    throw ReadError(outputs, suite.string(), " has no case ", *strange.begin());
  }
}

// Scores the file `path`; one that cannot be read is a broken output.
void Score(const GoldenCase& golden, const GoldenTensors& tensors,
           const std::filesystem::path& path, GoldenScore& score) {
  try {
    const SafetensorsFile file(path);
    const bool gradient = file.Contains("d_x");
    if (!file.Contains("y")) {
      score.broken = BrokenRule{"output", "there is no y"};
    } else {
      score.broken = FirstBrokenRule(golden, tensors, file.view("y"));
    }
    if (!score.broken && gradient) {
      score.broken = BrokenGradient(golden, tensors, file.view("d_x"));
    }
    score.offered = score.broken || gradient || golden.level != "backward";
  } catch (const FileError& error) {
    score.broken = BrokenRule{"output", error.what()};
  }
}

}  // namespace

double AllowedError(Tolerance tolerance, DType dtype, double angle) {
  const double roundoff = Roundoff(dtype);
  if (tolerance == Tolerance::kExact) {
    const double products = std::max(16 * 0x1p-53, dtype == DType::kF64 ? 0 : 4 * 0x1p-24);
    const bool narrow = dtype == DType::kBF16 || dtype == DType::kF16;
    return products + (narrow ? roundoff : 0) + 8 * 0x1p-53 * angle;
  }
  return std::max(4 * roundoff, 16 * 0x1p-53) + 8 * 0x1p-24 * angle;
}

std::optional<BrokenRule> FirstBrokenRule(const GoldenCase& golden, const GoldenTensors& tensors,
                                          ConstTensorView y) {
  if (auto bad = BadOutput(tensors, "y", y)) return bad;
  const std::vector<double> out = Doubles(y);
  if (!AllFinite(out)) return BrokenRule{"finite", "y has a NaN or an infinity"};
  if (const int64_t channel = ChangedChannel(golden, tensors.x, out); channel >= 0) {
    return BrokenRule{"span", Sentence("channel ", channel, " must be copied")};
  }
  const GoldenSamples all(golden, tensors);
  const std::vector<Sample> samples = all.Of(tensors.x, tensors.y, out);
  if (AllNear(golden, samples, y.dtype())) return std::nullopt;
  if (!golden.rotation.IsGroup()) {
    return BrokenRule{"angles", "the two angles of a pair are not those of the case"};
  }
  const double slack = 8 * AllowedError(golden.tolerance, y.dtype(), 0);
  const bool decays = !golden.rotation.log_decay.empty();
  if (!decays) {
    // Over all channels that turn, so that a wrong pairing does not count.
    const size_t pairs = golden.rotation.first.size();
    for (size_t begin = 0; begin < samples.size(); begin += pairs) {
      double wanted = 0, got = 0;
      for (size_t i = begin; i < begin + pairs; ++i) {
        wanted += samples[i].length * samples[i].length;
        got += std::pow(samples[i].ratio * samples[i].length, 2);
      }
      const double ratio = std::sqrt(got / wanted);
      if (!(std::abs(ratio - 1) <= slack)) {
        return BrokenRule{"attention factor",
                          Sentence(all.Place(samples[begin]), ": lengths are ", ratio,
                                   " of what the attention factor makes of them")};
      }
    }
  }
  if (const Sample* s =
          Breaks(samples, [&](const Sample& a) { return std::abs(a.ratio - 1) <= slack; })) {
    return BrokenRule{decays ? "decay" : "pairing",
                      Sentence(all.Place(*s), ": its length is ", s->ratio, " of what it must be")};
  }
  return WrongAngles(golden, all, samples, slack);
}

std::optional<BrokenRule> BrokenGradient(const GoldenCase& golden, const GoldenTensors& tensors,
                                         ConstTensorView d_x) {
  if (auto bad = BadOutput(tensors, "d_x", d_x)) return bad;
  const std::vector<double> out = Doubles(d_x);
  const GoldenSamples all(golden, tensors);
  const bool right = AllFinite(out) && ChangedChannel(golden, tensors.d_y, out) < 0 &&
                     AllNear(golden, all.Of(tensors.d_y, tensors.d_x, out), d_x.dtype());
  if (right) return std::nullopt;
  return BrokenRule{"gradient", "d_x is not the transpose of the rotation times d_y"};
}

std::vector<GoldenScore> ScoreFolder(const std::filesystem::path& suite,
                                     const std::filesystem::path& outputs) {
  if (!std::filesystem::is_directory(outputs)) throw ReadError(outputs, "it is not a folder");
  const std::vector<GoldenCase> cases = ReadGoldenCases(suite);
  RequireOutputsOf(cases, suite, outputs);
  std::vector<GoldenScore> scores;
  for (const GoldenCase& golden : cases) {
    GoldenScore score{.name = golden.name, .level = golden.level};
    const std::filesystem::path path = outputs / (golden.name + kEnding);
    if (std::filesystem::exists(path)) {
      Score(golden, ReadGoldenTensors(golden, suite / (golden.name + kEnding)), path, score);
    } else {
      score.offered = false;
    }
    scores.push_back(std::move(score));
  }
  return scores;
}

}  // namespace rotary
