#include "rotary/rope/rotation.h"

#include <cmath>
#include <cstdio>
#include <numbers>
#include <string_view>

#include "rotary/base/error.h"

namespace rotary {
namespace {

void CheckValues(const std::vector<double>& values, size_t wanted, std::string_view name,
                 std::string_view shape) {
  Require(values.size() == wanted, "rotation: ", name, " must have ", wanted, " values (", shape,
          "), got ", values.size());
  for (const double value : values) {
    Require(std::isfinite(value), "rotation: ", name, " must be finite, got ", value);
  }
}

// Appends printf-formatted numbers: streams would carry their state from one to the next.
template <class... Args>
void Print(std::string& text, const char* format, Args... args) {
  char line[160];
  std::snprintf(line, sizeof(line), format, args...);
  text += line;
}

}  // namespace

Rotation MakeRotation(const RotationOptions& options) {
  const int head_dim = options.head_dim;
  Require(head_dim >= 1, "rotation: head_dim must be at least 1, got ", head_dim);
  const int rotary_dim = options.rotary_dim == 0 ? head_dim : options.rotary_dim;
  Require(rotary_dim >= 0 && rotary_dim % 2 == 0 && rotary_dim <= head_dim,
          "rotation: rotary_dim must be even and at most head_dim (", head_dim, "), got ",
          rotary_dim);
  Require(options.offset >= 0 && options.offset <= head_dim - rotary_dim,
          "rotation: offset + rotary_dim must be at most head_dim (", head_dim, "), got ",
          options.offset, " + ", rotary_dim);
  Require(std::isfinite(options.theta) && options.theta > 0,
          "rotation: theta must be positive and finite, got ", options.theta);

  Rotation rotation;
  rotation.head_dim = head_dim;
  const int pairs = rotary_dim / 2;
  const bool half = options.layout == Layout::kHalf;
  for (int i = 0; i < pairs; ++i) {
    rotation.first.push_back(options.offset + (half ? i : 2 * i));
    rotation.second.push_back(options.offset + (half ? i + pairs : 2 * i + 1));
    rotation.frequency.push_back(std::pow(options.theta, -2.0 * i / rotary_dim));
  }
  return rotation;
}

void CheckRotation(const Rotation& rotation) {
  const int head_dim = rotation.head_dim;
  Require(head_dim >= 1, "rotation: head_dim must be at least 1, got ", head_dim);
  Require(rotation.axes >= 1, "rotation: axes must be at least 1, got ", rotation.axes);
  Require(rotation.heads >= 1, "rotation: heads must be at least 1, got ", rotation.heads);
  Require(std::isfinite(rotation.attention_factor) && rotation.attention_factor > 0,
          "rotation: attention_factor must be positive and finite, got ",
          rotation.attention_factor);
  Require(rotation.first.size() == rotation.second.size(),
          "rotation: first and second must have the same length, got ", rotation.first.size(),
          " and ", rotation.second.size());
  std::vector<bool> used(static_cast<size_t>(head_dim));
  for (size_t j = 0; j < rotation.first.size(); ++j) {
    for (const int32_t channel : {rotation.first[j], rotation.second[j]}) {
      Require(channel >= 0 && channel < head_dim, "rotation: channels must be in [0, ", head_dim,
              "), got ", channel);
      Require(!used[static_cast<size_t>(channel)],
              "rotation: a channel may be in one pair only, got ", channel, " twice");
      used[static_cast<size_t>(channel)] = true;
    }
  }
  const size_t pairs = rotation.first.size();
  const size_t frequencies =
      static_cast<size_t>(rotation.heads) * pairs * static_cast<size_t>(rotation.axes);
  CheckValues(rotation.frequency, frequencies, "frequency", "heads x pairs x axes");
  if (!rotation.second_frequency.empty()) {
    CheckValues(rotation.second_frequency, frequencies, "second_frequency", "heads x pairs x axes");
  }
  if (!rotation.log_decay.empty()) CheckValues(rotation.log_decay, pairs, "log_decay", "pairs");
}

std::string RotationToText(const Rotation& rotation) {
  CheckRotation(rotation);
  const int pairs = rotation.pairs();
  std::string text;
  Print(text, "head_dim %d, %d pairs, %d %s, attention factor %.17g", rotation.head_dim, pairs,
        rotation.axes, rotation.axes == 1 ? "axis" : "axes", rotation.attention_factor);
  if (rotation.heads > 1) Print(text, ", %d heads of their own", rotation.heads);
  text += "\n";
  const auto print_list = [&](const std::vector<double>& values, size_t begin) {
    for (int axis = 0; axis < rotation.axes; ++axis) {
      const double frequency = values[begin + static_cast<size_t>(axis)];
      Print(text, "  frequency %.17g", frequency);
      if (frequency != 0) {
        Print(text, "  wavelength %.6g", 2 * std::numbers::pi / std::abs(frequency));
      } else {
        text += "  stands still";
      }
    }
  };
  size_t begin = 0;
  for (int head = 0; head < rotation.heads; ++head) {
    for (int pair = 0; pair < pairs; ++pair, begin += static_cast<size_t>(rotation.axes)) {
      const size_t j = static_cast<size_t>(pair);
      if (rotation.heads > 1) Print(text, "head %d  ", head);
      Print(text, "pair %d  channels %d %d", pair, rotation.first[j], rotation.second[j]);
      print_list(rotation.frequency, begin);
      if (!rotation.second_frequency.empty()) {
        text += "  second";
        print_list(rotation.second_frequency, begin);
      }
      if (!rotation.log_decay.empty()) Print(text, "  log decay %.17g", rotation.log_decay[j]);
      text += "\n";
    }
  }
  return text;
}

}  // namespace rotary
