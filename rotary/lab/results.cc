#include "rotary/lab/results.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <string_view>

#include "rotary/base/error.h"
#include "rotary/io/file.h"
#include "rotary/io/rotation_json.h"

namespace rotary {
namespace {

constexpr int64_t kFormat = 1;

// In the order of Span::Kind.
constexpr std::array<std::string_view, 4> kSpanKinds = {"given", "written", "right", "wrong"};

Json Finite(double value) {
  if (!std::isfinite(value)) throw std::invalid_argument("results: a number is not finite");
  return value;
}

Json FiniteList(const std::vector<double>& values) {
  Json list = Json::array();
  for (const double value : values) list.push_back(Finite(value));
  return list;
}

template <class T, class Read>
std::vector<T> List(const JsonValue& array, Read read) {
  std::vector<T> list;
  for (const JsonValue& element : array.Array()) list.push_back(read(element));
  return list;
}

std::vector<double> NumberList(const JsonValue& array) {
  return List<double>(array, [](const JsonValue& value) { return value.Number(); });
}

Json CurveToJson(const LossCurve& curve) {
  return {{"step", FiniteList(curve.step)},
          {"seconds", FiniteList(curve.seconds)},
          {"loss", FiniteList(curve.loss)},
          {"count", curve.count}};
}

LossCurve CurveFromJson(const JsonValue& value) {
  value.AllowOnly({"step", "seconds", "loss", "count"});
  LossCurve curve;
  curve.step = NumberList(value["step"]);
  const auto points = static_cast<int64_t>(curve.size());
  for (const char* key : {"seconds", "loss", "count"}) value[key].Array(points);
  curve.seconds = NumberList(value["seconds"]);
  curve.loss = NumberList(value["loss"]);
  curve.count = List<int>(value["count"], [](const JsonValue& count) {
    return static_cast<int>(count.Int(1, 1 << 30));
  });
  if (points == 0) throw value["step"].Error("must not be empty");
  for (size_t i = 0; i < curve.size(); ++i) {
    if (!(curve.step[i] > (i == 0 ? 0 : curve.step[i - 1]))) {
      throw value["step"].Error("must ascend from above 0");
    }
  }
  return curve;
}

Json SpanToJson(const Span& span) {
  Json json = {{"kind", kSpanKinds.at(static_cast<size_t>(span.kind))}, {"text", span.text}};
  if (span.kind == Span::Kind::kWrong) json["truth"] = span.truth;
  return json;
}

Span SpanFromJson(const JsonValue& value) {
  value.AllowOnly({"kind", "text", "truth"});
  const auto kind = std::find(kSpanKinds.begin(), kSpanKinds.end(), value["kind"].String());
  if (kind == kSpanKinds.end()) throw value["kind"].Error("is not known: ", value["kind"].String());
  Span span{.kind = static_cast<Span::Kind>(kind - kSpanKinds.begin()),
            .text = value["text"].String(),
            .truth = ""};
  if (span.kind == Span::Kind::kWrong) span.truth = value["truth"].String();
  return span;
}

Json TextToJson(const TextInfo& text) {
  Json files = Json::array();
  for (const TextFile& file : text.files) {
    files.push_back({{"name", file.name}, {"bytes", file.bytes}, {"sha256", file.sha256}});
  }
  return {{"files", std::move(files)},
          {"training_bytes", text.training_bytes},
          {"held_out_bytes", text.held_out_bytes},
          {"sha256", text.sha256}};
}

TextInfo TextFromJson(const JsonValue& value) {
  value.AllowOnly({"files", "training_bytes", "held_out_bytes", "sha256"});
  TextInfo text;
  text.files = List<TextFile>(value["files"], [](const JsonValue& file) {
    file.AllowOnly({"name", "bytes", "sha256"});
    return TextFile{.name = file["name"].String(),
                    .bytes = file["bytes"].Int(0),
                    .sha256 = file["sha256"].String()};
  });
  text.training_bytes = value["training_bytes"].Int(0);
  text.held_out_bytes = value["held_out_bytes"].Int(0);
  text.sha256 = value["sha256"].String();
  return text;
}

Json MachineToJson(const Machine& machine) {
  return {{"cpu", machine.cpu},
          {"cores", machine.cores},
          {"simd", machine.simd},
          {"compiler", machine.compiler}};
}

Machine MachineFromJson(const JsonValue& value) {
  value.AllowOnly({"cpu", "cores", "simd", "compiler"});
  return {.cpu = value["cpu"].String(),
          .cores = static_cast<int>(value["cores"].Int(1, 1 << 20)),
          .simd = value["simd"].String(),
          .compiler = value["compiler"].String()};
}

// Whether two runs were looked at in the same places, so that their numbers can be paired.
bool SamePlaces(const RunResult& a, const RunResult& b) {
  const auto same_step = [](const HeldOutPoint& x, const HeldOutPoint& y) {
    return x.step == y.step;
  };
  const auto same_length = [](const LengthLoss& x, const LengthLoss& y) {
    return x.tokens == y.tokens;
  };
  return a.training.step == b.training.step &&
         std::equal(a.held_out.begin(), a.held_out.end(), b.held_out.begin(), b.held_out.end(),
                    same_step) &&
         std::equal(a.lengths.begin(), a.lengths.end(), b.lengths.begin(), b.lengths.end(),
                    same_length);
}

Json ExperimentToJson(const Experiment& experiment) {
  Json runs = Json::array();
  for (const RunResult& run : experiment.runs) runs.push_back(RunToJson(run));
  return {{"objective", experiment.objective},
          {"attention", experiment.attention},
          {"context", experiment.context},
          {"steps", experiment.steps},
          {"length_targets", experiment.length_targets},
          {"rotation",
           experiment.rotation ? Json::parse(RotationToJson(*experiment.rotation)) : Json(nullptr)},
          {"options", experiment.options},
          {"encodings", experiment.encodings},
          {"seeds", experiment.seeds},
          {"runs", std::move(runs)}};
}

Experiment ExperimentFromJson(const JsonValue& value) {
  value.AllowOnly({"objective", "attention", "context", "steps", "length_targets", "rotation",
                   "options", "encodings", "seeds", "runs"});
  Experiment experiment;
  experiment.objective = value["objective"].String();
  experiment.attention = value["attention"].String();
  experiment.context = value["context"].Int(1);
  experiment.steps = value["steps"].Int(1);
  experiment.length_targets = value["length_targets"].Int(0);
  if (!value["rotation"].IsNull()) experiment.rotation = RotationFromJson(value["rotation"]);
  experiment.options = value["options"].json();
  if (!experiment.options.is_object()) throw value["options"].Error("must be an object");
  experiment.encodings =
      List<std::string>(value["encodings"], [](const JsonValue& name) { return name.String(); });
  experiment.seeds = List<uint64_t>(
      value["seeds"], [](const JsonValue& seed) { return static_cast<uint64_t>(seed.Int(0)); });
  const size_t expected = experiment.encodings.size() * experiment.seeds.size();
  if (expected == 0) throw value["runs"].Error("must not be empty");
  for (const JsonValue& run : value["runs"].Array(static_cast<int64_t>(expected))) {
    const size_t index = experiment.runs.size();
    experiment.runs.push_back(RunFromJson(run));
    const RunResult& read = experiment.runs.back();
    const std::string& encoding = experiment.encodings[index / experiment.seeds.size()];
    const uint64_t seed = experiment.seeds[index % experiment.seeds.size()];
    if (read.encoding != encoding || read.seed != seed) {
      throw run.Error("must be of ", encoding, " with seed ", seed);
    }
    if (!SamePlaces(read, experiment.runs[0])) {
      throw run.Error("must have the steps and lengths of the first run");
    }
  }
  return experiment;
}

// Lists of plain values on one line each: files that people can read and compare by line.
void Print(const Json& json, const std::string& indent, std::string& out) {
  const bool flat = std::none_of(json.begin(), json.end(),
                                 [](const Json& child) { return child.is_structured(); });
  if (!json.is_structured() || flat) {
    out += json.dump(-1, ' ', false, Json::error_handler_t::replace);
    return;
  }
  const std::string deeper = indent + " ";
  out += json.is_object() ? "{" : "[";
  const char* separator = "\n";
  for (const auto& [key, child] : json.items()) {
    out += separator + deeper;
    if (json.is_object()) out += Json(key).dump() + ": ";
    Print(child, deeper, out);
    separator = ",\n";
  }
  out += "\n" + indent + (json.is_object() ? "}" : "]");
}

}  // namespace

Json RunToJson(const RunResult& run) {
  Json held_out = Json::array(), lengths = Json::array(), sample = Json::array();
  for (const HeldOutPoint& point : run.held_out) {
    held_out.push_back({{"step", point.step}, {"loss", Finite(point.loss)}});
  }
  for (const LengthLoss& length : run.lengths) {
    lengths.push_back(
        {{"tokens", length.tokens}, {"loss", length.loss ? Finite(*length.loss) : Json(nullptr)}});
  }
  for (const Span& span : run.sample) sample.push_back(SpanToJson(span));
  return {{"encoding", run.encoding},
          {"seed", run.seed},
          {"parameters", run.parameters},
          {"training", CurveToJson(run.training)},
          {"held_out", std::move(held_out)},
          {"final_loss", Finite(run.final_loss)},
          {"lengths", std::move(lengths)},
          {"tokens_per_second", Finite(run.tokens_per_second)},
          {"peak_memory", run.peak_memory ? Json(*run.peak_memory) : Json(nullptr)},
          {"sample", std::move(sample)}};
}

RunResult RunFromJson(const JsonValue& value) {
  value.AllowOnly({"encoding", "seed", "parameters", "training", "held_out", "final_loss",
                   "lengths", "tokens_per_second", "peak_memory", "sample"});
  RunResult run;
  run.encoding = value["encoding"].String();
  run.seed = static_cast<uint64_t>(value["seed"].Int(0));
  run.parameters = value["parameters"].Int(0);
  run.training = CurveFromJson(value["training"]);
  run.held_out = List<HeldOutPoint>(value["held_out"], [](const JsonValue& point) {
    point.AllowOnly({"step", "loss"});
    return HeldOutPoint{.step = point["step"].Int(0), .loss = point["loss"].Number()};
  });
  run.final_loss = value["final_loss"].Number();
  run.lengths = List<LengthLoss>(value["lengths"], [](const JsonValue& length) {
    length.AllowOnly({"tokens", "loss"});
    LengthLoss read{.tokens = length["tokens"].Int(1), .loss = std::nullopt};
    if (!length["loss"].IsNull()) read.loss = length["loss"].Number();
    return read;
  });
  run.tokens_per_second = value["tokens_per_second"].Number();
  if (!value["peak_memory"].IsNull()) run.peak_memory = value["peak_memory"].Int(0);
  run.sample = List<Span>(value["sample"], SpanFromJson);
  return run;
}

std::string ResultsToJson(const Results& results) {
  Json experiments = Json::array();
  for (const Experiment& experiment : results.experiments) {
    experiments.push_back(ExperimentToJson(experiment));
  }
  const Json json = {{"format", kFormat},
                     {"command", results.command},
                     {"note", results.note},
                     {"machine", MachineToJson(results.machine)},
                     {"text", TextToJson(results.text)},
                     {"experiments", std::move(experiments)}};
  std::string text;
  Print(json, "", text);
  return text + "\n";
}

Results ResultsFromJson(std::string_view text, const std::string& source) {
  const JsonDocument document(text, source);
  const JsonValue root = document.root();
  root.AllowOnly({"format", "command", "note", "machine", "text", "experiments"});
  root["format"].Int(kFormat, kFormat);
  Results results{.command = root["command"].String(),
                  .note = root["note"].String(),
                  .machine = MachineFromJson(root["machine"]),
                  .text = TextFromJson(root["text"]),
                  .experiments = {}};
  results.experiments = List<Experiment>(root["experiments"], ExperimentFromJson);
  return results;
}

Results ReadResults(const std::filesystem::path& path) {
  return ResultsFromJson(ReadFile(path), path.string());
}

}  // namespace rotary
