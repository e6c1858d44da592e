#include "rotary/golden/samples.h"

#include <algorithm>
#include <cmath>
#include <numbers>

namespace rotary {

std::vector<Sample> GoldenSamples::Of(const std::vector<double>& in,
                                      const std::vector<double>& exact,
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

std::string GoldenSamples::Place(const Sample& sample) const {
  const auto tokens = static_cast<size_t>(tensors_.shape[1]);
  return Sentence("row ", sample.token / tokens, ", token ", sample.token % tokens, ", head ",
                  sample.head, ", pair ", sample.pair);
}

Sample GoldenSamples::Expected(size_t token, size_t head, size_t pair) const {
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

}  // namespace rotary
