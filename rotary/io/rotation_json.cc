#include "rotary/io/rotation_json.h"

#include <fmt/format.h>

#include <algorithm>
#include <functional>
#include <limits>
#include <stdexcept>
#include <vector>

#include "rotary/io/file.h"

namespace rotary {
namespace {

constexpr int64_t kMaxHeadDim =
    1 << 20;  // far beyond any model; keeps a hostile file from asking for gigabytes
constexpr int64_t kMaxInt = std::numeric_limits<int>::max();

std::string Number(double value) { return fmt::format("{:.17g}", value); }

// "[0,1]"
std::string Channels(const std::vector<int32_t>& channels) {
  std::string text;
  for (const int32_t channel : channels) {
    if (!text.empty()) text += ",";
    text += std::to_string(channel);
  }
  return fmt::format("[{}]", text);
}

// `begin` onwards as nested lists, one level for each of `lengths`: "[[1], [0.1]]".
std::string Nested(const double*& begin, std::span<const int> lengths) {
  if (lengths.empty()) return Number(*begin++);
  std::string text;
  for (int i = 0; i < lengths[0]; ++i) {
    if (i > 0) text += ", ";
    text += Nested(begin, lengths.subspan(1));
  }
  return fmt::format("[{}]", text);
}

// The reverse: appends the numbers of nested lists of exactly these lengths.
void AppendNested(const JsonValue& value, std::span<const int64_t> lengths,
                  std::vector<double>& out) {
  if (lengths.empty()) {
    out.push_back(value.Number());
    return;
  }
  for (const JsonValue& element : value.Array(lengths[0])) {
    AppendNested(element, lengths.subspan(1), out);
  }
}

std::vector<int32_t> ReadChannels(const JsonValue& value, int64_t head_dim) {
  std::vector<int32_t> channels;
  for (const JsonValue& element : value.Array()) {
    channels.push_back(static_cast<int32_t>(element.Int(0, head_dim - 1)));
  }
  return channels;
}

// Of one of the groups of layers that `rotary inspect --json` prints.
QueryKeyRotations RotationsOfGroup(const JsonValue& group) {
  const auto rotation = [&](std::string_view side) {
    const JsonValue value = group[side];
    return value.IsNull() ? std::nullopt : std::optional(RotationFromJson(value));
  };
  return {.query = rotation("query"), .key = rotation("key")};
}

}  // namespace

std::string RotationToJson(const Rotation& rotation) {
  CheckRotation(rotation);
  std::vector<int> lengths = {rotation.pairs(), rotation.axes};
  std::string heads;
  if (rotation.heads > 1) {
    lengths.insert(lengths.begin(), rotation.heads);
    heads = fmt::format("\"heads\": {}, ", rotation.heads);
  }
  const auto nested = [&](const std::vector<double>& values) {
    const double* begin = values.data();
    return Nested(begin, lengths);
  };
  std::string text = fmt::format(
      R"({{"head_dim": {}, "attention_factor": {}, "axes": {}, {}"first": {}, "second": {}, "frequency": {})",
      rotation.head_dim, Number(rotation.attention_factor), rotation.axes, heads,
      Channels(rotation.first), Channels(rotation.second), nested(rotation.frequency));
  if (!rotation.second_frequency.empty()) {
    text += fmt::format(", \"second_frequency\": {}", nested(rotation.second_frequency));
  }
  if (!rotation.log_decay.empty()) {
    const double* begin = rotation.log_decay.data();
    text += fmt::format(", \"log_decay\": {}", Nested(begin, std::span(lengths).last(2).first(1)));
  }
  return text + "}";
}

Rotation RotationFromJson(const JsonValue& value) {
  value.AllowOnly({"head_dim", "attention_factor", "axes", "heads", "first", "second", "frequency",
                   "second_frequency", "log_decay"});
  Rotation rotation;
  rotation.head_dim = static_cast<int>(value["head_dim"].Int(1, kMaxHeadDim));
  rotation.attention_factor = value["attention_factor"].Number();
  rotation.axes = static_cast<int>(value["axes"].Int(1, kMaxInt));
  if (const auto heads = value.Find("heads"))
    rotation.heads = static_cast<int>(heads->Int(1, kMaxInt));
  rotation.first = ReadChannels(value["first"], rotation.head_dim);
  rotation.second = ReadChannels(value["second"], rotation.head_dim);
  std::vector<int64_t> lengths = {rotation.pairs(), rotation.axes};
  if (rotation.heads > 1) lengths.insert(lengths.begin(), rotation.heads);
  AppendNested(value["frequency"], lengths, rotation.frequency);
  if (const auto second = value.Find("second_frequency")) {
    AppendNested(*second, lengths, rotation.second_frequency);
  }
  if (const auto decay = value.Find("log_decay")) {
    AppendNested(*decay, std::span(lengths).last(2).first(1), rotation.log_decay);
  }
  try {
    CheckRotation(rotation);
  } catch (const std::invalid_argument& error) {
    throw value.Error("breaks a rule: ", error.what());
  }
  return rotation;
}

QueryKeyRotations QueryKeyRotationsFromJson(const JsonValue& value) {
  const std::optional<JsonValue> layers =
      value.json().is_object() ? value.Find("layers") : std::nullopt;
  if (!layers) {
    const Rotation rotation = RotationFromJson(value);
    return {.query = rotation, .key = rotation};
  }
  std::vector<JsonValue> groups = layers->Array();
  const auto is_text = [](const JsonValue& group) { return group["part"].String() == "text"; };
  if (std::any_of(groups.begin(), groups.end(), is_text))
    std::erase_if(groups, std::not_fn(is_text));
  if (groups.empty()) throw layers->Error("is empty: there is no rotation in it");

  const QueryKeyRotations first = RotationsOfGroup(groups[0]);
  std::string names;
  for (const JsonValue& group : groups) {
    names += (names.empty() ? "" : ", ") + group["name"].String();
  }
  for (const JsonValue& group : groups) {
    if (RotationsOfGroup(group) == first) continue;
    throw layers->Error("rotate in several ways (", names,
                        "); `rotary inspect --layer N --json` prints those of one layer");
  }
  return first;
}

QueryKeyRotations ReadQueryKeyRotations(const std::filesystem::path& path) {
  return QueryKeyRotationsFromJson(JsonDocument::Read(path).root());
}

Rotation ReadRotation(const std::filesystem::path& path) {
  const QueryKeyRotations rotations = ReadQueryKeyRotations(path);
  if (!rotations.query || !rotations.key) throw ReadError(path, "its layers do not rotate (NoPE)");
  if (rotations.query != rotations.key) {
    throw ReadError(path, "its queries and keys rotate differently, one rotation is asked for");
  }
  return *rotations.query;
}

}  // namespace rotary
