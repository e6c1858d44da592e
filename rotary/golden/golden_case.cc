#include "rotary/golden/golden_case.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdlib>
#include <map>
#include <utility>

#include "rotary/io/file.h"
#include "rotary/io/rotation_json.h"

namespace rotary {
namespace {

std::string Hexadecimal(double value) { return fmt::format("{:a}", value); }

Json Hexadecimal(const std::vector<double>& values) {
  Json list = Json::array();
  for (const double value : values) list.push_back(Hexadecimal(value));
  return list;
}

double FromHexadecimal(const JsonValue& value) {
  const std::string& text = value.String();
  char* end = nullptr;
  const double number = std::strtod(text.c_str(), &end);
  if (text.empty() || *end != '\0') throw value.Error("is not a number: ", text);
  return number;
}

// A list of the rotation, in both notations.
void CheckHexadecimal(const JsonValue& object, std::string_view key,
                      const std::vector<double>& decimal) {
  const auto list = object.Find(key);
  if (!list && decimal.empty()) return;
  if (!list) throw object.Error("has no ", key);
  const std::vector<JsonValue> elements = list->Array(static_cast<int64_t>(decimal.size()));
  for (size_t i = 0; i < decimal.size(); ++i) {
    if (FromHexadecimal(elements[i]) != decimal[i]) {
      throw elements[i].Error("is not the decimal number: ", elements[i].String(), ", not ",
                              Hexadecimal(decimal[i]));
    }
  }
}

template <class Value, size_t size>
Value Choice(const JsonValue& value,
             const std::array<std::pair<std::string_view, Value>, size>& choices) {
  for (const auto& [name, choice] : choices) {
    if (value.String() == name) return choice;
  }
  throw value.Error("is not one of its values: ", value.String());
}

constexpr std::array<std::pair<std::string_view, Side>, 2> kSides = {
    {{"query", Side::kQuery}, {"key", Side::kKey}}};
constexpr std::array<std::pair<std::string_view, Direction>, 2> kDirections = {
    {{"forward", Direction::kForward}, {"inverse", Direction::kInverse}}};
constexpr std::array<std::pair<std::string_view, Tolerance>, 2> kTolerances = {
    {{"float32", Tolerance::kFloat32}, {"exact", Tolerance::kExact}}};

constexpr int kMostNumber = 1 << 20;  // of channels, heads, layers

}  // namespace

std::string_view Name(Tolerance tolerance) {
  return tolerance == Tolerance::kExact ? "exact" : "float32";
}

std::string GoldenCaseToJson(const GoldenCase& golden) {
  std::string text;
  // Values as JSON, one key a line, in this order.
  const auto add = [&](std::string_view key, const std::string& value) {
    text += fmt::format("{}\"{}\": {}", text.empty() ? "{\n" : ",\n", key, value);
  };
  const auto add_text = [&](std::string_view key, std::string_view value) {
    add(key, Json(value).dump());
  };
  const Rotation& rotation = golden.rotation;
  add_text("name", golden.name);
  add_text("level", golden.level);
  add_text("meaning", golden.meaning);
  add_text("catches", golden.catches);
  add("config", golden.config.dump());
  if (!golden.from_config.is_null()) add("from_config", golden.from_config.dump());
  if (golden.length) add("length", Json(*golden.length).dump());
  if (!golden.part.empty()) add_text("part", golden.part);
  add("layer", std::to_string(golden.layer));
  add_text("side", golden.side == Side::kKey ? "key" : "query");
  add_text("direction", golden.direction == Direction::kInverse ? "inverse" : "forward");
  if (!rotation.log_decay.empty()) add("centre", Json(golden.centre).dump());
  add_text("layout", golden.layout);
  add("rotary_dim", std::to_string(golden.rotary_dim));
  add("offset", std::to_string(golden.offset));
  add_text("tolerance", Name(golden.tolerance));
  add("heads", std::to_string(golden.heads));
  if (golden.strided) {
    add("strided", fmt::format(R"({{"tensor": "x_wide", "heads": [{}, {}]}})",
                               golden.strided->begin, golden.strided->end));
  }
  add("rotation", RotationToJson(rotation));
  Json hexadecimal = {{"attention_factor", Hexadecimal(rotation.attention_factor)},
                      {"frequency", Hexadecimal(rotation.frequency)}};
  if (!rotation.second_frequency.empty()) {
    hexadecimal["second_frequency"] = Hexadecimal(rotation.second_frequency);
  }
  if (!rotation.log_decay.empty()) hexadecimal["log_decay"] = Hexadecimal(rotation.log_decay);
  add("hexadecimal", hexadecimal.dump());
  return text + "\n}\n";
}

GoldenCase ReadGoldenCase(const std::filesystem::path& path) {
  const JsonDocument document = JsonDocument::Read(path);
  const JsonValue root = document.root();
  root.AllowOnly({"name",        "level",     "meaning", "catches",    "config",
                  "from_config", "length",    "part",    "layer",      "side",
                  "centre",      "direction", "layout",  "rotary_dim", "offset",
                  "tolerance",   "heads",     "strided", "rotation",   "hexadecimal"});
  GoldenCase golden;
  golden.name = root["name"].String();
  golden.level = root["level"].String();
  if (std::find(kGoldenLevels.begin(), kGoldenLevels.end(), golden.level) == kGoldenLevels.end()) {
    throw root["level"].Error("is not a level: ", golden.level);
  }
  golden.meaning = root["meaning"].String();
  golden.catches = root["catches"].String();
  golden.config = root["config"].json();
  if (const auto from = root.Find("from_config")) golden.from_config = from->json();
  if (const auto length = root.Find("length")) golden.length = length->Number();
  if (const auto part = root.Find("part")) golden.part = part->String();
  golden.layer = static_cast<int>(root["layer"].Int(0, kMostNumber));
  golden.side = Choice(root["side"], kSides);
  golden.direction = Choice(root["direction"], kDirections);
  if (const auto centre = root.Find("centre")) golden.centre = centre->Number();
  golden.layout = root["layout"].String();
  golden.rotary_dim = static_cast<int>(root["rotary_dim"].Int(0, kMostNumber));
  golden.offset = static_cast<int>(root["offset"].Int(0, kMostNumber));
  golden.tolerance = Choice(root["tolerance"], kTolerances);
  golden.heads = static_cast<int>(root["heads"].Int(1, kMostNumber));
  if (const auto strided = root.Find("strided")) {
    const auto heads = (*strided)["heads"].Array(2);
    golden.strided = HeadRange{static_cast<int>(heads[0].Int(0, kMostNumber)),
                               static_cast<int>(heads[1].Int(0, kMostNumber))};
  }
  golden.rotation = RotationFromJson(root["rotation"]);
  if (golden.rotation.heads > 1 && golden.rotation.heads != golden.heads) {
    throw root["heads"].Error("is ", golden.heads, ", the rotation has frequencies of ",
                              golden.rotation.heads);
  }
  const JsonValue hexadecimal = root["hexadecimal"];
  CheckHexadecimal(hexadecimal, "frequency", golden.rotation.frequency);
  CheckHexadecimal(hexadecimal, "second_frequency", golden.rotation.second_frequency);
  CheckHexadecimal(hexadecimal, "log_decay", golden.rotation.log_decay);
  if (FromHexadecimal(hexadecimal["attention_factor"]) != golden.rotation.attention_factor) {
    throw hexadecimal["attention_factor"].Error("is not the decimal number");
  }
  return golden;
}

std::vector<GoldenCase> ReadGoldenCases(const std::filesystem::path& folder) {
  std::vector<GoldenCase> cases;
  std::error_code error;
  for (const auto& entry : std::filesystem::directory_iterator(folder, error)) {
    if (entry.path().extension() == ".json") cases.push_back(ReadGoldenCase(entry.path()));
  }
  if (error) throw ReadError(folder, error.message());
  if (cases.empty()) throw ReadError(folder, "it holds no golden vectors");
  const auto key = [](const GoldenCase& golden) {
    const auto level = std::find(kGoldenLevels.begin(), kGoldenLevels.end(), golden.level);
    return std::pair(level, golden.name);
  };
  std::sort(cases.begin(), cases.end(),
            [&](const GoldenCase& a, const GoldenCase& b) { return key(a) < key(b); });
  return cases;
}

}  // namespace rotary
