// Properties: angles and tables in few bits are told from each other; the arithmetic that is
// nobody's fault (double, float32, a running product) is named where the numbers tell it.
#include "rotary/doctor/diagnosis.h"

#include <cmath>
#include <functional>
#include <utility>

#include "gtest/gtest.h"
#include "rotary/doctor/precision.h"
#include "rotary/doctor/test_diagnosis.h"

namespace rotary {
namespace {

// Writes what an engine that makes cosine and sine of (frequency, position) gives.
void Redo(TestObservation& test, const Rotation& rotation, const ObservationShape& shape,
          const std::function<std::pair<double, double>(double, double)>& engine) {
  const auto* x = test.observation().before.As<float>();
  float* y = test.after().data<float>();
  const size_t dim = 32, half = 16, heads = static_cast<size_t>(shape.heads);
  for (size_t i = 0; i < test.after().bytes() / sizeof(float); i += dim) {
    const double p = test.observation().positions[i / dim / heads];
    for (size_t j = 0; j < half; ++j) {
      const auto [c, s] = engine(rotation.frequency[j], p);
      y[i + j] = static_cast<float>(c * x[i + j] - s * x[i + j + half]);
      y[i + j + half] = static_cast<float>(c * x[i + j + half] + s * x[i + j]);
    }
  }
}

TEST(DiagnoseTest, ArithmeticInFewBits) {
  const Expectation llama = Llama();
  const auto diagnosed = [&](const auto& engine) {
    TestObservation test(llama.rotation, kShape, Given());
    Redo(test, llama.rotation, kShape, engine);
    return Diagnose(test.observation(), llama);
  };
  const auto bf16 = [](double x) { return RoundedTo(Precision::kBF16, x); };
  const Diagnosis angles = diagnosed(
      [&](double w, double p) { return std::pair(std::cos(bf16(w * p)), std::sin(bf16(w * p))); });
  EXPECT_EQ(Faults(angles), Codes({"angles-rounded"})) << angles.verdict;
  const Diagnosis tables = diagnosed(
      [&](double w, double p) { return std::pair(bf16(std::cos(w * p)), bf16(std::sin(w * p))); });
  EXPECT_EQ(All(tables), Codes({"none-found", "tables-rounded"})) << tables.verdict;
  // As most engines compute: no fault.
  const Diagnosis float32 = diagnosed([&](double w, double p) {
    const float angle = static_cast<float>(w) * static_cast<float>(p);
    return std::pair<double, double>(std::cos(angle), std::sin(angle));
  });
  EXPECT_EQ(All(float32), Codes({"none-found"})) << float32.verdict;
  EXPECT_EQ(float32.arithmetic, "float32, tables in float32");
}

TEST(DiagnoseTest, ArithmeticThatIsNobodysFault) {
  const Expectation llama = Llama();
  const auto diagnosed = [&](const std::vector<double>& frequency, double off) {
    Rotation rotation = llama.rotation;
    rotation.frequency = frequency;
    TestObservation test(llama.rotation, kShape, Given());
    Redo(test, rotation, kShape, [&](double w, double p) {
      const double angle = w * p * (1 + off * std::sin(97 * p));
      return std::pair(std::cos(angle), std::sin(angle));
    });
    const Diagnosis diagnosis = Diagnose(test.observation(), llama);
    EXPECT_EQ(All(diagnosis), Codes({"none-found"})) << diagnosis.verdict;
    return diagnosis.arithmetic;
  };
  EXPECT_EQ(diagnosed(llama.rotation.frequency, 0), "exact");
  EXPECT_EQ(diagnosed(llama.rotation.frequency, 0x1p-24), "exact to float32's error");
  std::vector<double> running = {1};
  const auto ratio = static_cast<float>(std::pow(10000, -1.0 / 16));
  while (running.size() < 16) running.push_back(static_cast<float>(running.back()) * ratio);
  EXPECT_EQ(diagnosed(running, 0), "frequencies by a running product");
  // At these positions 16 bits do not tell.
  EXPECT_EQ(
      Of(llama, llama.rotation, std::nullopt, {.tokens = 40, .dtype = DType::kBF16}).arithmetic,
      "exact or float32");
}

}  // namespace
}  // namespace rotary
