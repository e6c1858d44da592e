// Properties: a share is candidate over limit of the same round, the fastest limit counts, an
// impossible share and a wrong answer are errors, and the two printed forms hold every row. The
// limits do the work that they claim, and rows of rotation and attention count theirs rightly.
#include "bench/bench.h"

#include <cstring>
#include <limits>
#include <nlohmann/json.hpp>
#include <stdexcept>
#include <utility>

#include "bench/attention_bench.h"
#include "bench/limits.h"
#include "bench/rotate_bench.h"
#include "gtest/gtest.h"
#include "rotary/base/simd.h"
#include "rotary/base/tensor.h"
#include "rotary/base/test_thrown.h"

namespace rotary {
namespace {

const BenchOptions kShort{.threads = 1, .rounds = 3, .row_seconds = 0.1, .burst_seconds = 1e-3};

TEST(MeasureTest, ShareIsCandidateOverTheFastestLimit) {
  const Workload fma = FmaWorkload(1);
  const Workload slow{fma.work / 1000, fma.run};
  const Workload limits[] = {slow, fma};
  const BenchResult result = Measure({"slow", "GFLOP/s", "operations"}, slow, limits, kShort);
  // 1/1000 of the fastest limit, and all of the other. Wide: tests run beside other work.
  EXPECT_GT(result.share, 1e-3 / 30);
  EXPECT_LT(result.share, 1e-3 * 30);
  EXPECT_GT(result.value, 0);
  EXPECT_GE(result.spread, 0);
  EXPECT_THROW(Measure({"none", "GB/s", ""}, slow, {}, kShort), std::invalid_argument);
}

TEST(CheckTest, ImpossibleSharesAndWrongAnswersAreErrors) {
  const double nan = std::numeric_limits<double>::quiet_NaN();
  std::vector<BenchResult> results{{.name = "a", .share = 0.9}, {.name = "b", .share = 1.03}};
  CheckShares(results);
  results.push_back({.name = "c", .share = 1.04});
  results.push_back({.name = "d", .share = nan});
  EXPECT_EQ(Thrown<std::runtime_error>([&] { CheckShares(results); }),
            "bench: a share above 1.03 means a wrong limit: c (1.040), d (nan)");
  CheckAnswer("row", -1e-9, 1e-8);
  EXPECT_EQ(Thrown<std::runtime_error>([] { CheckAnswer("row", -0.5, 0.25); }),
            "bench: row gives a wrong answer: error -0.5 above 0.25");
  EXPECT_EQ(Thrown<std::runtime_error>([=] { CheckAnswer("row", nan, 1); }),
            "bench: row gives a wrong answer: error nan above 1");
}

TEST(PrintTest, BothFormsHoldEveryRow) {
  const BenchResult row{.name = "rotate/f32/128",
                        .work = 1e9,
                        .value = 50,
                        .unit = "GB/s",
                        .limit = 100,
                        .share = 0.5,
                        .spread = 0.01,
                        .formula = "bytes"};
  const auto json = nlohmann::json::parse(BenchToJson({&row, 1}, kShort));
  EXPECT_EQ(json["machine"]["threads"], 1);
  EXPECT_EQ(json["machine"]["simd"], ActiveSimdTarget());
  ASSERT_EQ(json["results"].size(), 1u);
  EXPECT_EQ(json["results"][0],
            nlohmann::json::parse(R"({"name": "rotate/f32/128", "work": 1e9, "value": 50.0,
              "unit": "GB/s", "limit": 100.0, "share": 0.5, "spread": 0.01, "formula": "bytes"})"));
  const std::string text = BenchToText({&row, 1}, kShort);
  EXPECT_NE(text.find("rotate/f32/128"), std::string::npos);
  EXPECT_NE(text.find("0.500"), std::string::npos);
}

TEST(LimitsTest, ScalingKeepsTheBitsOnEveryTarget) {
  for (const int64_t target : SimdTargets()) {
    const ScopedSimdTarget scope(target);
    for (const int64_t count : {0, 1, 63, 64, 65, 1000}) {
      Tensor data(DType::kF32, {count});
      for (int64_t i = 0; i < count; ++i) data.data<float>()[i] = 0.1f * static_cast<float>(i + 1);
      const Tensor before = data.Clone();
      const Workload scale = ScaleWorkload({data.raw(), data.bytes()}, 2);
      EXPECT_EQ(scale.work, 8.0 * static_cast<double>(count));
      scale.run();
      ReadWorkload({data.raw(), data.bytes()}, 2).run();
      EXPECT_EQ(std::memcmp(data.raw(), before.raw(), data.bytes()), 0);
    }
  }
}

TEST(RotateBenchTest, TheFilterChoosesRows) {
  BenchOptions options = kShort;
  options.filter = "rotate/f32/17";
  const auto results = BenchRotate(options);
  ASSERT_EQ(results.size(), 1u);
  EXPECT_EQ(results[0].name, "rotate/f32/17");
  EXPECT_GT(results[0].share, 0);
  EXPECT_EQ(results[0].work, 2.0 * 17 * 40 * 128 * 4);
  // The second row's name begins with the first row's.
  options.filter = "f32/128$";
  EXPECT_TRUE(Wanted(options, "rotate/f32/128"));
  EXPECT_FALSE(Wanted(options, "rotate/f32/128/train-4x32-batch-32"));
}

// Each row has compared its answer with the twin before.
TEST(AttentionBenchTest, RowsCountTheWorkThatTheirNamesSay) {
  BenchOptions options = kShort;
  options.filter = "f32/17$";
  const auto results = BenchAttention(options);
  ASSERT_EQ(results.size(), 4u);
  const double scores = 32 * 17 * 18 / 2.0, states = 17.0 * 128;
  const std::pair<const char*, double> expected[] = {
      {"attention/prefill/f32/17", 2 * 2 * 128 * scores},
      {"attention/prefill-backward/f32/17", 7 * 2 * 128 * scores},
      {"attention/linear/f32/17", (32 + 8) * 2 * 128 * states},
      {"attention/linear-backward/f32/17", (3 * 32 + 4 * 8) * 2 * 128 * states},
  };
  for (size_t i = 0; i < results.size(); ++i) {
    EXPECT_EQ(results[i].name, expected[i].first);
    EXPECT_EQ(results[i].work, expected[i].second);
    EXPECT_GT(results[i].share, 0);
  }
}

}  // namespace
}  // namespace rotary
