#include "rotary/doctor/turn_pictures.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numbers>
#include <utility>

#include "rotary/base/error.h"
#include "rotary/doctor/output_fit.h"
#include "rotary/doctor/regression.h"
#include "rotary/doctor/turns.h"

namespace rotary {
namespace {

constexpr int64_t kMostTokens = 256;

// Every step-th of `axis`, from the first on.
ConstTensorView EveryOf(const ConstTensorView& view, int axis, int64_t step) {
  Dims shape = view.shape(), strides = view.strides();
  shape[axis] = (shape[axis] + step - 1) / step;
  strides[axis] *= step;
  return {view.data(), view.dtype(), shape, strides};
}

// Some of the rows and tokens, evenly.
struct Part {
  Observation observation;
  int64_t row_step = 1, token_step = 1;
};

Part PartOf(const Observation& whole, int64_t most) {
  const int64_t rows = whole.before.shape(0), tokens = whole.before.shape(1);
  Part part{.observation = whole};
  part.row_step = (rows + most - 1) / most;
  const int64_t rows_left = (rows + part.row_step - 1) / part.row_step;
  const int64_t most_of_row = std::max<int64_t>(1, most / rows_left);
  part.token_step = (tokens + most_of_row - 1) / most_of_row;
  for (ConstTensorView* view : {&part.observation.before, &part.observation.after}) {
    *view = EveryOf(EveryOf(*view, 0, part.row_step), 1, part.token_step);
  }
  if (whole.positions.empty()) return part;
  part.observation.positions.clear();
  for (int64_t row = 0; row < rows; row += part.row_step) {
    for (int64_t token = 0; token < tokens; token += part.token_step) {
      const auto from = whole.positions.begin() + (row * tokens + token) * whole.axes;
      part.observation.positions.insert(part.observation.positions.end(), from, from + whole.axes);
    }
  }
  return part;
}

const Finding* FindingOf(const Diagnosis& diagnosis, std::string_view code) {
  for (const Finding& finding : diagnosis.findings) {
    if (finding.code == code) return &finding;
  }
  return nullptr;
}

// The head that a picture is of; -1: all.
int64_t HeadOf(const Diagnosis& diagnosis, const Rotation& wanted) {
  const Finding* differ = FindingOf(diagnosis, "heads-differ");
  if (differ != nullptr && differ->evidence.contains("odd") && !differ->evidence["odd"].empty()) {
    return differ->evidence["odd"][0].get<int64_t>();
  }
  return wanted.heads > 1 ? 0 : -1;
}

// The rotation of one head of several.
Rotation OfHead(Rotation rotation, int64_t head) {
  if (rotation.heads == 1) return rotation;
  const auto numbers = static_cast<std::ptrdiff_t>(rotation.frequency.size()) / rotation.heads;
  for (std::vector<double>* list : {&rotation.frequency, &rotation.second_frequency}) {
    if (list->empty()) continue;
    *list = {list->begin() + head * numbers, list->begin() + (head + 1) * numbers};
  }
  rotation.heads = 1;
  return rotation;
}

// The turns of pairs at all tokens: [pairs, tokens]; 0: unknown.
std::vector<std::complex<double>> Turns(const Samples& samples, const std::vector<int>& first,
                                        const std::vector<int>& second) {
  std::vector<std::complex<double>> turns;
  for (size_t j = 0; j < first.size(); ++j) {
    const PairTurns pair = TurnsOf(samples, first[j], second[j]);
    turns.insert(turns.end(), pair.turn.begin(), pair.turn.end());
  }
  return turns;
}

TurnPicture Picture(std::vector<int> first, std::vector<int> second,
                    const std::vector<std::complex<double>>& turns) {
  TurnPicture picture{.first = std::move(first), .second = std::move(second)};
  for (const std::complex<double> turn : turns) {
    picture.angle.push_back(turn == 0.0 ? std::numeric_limits<double>::quiet_NaN()
                                        : std::arg(turn));
  }
  return picture;
}

}  // namespace

std::optional<TurnPictures> DrawTurns(const Observation& observation,
                                      const std::optional<Expectation>& expected,
                                      const Diagnosis& diagnosis, int64_t most_cells) {
  if (!expected && !diagnosis.rotation) return std::nullopt;
  WholeRotation wanted{.rotation = expected ? expected->rotation : *diagnosis.rotation};
  Require(wanted.rotation.head_dim == observation.before.shape(3),
          "doctor: a rotation of heads of ", wanted.rotation.head_dim, " channels, heads have ",
          observation.before.shape(3));
  if (expected) {
    wanted.side = expected->of_keys ? Side::kKey : Side::kQuery;
    wanted.centre = expected->centre;
  }
  const Rotation& found = diagnosis.rotation ? *diagnosis.rotation : wanted.rotation;
  const int64_t pairs = std::max({wanted.rotation.pairs(), found.pairs(), 1});
  const Part part = PartOf(observation, std::clamp<int64_t>(most_cells / pairs, 1, kMostTokens));

  TurnPictures pictures{.axes = observation.axes,
                        .all_tokens = observation.before.shape(0) * observation.before.shape(1)};
  Samples samples = TakeAll(part.observation);
  pictures.head = HeadOf(diagnosis, wanted.rotation);
  if (pictures.head >= 0) {
    samples = rotary::OfHead(samples, pictures.head);
    wanted.rotation = OfHead(wanted.rotation, pictures.head);
  }
  for (size_t t = 0; t < samples.row.size(); ++t) {
    pictures.row.push_back(samples.row[t] * part.row_step);
    pictures.token.push_back(samples.token[t] * part.token_step);
    for (int axis = 0; axis < samples.axes && samples.positions.empty(); ++axis) {
      pictures.position.push_back(static_cast<double>(pictures.token.back()) +
                                  diagnosis.position_shift.value_or(0));
    }
  }
  if (!samples.positions.empty()) pictures.position = samples.positions;

  const std::vector<int> first(found.first.begin(), found.first.end());
  const std::vector<int> second(found.second.begin(), found.second.end());
  const Finding* permuted = FindingOf(diagnosis, "channels-permuted");
  const bool has_places = permuted != nullptr && permuted->evidence.contains("places");
  const Samples in_place =
      has_places ? PutBack(samples, permuted->evidence["places"].get<std::vector<int>>()) : samples;
  pictures.measured = Picture(first, second, Turns(in_place, first, second));

  const std::vector<int> wanted_first(wanted.rotation.first.begin(), wanted.rotation.first.end());
  const std::vector<int> wanted_second(wanted.rotation.second.begin(),
                                       wanted.rotation.second.end());
  // What the wanted rotation makes of the same numbers, read off in the same way.
  Samples made = expected ? samples : in_place;
  std::vector<std::complex<double>> off = Turns(made, wanted_first, wanted_second);
  made.after = Predicted(made, wanted, pictures.position);
  const std::vector<std::complex<double>> turns = Turns(made, wanted_first, wanted_second);
  for (size_t i = 0; i < off.size(); ++i) off[i] *= std::conj(turns[i]);
  pictures.off = Picture(wanted_first, wanted_second, off);
  return pictures;
}

}  // namespace rotary
