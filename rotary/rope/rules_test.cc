// Properties: every rule gives the frequencies and attention factors that the published formulas
// give (values computed apart from this code), at its edges too: factor 1, a single pair, ramps
// that end where they begin, lengths at the boundary; what cannot be is refused with its sentence.
#include "rotary/rope/rules.h"

#include <cmath>
#include <limits>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "gtest/gtest.h"
#include "rotary/base/test_thrown.h"

namespace rotary {
namespace {

// Ten digits of the pairs that are named.
void ExpectPairs(const Spectrum& spectrum, const std::vector<std::pair<size_t, double>>& expected) {
  for (const auto& [pair, value] : expected) {
    ASSERT_LT(pair, spectrum.frequency.size());
    const double error = std::abs(spectrum.frequency[pair] / value - 1);
    EXPECT_TRUE(error < 6e-10) << "pair " << pair << ": " << spectrum.frequency[pair] << ", not "
                               << value;
  }
}

void ExpectFactor(double actual, double expected) {
  EXPECT_TRUE(std::abs(actual - expected) < 6e-10) << actual << ", not " << expected;
}

TEST(RulesTest, Plain) {
  ExpectPairs(
      MakeSpectrum(128, 1e4, PlainRule()),
      {{0, 1}, {1, 8.659643234e-1}, {31, 1.154781985e-2}, {32, 1e-2}, {63, 1.154781985e-4}});
}

TEST(RulesTest, LinearDividesAll) {
  const Spectrum plain = MakeSpectrum(64, 1e6, PlainRule());
  const Spectrum linear = MakeSpectrum(64, 1e6, LinearRule{8});
  for (size_t i = 0; i < plain.frequency.size(); ++i) {
    EXPECT_EQ(linear.frequency[i], plain.frequency[i] / 8);
  }
  EXPECT_EQ(linear.attention_factor, 1);
}

TEST(RulesTest, NtkKeepsTheFirstPairAndDividesTheLast) {
  const Spectrum plain = MakeSpectrum(128, 1e4, PlainRule());
  const Spectrum ntk = MakeSpectrum(128, 1e4, NtkRule{8});
  EXPECT_EQ(ntk.frequency[0], 1);
  ExpectPairs(ntk, {{63, plain.frequency[63] / 8}});
  ExpectPairs(ntk, {{1, std::pow(82684.6226416283, -2.0 / 128)}});  // 1e4 x 8^(128/126)
}

TEST(RulesTest, KexueNtk) {
  const Spectrum plain = MakeSpectrum(128, 1e4, PlainRule());
  const Spectrum fixed = MakeSpectrum(128, 1e4, KexueNtkRule{8, {}});
  for (const size_t i : {size_t{0}, size_t{5}, size_t{63}}) {
    // (8b)^(-2i/d) / 8^(2/d) = b^(-2i/d) 8^(-2(i+1)/d): the last pair is divided by 8.
    ExpectPairs(fixed, {{i, plain.frequency[i] * std::pow(8, -(static_cast<double>(i) + 1) / 64)}});
  }
  // 1/exp(ln 8 ((i + 1) / 64)^0.625), the first and the last pair.
  const Spectrum mixed = MakeSpectrum(128, 1e4, KexueNtkRule{8, 0.625});
  ExpectPairs(mixed, {{0, std::exp(-std::log(8) * std::pow(1.0 / 64, 0.625))},
                      {63, plain.frequency[63] / 8}});
}

TEST(RulesTest, DynamicNtkGrowsBeyondTheLongestLengthOnly) {
  const DynamicNtkRule rule{.factor = 2, .max_length = 4096};
  const Spectrum plain = MakeSpectrum(128, 1e4, PlainRule());
  EXPECT_EQ(MakeSpectrum(128, 1e4, rule, 0).frequency, plain.frequency);
  EXPECT_EQ(MakeSpectrum(128, 1e4, rule, 4096).frequency, plain.frequency);
  EXPECT_NE(MakeSpectrum(128, 1e4, rule, 4097).frequency, plain.frequency);
  const auto expect = [&](double length, double theta, double last) {
    const Spectrum spectrum = MakeSpectrum(128, 1e4, rule, length);
    ExpectFactor(std::pow(spectrum.frequency[1], -64) / theta, 1);
    ExpectPairs(spectrum, {{63, last}});
  };
  expect(8192, 3.052773675e4, 3.849273282e-5);
  expect(16384, 7.219586009e4, 1.649688550e-5);
}

TEST(RulesTest, QwenNtkGrowsInSteps) {
  const QwenNtkRule rule{.trained_length = 8192};
  const auto last = [&](double length) {
    return MakeSpectrum(128, 1e4, rule, length).frequency[63];
  };
  const double plain = MakeSpectrum(128, 1e4, PlainRule()).frequency[63];
  EXPECT_EQ(last(8192), plain);
  // alpha 3 up to twice the trained length, 7 up to four times.
  for (const auto& [length, alpha] :
       {std::pair{8193.0, 3}, {16384.0, 3}, {16385.0, 7}, {32768.0, 7}}) {
    EXPECT_TRUE(std::abs(last(length) * alpha / plain - 1) < 1e-14) << length;
  }
}

TEST(RulesTest, Yarn) {
  const YarnRule qwen{.factor = 4, .trained_length = 32768};
  const Spectrum spectrum = MakeSpectrum(128, 1e6, qwen);
  ExpectPairs(spectrum, {{23, 6.978305849e-3},
                         {24, 5.375321491e-3},
                         {31, 8.029597275e-4},
                         {39, 6.490394321e-5},
                         {40, 4.445698525e-5},
                         {63, 3.102344402e-7}});
  ExpectFactor(spectrum.attention_factor, 1.138629436);
  const YarnRange ramp = YarnRamp(128, 1e6, qwen);
  EXPECT_TRUE(std::abs(ramp.low - 23.60) < 0.005 && std::abs(ramp.high - 39.65) < 0.005);
}

TEST(RulesTest, YarnOfGptOssIsNotTruncated) {
  YarnRule rule{.factor = 32, .trained_length = 4096, .truncate = false};
  const Spectrum spectrum = MakeSpectrum(64, 150000, rule);
  ExpectPairs(spectrum, {{8, 5.081327482e-2},
                         {9, 3.170569618e-2},
                         {12, 6.794959490e-3},
                         {17, 1.293187012e-4},
                         {18, 3.830881237e-5},
                         {31, 3.023511428e-7}});
  ExpectFactor(spectrum.attention_factor, 1.346573590);
  rule.truncate = true;
  ExpectPairs(MakeSpectrum(64, 150000, rule),
              {{9, 3.162075228e-2}, {12, 7.015713911e-3}, {17, 2.279477958e-4}});
}

TEST(RulesTest, YarnOfDeepSeek) {
  const YarnRule rule{.factor = 40, .trained_length = 4096, .mscale = 1, .mscale_all_dim = 1};
  const Spectrum spectrum = MakeSpectrum(64, 1e4, rule);
  ExpectPairs(spectrum, {{10, 5.623413252e-2},
                         {11, 3.900692657e-2},
                         {16, 5.5e-3},
                         {22, 1.778279410e-4},
                         {23, 3.333803580e-5},
                         {31, 3.333803580e-6}});
  EXPECT_EQ(spectrum.attention_factor, 1);
  ExpectFactor(YarnMagnitude(40, 1) * YarnMagnitude(40, 1), 1.873854207);
}

TEST(RulesTest, AttentionFactorsOfYarn) {
  YarnRule rule{.factor = 64, .trained_length = 4096, .mscale = 1, .mscale_all_dim = 0};
  const auto factor = [&] { return MakeSpectrum(128, 1e6, rule).attention_factor; };
  ExpectFactor(factor(), 1.415888308);  // a zero counts as absent
  rule.mscale_all_dim = 0.5;
  ExpectFactor(factor(), 1.415888308 / 1.207944154);
  rule.attn_factor = 2;
  ExpectFactor(factor(), 2 * 1.415888308 / 1.207944154);
  rule.attention_factor = 0.75;
  EXPECT_EQ(factor(), 0.75);
}

TEST(RulesTest, YarnBlendsLogarithmsWhereAsked) {
  const YarnRule rule{.factor = 16, .trained_length = 8192, .logarithmic = true};
  const Spectrum plain = MakeSpectrum(128, 1e4, PlainRule());
  const Spectrum spectrum = MakeSpectrum(128, 1e4, rule);
  const YarnRange ramp = YarnRamp(128, 1e4, rule);
  const double low = std::floor(ramp.low), high = std::ceil(ramp.high);
  for (size_t i = 0; i < 64; ++i) {
    const double mix = std::min(1.0, std::max(0.0, (static_cast<double>(i) - low) / (high - low)));
    const double expected = std::exp((1 - mix) * std::log(plain.frequency[i]) +
                                     mix * std::log(plain.frequency[i] / 16));
    ExpectPairs(spectrum, {{i, expected}});
  }
}

TEST(RulesTest, NtkByParts) {
  const NtkByPartsRule rule{.factor = 4, .trained_length = 4096};
  const Spectrum spectrum = MakeSpectrum(128, 1e4, rule);
  const Spectrum plain = MakeSpectrum(128, 1e4, PlainRule());
  EXPECT_EQ(spectrum.frequency[0], 1);  // more than 16 turns: as it was
  EXPECT_EQ(spectrum.frequency[23], plain.frequency[23]);
  EXPECT_TRUE(std::abs(spectrum.frequency[63] * 4 / plain.frequency[63] - 1) < 1e-14);
  for (size_t i = 0; i < 64; ++i) {
    EXPECT_LE(spectrum.frequency[i], plain.frequency[i]);
    EXPECT_GE(spectrum.frequency[i], plain.frequency[i] / 4 * (1 - 1e-15));
  }
}

TEST(RulesTest, LongRope) {
  LongRopeRule rule{.short_factor = std::vector<double>(48, 1.0),
                    .long_factor = std::vector<double>(48, 4.0),
                    .factor = 32,
                    .trained_length = 4096,
                    .attention_factor = {}};
  rule.long_factor[47] = 64;
  const Spectrum plain = MakeSpectrum(96, 1e4, PlainRule());
  const Spectrum up_to = MakeSpectrum(96, 1e4, rule, 4096);
  EXPECT_EQ(up_to.frequency, plain.frequency);
  ExpectFactor(up_to.attention_factor, 1.190238071);  // at short lengths too
  const Spectrum beyond = MakeSpectrum(96, 1e4, rule, 4097);
  EXPECT_EQ(beyond.frequency[0], plain.frequency[0] / 4);
  EXPECT_EQ(beyond.frequency[47], plain.frequency[47] / 64);
  rule.factor = 16;
  rule.trained_length = 8192;
  ExpectFactor(MakeSpectrum(96, 1e4, rule).attention_factor, 1.143543750);
  rule.factor = 1;
  EXPECT_EQ(MakeSpectrum(96, 1e4, rule).attention_factor, 1);
}

TEST(RulesTest, Llama3) {
  ExpectPairs(MakeSpectrum(128, 5e5, PlainRule()),  // what the rule begins with
              {{28, 3.211445995e-3}, {29, 2.616099253e-3}, {34, 9.384738704e-4}});
  ExpectPairs(MakeSpectrum(128, 5e5, Llama3Rule{.factor = 8, .trained_length = 8192}),
              {{28, 3.211445995e-3},
               {29, 2.166570764e-3},
               {30, 1.371893568e-3},
               {32, 5.248461610e-4},
               {34, 1.785078128e-4},
               {35, 9.556212354e-5},
               {63, 3.068925989e-7}});
  ExpectPairs(MakeSpectrum(64, 5e5, Llama3Rule{.factor = 32, .trained_length = 8192}),
              {{14, 3.211445995e-3},
               {15, 1.290547928e-3},
               {16, 4.295567966e-4},
               {17, 9.708287803e-5},
               {18, 1.946163818e-5},
               {31, 9.418306725e-8}});
}

TEST(RulesTest, Llama3WithOneBoundaryIsAStep) {
  const Llama3Rule scout{
      .factor = 16, .trained_length = 8192, .low_freq_factor = 1, .high_freq_factor = 1};
  const Spectrum plain = MakeSpectrum(128, 5e5, PlainRule());
  const Spectrum step = MakeSpectrum(128, 5e5, scout);
  for (size_t i = 0; i < 64; ++i) {
    const bool slow = 8192 * plain.frequency[i] < 2 * 3.14159265358979323846;
    EXPECT_EQ(step.frequency[i], plain.frequency[i] / (slow ? 16 : 1)) << i;
  }
}

TEST(RulesTest, ProportionalCountsTheWholeHead) {
  const Spectrum spectrum = MakeSpectrum(512, 1e6, ProportionalRule{.factor = 1, .moving = 64});
  ExpectPairs(spectrum, {{1, 9.474635257e-1}, {63, 3.337624694e-2}});
  for (size_t i = 64; i < 256; ++i) EXPECT_EQ(spectrum.frequency[i], 0);
  EXPECT_EQ(MakeSpectrum(512, 1e6, ProportionalRule{.factor = 2, .moving = 64}).frequency[3],
            spectrum.frequency[3] / 2);
}

TEST(RulesTest, FactorOneChangesNothing) {
  const Spectrum plain = MakeSpectrum(64, 1e4, PlainRule());
  for (const Rule& rule : {Rule(LinearRule{1}), Rule(NtkRule{1}), Rule(DynamicNtkRule{1, 2048}),
                           Rule(YarnRule{.factor = 1, .trained_length = 2048}),
                           Rule(Llama3Rule{.factor = 1, .trained_length = 2048})}) {
    const Spectrum spectrum = MakeSpectrum(64, 1e4, rule, 2048);
    for (size_t i = 0; i < 32; ++i) {
      EXPECT_TRUE(std::abs(spectrum.frequency[i] / plain.frequency[i] - 1) < 4e-16) << Name(rule);
    }
    EXPECT_EQ(spectrum.attention_factor, 1) << Name(rule);
  }
}

TEST(RulesTest, ASinglePairHasNoTheta) {
  for (const Rule& rule : {Rule(NtkRule{8}), Rule(DynamicNtkRule{2, 2048})}) {
    EXPECT_EQ(MakeSpectrum(2, 1e4, rule, 8192).frequency, std::vector<double>{1}) << Name(rule);
  }
  EXPECT_TRUE(MakeSpectrum(0, 1e4, NtkRule{8}).frequency.empty());
}

TEST(RulesTest, BadInput) {
  const double nan = std::numeric_limits<double>::quiet_NaN();
  EXPECT_EQ(Thrown<std::invalid_argument>([] { MakeSpectrum(63, 1e4, PlainRule()); }),
            "rope rule default: rotary_dim must be even, got 63");
  EXPECT_EQ(Thrown<std::invalid_argument>([] { MakeSpectrum(64, 0, PlainRule()); }),
            "rope rule default: theta must be positive and finite, got 0");
  EXPECT_EQ(Thrown<std::invalid_argument>([&] { MakeSpectrum(64, 1e4, LinearRule{nan}); }),
            "rope rule linear: factor must be positive and finite, got nan");
  EXPECT_EQ(Thrown<std::invalid_argument>([] { MakeSpectrum(64, 1e4, LinearRule{-2}); }),
            "rope rule linear: factor must be positive and finite, got -2");
  EXPECT_EQ(Thrown<std::invalid_argument>([] {
              MakeSpectrum(64, 1e4, DynamicNtkRule{2, 0});
            }),
            "rope rule dynamic: max_length must be positive and finite, got 0");
  EXPECT_EQ(Thrown<std::invalid_argument>([] { MakeSpectrum(64, 1e4, PlainRule(), -1); }),
            "rope rule default: the length must be finite and not negative, got -1");
  EXPECT_EQ(Thrown<std::invalid_argument>([] {
              MakeSpectrum(
                  64, 1e4,
                  YarnRule{.factor = 2, .trained_length = 4096, .beta_fast = 1, .beta_slow = 32});
            }),
            "rope rule yarn: fast pairs must turn at least as often (1) as slow ones (32)");
  EXPECT_EQ(Thrown<std::invalid_argument>(
                [] { MakeSpectrum(64, 1, YarnRule{.factor = 2, .trained_length = 4096}); }),
            "rope rule yarn: theta must not be 1, as all pairs turn alike");
  EXPECT_EQ(Thrown<std::invalid_argument>(
                [] { MakeSpectrum(64, 1e4, YarnRule{.factor = 2, .trained_length = 2}); }),
            "rope rule yarn: the ramp would end (pair -3) before it begins (pair 0); the trained "
            "length 2 does not fit rotary_dim 64 and theta 10000");
  EXPECT_EQ(Thrown<std::invalid_argument>([] {
              MakeSpectrum(64, 1e4,
                           LongRopeRule{.short_factor = {1, 2},
                                        .long_factor = {},
                                        .factor = 2,
                                        .trained_length = 4096,
                                        .attention_factor = {}});
            }),
            "rope rule longrope: short_factor must have 32 values (rotary_dim / 2), got 2");
  EXPECT_EQ(
      Thrown<std::invalid_argument>([] {
        MakeSpectrum(
            64, 1e4,
            Llama3Rule{
                .factor = 8, .trained_length = 8192, .low_freq_factor = 4, .high_freq_factor = 1});
      }),
      "rope rule llama3: low_freq_factor (4) must be at most high_freq_factor (1)");
  EXPECT_EQ(Thrown<std::invalid_argument>([] {
              MakeSpectrum(64, 1e4, ProportionalRule{1, 33});
            }),
            "rope rule proportional: moving pairs must be in [0, 32], got 33");
}

TEST(RulesTest, DescribesItself) {
  EXPECT_EQ(Describe(PlainRule()), "default");
  EXPECT_EQ(Describe(YarnRule{.factor = 32, .trained_length = 4096, .truncate = false}),
            "yarn: factor 32 from 4096 tokens, beta 32 to 1, not truncated");
  EXPECT_EQ(Describe(DynamicNtkRule{2, 4096}), "dynamic: factor 2 beyond 4096 tokens");
  EXPECT_TRUE(DependsOnLength(DynamicNtkRule()) && DependsOnLength(LongRopeRule()));
  EXPECT_FALSE(DependsOnLength(YarnRule()));
}

}  // namespace
}  // namespace rotary
