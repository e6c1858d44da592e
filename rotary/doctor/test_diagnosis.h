// Diagnoses of simulated observations beside configs, for tests.
#ifndef ROTARY_DOCTOR_TEST_DIAGNOSIS_H_
#define ROTARY_DOCTOR_TEST_DIAGNOSIS_H_

#include <optional>
#include <set>
#include <string>
#include <vector>

#include "rotary/config/test_config.h"
#include "rotary/doctor/diagnosis.h"
#include "rotary/doctor/test_observation.h"

namespace rotary {

using Codes = std::set<std::string>;

inline constexpr ObservationShape kShape{.rows = 2, .tokens = 40, .heads = 4};

inline Expectation Asked(const std::string& type, const std::string& keys) {
  const RopeConfig config = ReadText("config.json", ModelText(type, R"("head_dim": 32, )" + keys));
  return ExpectationOf(config.layers[0], false, config.length);
}

inline Expectation Llama() { return Asked("llama", R"("rope_theta": 10000)"); }

inline Expectation Yarn() {
  return Asked("llama", R"("max_position_embeddings": 32768, "rope_theta": 10000,
      "rope_scaling": {"rope_type": "yarn", "factor": 8.0, "original_max_position_embeddings": 4096})");
}

// Half of the channels turn.
inline Expectation Neox() { return Asked("gpt_neox", R"("rotary_pct": 0.5)"); }

inline Codes Faults(const Diagnosis& diagnosis) {
  Codes codes;
  for (const Finding& finding : diagnosis.findings) {
    if (finding.severity == Severity::kFault) codes.insert(finding.code);
  }
  return codes;
}

inline Codes All(const Diagnosis& diagnosis) {
  Codes codes;
  for (const Finding& finding : diagnosis.findings) codes.insert(finding.code);
  return codes;
}

// Rows at 100, 1100 ..
inline std::vector<double> Given(const ObservationShape& shape = kShape) {
  return CountedFrom(100, shape, 1000);
}

// What `applied` at the positions `used` is told to be.
inline Diagnosis Of(const Expectation& expected, const Rotation& applied,
                    std::optional<std::vector<double>> used = std::nullopt,
                    const ObservationShape& shape = kShape) {
  TestObservation test(applied, shape, used.value_or(Given(shape)));
  test.observation().positions = Given(shape);
  return Diagnose(test.observation(), expected);
}

}  // namespace rotary

#endif  // ROTARY_DOCTOR_TEST_DIAGNOSIS_H_
