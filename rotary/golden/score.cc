#include "rotary/golden/score.h"

#include <algorithm>
#include <cmath>
#include <numbers>

#include "rotary/io/file.h"
#include "rotary/io/safetensors.h"

namespace rotary {
namespace {

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

std::vector<double> Doubles(ConstTensorView view) {
  Require(view.IsPacked(), "golden: tensors must be packed");
  std::vector<double> values(static_cast<size_t>(view.count()));
  const auto convert = [&]<typename T>() {
    const T* from = view.As<T>();
    for (size_t i = 0; i < values.size(); ++i) {
      if constexpr (std::is_same_v<T, double> || std::is_same_v<T, int64_t>) {
        values[i] = static_cast<double>(from[i]);
      } else {
        values[i] = ToFloat(from[i]);
      }
    }
  };
  if (view.dtype() == DType::kI64) {
    convert.operator()<int64_t>();
  } else {
    DispatchFloat(view.dtype(), "golden", convert);
  }
  return values;
}

// To (-pi, pi].
double Wrapped(double angle) { return std::remainder(angle, 2 * std::numbers::pi); }

// What one pair of one head does at one token.
struct Sample {
  size_t token, head, pair;
  size_t row;               // of frequencies
  double angle, size;       // that it should turn by; the sum of magnitudes behind it
  double frequency, units;  // where it is on one axis: its frequency and position there; else NaN
  double length;            // that it should have
  double ratio;             // of the length that it has
  double turn;              // what it turns by
  double error;             // of its worse channel, by `length`
};

class Samples {
 public:
  Samples(const GoldenCase& golden, const GoldenTensors& tensors)
      : rotation_(golden.rotation), golden_(golden), tensors_(tensors) {}

  // Of in -> out with the exact result `exact`.
  std::vector<Sample> Of(const std::vector<double>& in, const std::vector<double>& exact,
                         const std::vector<double>& out) const {
    const auto heads = static_cast<size_t>(tensors_.shape[2]);
    const auto head_dim = static_cast<size_t>(tensors_.shape[3]);
    const size_t tokens = in.size() / (heads * head_dim);
    std::vector<Sample> samples;
    for (size_t token = 0; token < tokens; ++token) {
      for (size_t head = 0; head < heads; ++head) {
        for (size_t pair = 0; pair < rotation_.first.size(); ++pair) {
          const size_t channels = (token * heads + head) * head_dim;
          const size_t first = channels + static_cast<size_t>(rotation_.first[pair]);
          const size_t second = channels + static_cast<size_t>(rotation_.second[pair]);
          Sample sample = Expected(token, head, pair);
          sample.length *= std::hypot(in[first], in[second]);
          sample.ratio = std::hypot(out[first], out[second]) / sample.length;
          sample.turn = std::atan2(in[first] * out[second] - in[second] * out[first],
                                   in[first] * out[first] + in[second] * out[second]);
          sample.error =
              std::max(std::abs(out[first] - exact[first]), std::abs(out[second] - exact[second])) /
              sample.length;
          samples.push_back(sample);
        }
      }
    }
    return samples;
  }

  // "row 1, token 2, head 0, pair 5"
  std::string Place(const Sample& sample) const {
    const auto tokens = static_cast<size_t>(tensors_.shape[1]);
    return Sentence("row ", sample.token / tokens, ", token ", sample.token % tokens, ", head ",
                    sample.head, ", pair ", sample.pair);
  }

 private:
  // All that the case alone says; `length` of a pair of length 1.
  Sample Expected(size_t token, size_t head, size_t pair) const {
    const auto axes = static_cast<size_t>(rotation_.axes);
    Sample sample{.token = token,
                  .head = head,
                  .pair = pair,
                  .row = rotation_.heads > 1 ? head : 0,
                  .frequency = std::nan(""),
                  .units = std::nan("")};
    const double* position = &tensors_.positions[token * axes];
    const size_t at = (sample.row * rotation_.first.size() + pair) * axes;
    int moving = 0;
    double other = 0;  // the size of the second angle
    for (size_t axis = 0; axis < axes; ++axis) {
      const double w = rotation_.frequency[at + axis];
      sample.angle += w * position[axis];
      sample.size += std::abs(w * position[axis]);
      if (w != 0) {
        ++moving;
        sample.frequency = w;
        sample.units = position[axis];
      }
      if (!rotation_.IsGroup()) {
        other += std::abs(rotation_.second_frequency[at + axis] * position[axis]);
      }
    }
    if (moving > 1) sample.frequency = sample.units = std::nan("");
    if (moving == 0 && axes == 1) {
      sample.frequency = 0;
      sample.units = position[0];
    }
    sample.size = std::max(sample.size, other);
    double g = rotation_.attention_factor;
    if (!rotation_.log_decay.empty()) {
      const double decay = rotation_.log_decay[pair] * (position[0] - golden_.centre);
      g *= std::exp(golden_.side == Side::kQuery ? decay : -decay);
    }
    // A row of the transpose, (cos a, sin b), may be as long as the root of 2.
    sample.length = rotation_.IsGroup() ? g : g * std::numbers::sqrt2;
    if (golden_.direction == Direction::kInverse) {
      sample.length = 1 / g;
      sample.angle = -sample.angle;
      sample.frequency = -sample.frequency;
    }
    return sample;
  }

  const Rotation& rotation_;
  const GoldenCase& golden_;
  const GoldenTensors& tensors_;
};

// The first sample for which `keeps` does not hold; null where it always does.
template <class Keeps>
const Sample* Breaks(const std::vector<Sample>& samples, const Keeps& keeps) {
  const auto found =
      std::find_if(samples.begin(), samples.end(), [&](const Sample& s) { return !keeps(s); });
  return found == samples.end() ? nullptr : &*found;
}

// The rate at which a pair turns, from the token at position 1 on its axis; NaN without one.
double Rate(const std::vector<Sample>& samples, const Sample& of) {
  for (const Sample& s : samples) {
    if (s.pair == of.pair && s.row == of.row && s.units == 1) return s.turn;
  }
  return std::nan("");
}

std::string DegreesOff(const Sample& sample) {
  return Sentence("turns by ", sample.turn, ", not ", Wrapped(sample.angle));
}

BrokenRule WrongAngles(const GoldenCase& golden, const Samples& all,
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
  const Sample* unsteady = Breaks(samples, [&](const Sample& s) {
    const double rate = Rate(samples, s);
    return std::isnan(rate) || std::abs(s.units) > 7.5 || near(s.turn, rate * s.units, 0.3);
  });
  if (unsteady != nullptr) {
    return {"positions", Sentence(all.Place(*unsteady), ": ", DegreesOff(*unsteady),
                                  ", and agrees with no one frequency")};
  }
  const Sample* rate = Breaks(samples, [&](const Sample& s) {
    return s.units != 1 || near(s.turn, s.angle, slack + 0x1p-6 * s.size);
  });
  const bool no_rates = Breaks(samples, [&](const Sample& s) { return s.units != 1; }) == nullptr;
  if (rate != nullptr || no_rates) {
    const Sample& shown = rate != nullptr ? *rate : *off;
    return {"frequencies", Sentence(all.Place(shown), ": ", DegreesOff(shown))};
  }
  return {"positions", Sentence(all.Place(*off), ": ", DegreesOff(*off),
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

GoldenTensors ReadGoldenTensors(const GoldenCase& golden, const std::filesystem::path& path) {
  const SafetensorsFile file(path);
  GoldenTensors tensors;
  tensors.shape = file.shape("x");
  const auto read = [&](std::string_view name) {
    if (!(file.shape(name) == tensors.shape))
      throw ReadError(path, name, " has another shape than x");
    return Doubles(file.view(name));
  };
  if (tensors.shape.rank() != 4 || tensors.shape[2] != golden.heads ||
      tensors.shape[3] != golden.rotation.head_dim) {
    throw ReadError(path, "x has the shape ", tensors.shape.ToString(), ", the case has ",
                    golden.heads, " heads of ", golden.rotation.head_dim, " channels");
  }
  tensors.x = read("x");
  tensors.y = read("y_f64");
  tensors.d_y = read("d_y");
  tensors.d_x = read("d_x");
  tensors.positions = Doubles(file.view("positions"));
  if (static_cast<int64_t>(tensors.positions.size()) !=
      tensors.shape[0] * tensors.shape[1] * golden.rotation.axes) {
    throw ReadError(path, "positions has the shape ", file.shape("positions").ToString());
  }
  return tensors;
}

std::optional<BrokenRule> FirstBrokenRule(const GoldenCase& golden, const GoldenTensors& tensors,
                                          ConstTensorView y) {
  if (auto bad = BadOutput(tensors, "y", y)) return bad;
  const std::vector<double> out = Doubles(y);
  if (!AllFinite(out)) return BrokenRule{"finite", "y has a NaN or an infinity"};
  if (const int64_t channel = ChangedChannel(golden, tensors.x, out); channel >= 0) {
    return BrokenRule{"span", Sentence("channel ", channel, " must be copied")};
  }
  const Samples all(golden, tensors);
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
  const Samples all(golden, tensors);
  const bool right = AllFinite(out) && ChangedChannel(golden, tensors.d_y, out) < 0 &&
                     AllNear(golden, all.Of(tensors.d_y, tensors.d_x, out), d_x.dtype());
  if (right) return std::nullopt;
  return BrokenRule{"gradient", "d_x is not the transpose of the rotation times d_y"};
}

std::vector<GoldenScore> ScoreFolder(const std::filesystem::path& suite,
                                     const std::filesystem::path& outputs) {
  if (!std::filesystem::is_directory(outputs)) throw ReadError(outputs, "it is not a folder");
  std::vector<GoldenScore> scores;
  for (const GoldenCase& golden : ReadGoldenCases(suite)) {
    GoldenScore score{.name = golden.name, .level = golden.level};
    const std::filesystem::path path = outputs / (golden.name + ".safetensors");
    if (std::filesystem::exists(path)) {
      const GoldenTensors tensors =
          ReadGoldenTensors(golden, suite / (golden.name + ".safetensors"));
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
    } else {
      score.offered = false;
    }
    scores.push_back(std::move(score));
  }
  return scores;
}

}  // namespace rotary
