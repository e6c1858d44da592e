// Properties, on every SIMD target of this machine, forward and backward:
// - the results are the twin's, whatever the mask, dtype, memory layout, grouping of heads, sizes
// and
//   alignment of queries to keys;
// - gaps of strided tensors and keys that do not exist are neither read (they hold NaN) nor
// written;
// - the bits are the same for any number of threads;
// - rows without keys, single tokens and empty tensors are no special case for the caller;
// - memory grows with the tokens, not with their square.
#include "rotary/attention/softmax_attention.h"

#include <sys/resource.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <limits>
#include <string>
#include <vector>

#include "gtest/gtest.h"
#include "rotary/attention/attention_test_util.h"
#include "rotary/base/error.h"
#include "rotary/base/simd.h"

namespace rotary {
namespace {

// Largest relative errors seen, printed at the end of the suite.
double g_worst_forward = 0, g_worst_backward = 0;

class SoftmaxAttentionTest : public testing::Test {
 protected:
  static void TearDownTestSuite() {
    std::string targets;
    for (const int64_t target : SimdTargets()) targets.append(" ").append(SimdTargetName(target));
    std::printf("ran on%s; worst relative error in f32: forward %.2g, backward %.2g\n",
                targets.c_str(), g_worst_forward, g_worst_backward);
  }
};

// The unit roundoff of the dtype in memory.
double Roundoff(DType dtype) {
  return dtype == DType::kF32 ? 0x1p-24 : dtype == DType::kF16 ? 0x1p-11 : 0x1p-8;
}

void CheckAgainstTwin(const AttentionCase& c) {
  SCOPED_TRACE(c.name);
  AttentionRun run(c);
  const AttentionTruth truth(run);
  // A score is a sum of head_dim products, whose rounding errors add like a random walk; so do
  // those of the sums over keys and queries. The exponential turns the absolute error of a score
  // into a relative one. In 16 bits the rounding of the results (and, in the gradient, of `out`)
  // dominates.
  const double walk = std::sqrt(static_cast<double>(c.head_dim + c.value_dim + c.keys + c.queries));
  const double forward = 0x1p-24 * (8 + walk) + (c.dtype == DType::kF32 ? 0 : Roundoff(c.dtype));
  const double backward =
      0x1p-24 * (16 + 2 * walk) + (c.dtype == DType::kF32 ? 0 : 4 * Roundoff(c.dtype));
  // Errors are relative to the largest number of a kind: of one key, d_k is all cancellation.
  const double value_scale = std::max(1e-3, Largest(truth.out.view()));
  const double lse_scale = std::max(1.0, Largest(truth.lse.view()));
  const double gradient_scale = std::max(
      {1e-3, Largest(truth.d_q.view()), Largest(truth.d_k.view()), Largest(truth.d_v.view())});
  for (const int64_t target : SimdTargets()) {
    const ScopedSimdTarget scope(target);
    SCOPED_TRACE(SimdTargetName(target));
    run.Forward();
    run.Backward();
    const auto check = [&](const char* name, ConstTensorView got, const Tensor& expected,
                           double scale, double tolerance, double& worst) {
      const double error = LargestError(got, expected.view()) / scale;
      EXPECT_TRUE(error <= tolerance) << name << ": " << error << ", allowed " << tolerance;
      if (c.dtype == DType::kF32) worst = std::max(worst, error);
    };
    check("out", run.out.view(), truth.out, value_scale, forward, g_worst_forward);
    check("lse", run.lse.view(), truth.lse, lse_scale, 0x1p-24 * (8 + walk), g_worst_forward);
    check("d_q", run.d_q.view(), truth.d_q, gradient_scale, backward, g_worst_backward);
    check("d_k", run.d_k.view(), truth.d_k, gradient_scale, backward, g_worst_backward);
    check("d_v", run.d_v.view(), truth.d_v, gradient_scale, backward, g_worst_backward);
    for (const TestBuffer* x : {&run.out, &run.d_q, &run.d_k, &run.d_v}) {
      EXPECT_TRUE(x->GapsUntouched());
    }
  }
}

std::vector<AttentionCase> MaskCases() {
  const auto trailing = [](int64_t b, int64_t j) { return j < 30 - 13 * b; };
  const auto leading = [](int64_t b, int64_t j) { return j >= 5 + 9 * b; };
  const auto holes = [](int64_t b, int64_t j) { return (j + b) % 3 != 1; };
  const auto nobody = [](int64_t b, int64_t) { return b == 1; };
  const auto packed = [](int64_t b, int64_t t) { return static_cast<int32_t>((t + 3 * b) / 11); };
  const auto mixed = [](int64_t b, int64_t t) { return static_cast<int32_t>(t * (b + 2) % 5 - 2); };
  return {
      {.name = "none"},
      {.name = "causal", .causal = true},
      {.name = "window", .window = 6},
      {.name = "window of one", .window = 1},
      {.name = "causal window", .causal = true, .window = 6},
      {.name = "window beyond the keys", .window = 1000},
      {.name = "key_lengths", .key_lengths = {37, 11}},
      {.name = "key_lengths, one empty", .key_lengths = {0, 20}},
      {.name = "causal key_lengths", .causal = true, .key_lengths = {37, 11}},
      {.name = "trailing padding", .key_exists = trailing},
      {.name = "leading padding", .causal = true, .key_exists = leading},
      {.name = "padding with holes", .key_exists = holes},
      {.name = "padding of a whole row", .key_exists = nobody},
      {.name = "documents", .document = packed},
      {.name = "causal documents", .causal = true, .document = packed},
      {.name = "documents out of order", .document = mixed},
      {.name = "causal ALiBi", .causal = true, .alibi = true},
      {.name = "symmetric ALiBi", .alibi = true},
      {.name = "all at once",
       .causal = true,
       .window = 9,
       .key_lengths = {35, 20},
       .key_exists = holes,
       .document = packed,
       .alibi = true},
  };
}

TEST_F(SoftmaxAttentionTest, EveryMask) {
  for (const AttentionCase& c : MaskCases()) CheckAgainstTwin(c);
}

// Over several blocks of keys and tiles of queries.
TEST_F(SoftmaxAttentionTest, EveryMaskOverManyBlocks) {
  for (AttentionCase c : MaskCases()) {
    c.queries = c.keys = 300;
    c.heads = 2;
    c.kv_heads = 1;
    c.head_dim = c.value_dim = 16;
    c.window *= 7;
    for (int32_t& length : c.key_lengths) length *= 7;
    if (c.document) {
      c.document = [document = c.document](int64_t b, int64_t t) { return document(b, t / 7); };
    }
    CheckAgainstTwin(c);
  }
}

TEST_F(SoftmaxAttentionTest, EveryMaskIn16Bits) {
  for (AttentionCase c : MaskCases()) {
    for (const DType dtype : {DType::kBF16, DType::kF16}) {
      c.dtype = dtype;
      CheckAgainstTwin(c);
    }
  }
}

TEST_F(SoftmaxAttentionTest, EveryMemoryLayout) {
  for (const DType dtype : {DType::kF32, DType::kBF16, DType::kF16}) {
    for (const Memory memory :
         {Memory::kHeadMajor, Memory::kFused, Memory::kUnaligned, Memory::kBackwards}) {
      CheckAgainstTwin({.name = Sentence("memory ", static_cast<int>(memory)),
                        .head_dim = 18,
                        .value_dim = 22,
                        .dtype = dtype,
                        .memory = memory,
                        .causal = true});
    }
  }
}

TEST_F(SoftmaxAttentionTest, EveryHeadSize) {
  for (const int64_t dim : {1, 2, 6, 15, 16, 17, 64, 80, 96, 128, 256, 300}) {
    CheckAgainstTwin({.name = Sentence("head_dim ", dim), .head_dim = dim, .causal = true});
    CheckAgainstTwin({.name = Sentence("value_dim ", dim), .value_dim = dim});
  }
}

TEST_F(SoftmaxAttentionTest, EveryGroupingOfHeads) {
  for (const auto& [heads, kv_heads] :
       std::vector<std::pair<int64_t, int64_t>>{{1, 1}, {4, 4}, {6, 3}, {6, 1}, {9, 1}}) {
    CheckAgainstTwin({.name = Sentence(heads, " over ", kv_heads),
                      .heads = heads,
                      .kv_heads = kv_heads,
                      .causal = true,
                      .alibi = true});
  }
}

// Few queries of more channels than a first-level cache holds: key heads come in turns, here two
// and then one.
TEST_F(SoftmaxAttentionTest, FewQueriesOfManyChannels) {
  for (const Memory memory : {Memory::kPacked, Memory::kHeadMajor, Memory::kBackwards}) {
    CheckAgainstTwin({.name = Sentence("memory ", static_cast<int>(memory)),
                      .queries = 2,
                      .keys = 150,
                      .heads = 12,
                      .kv_heads = 3,
                      .head_dim = 256,
                      .value_dim = 200,
                      .memory = memory,
                      .causal = true,
                      .alibi = true});
  }
}

TEST_F(SoftmaxAttentionTest, EverySizeAndAlignment) {
  for (const auto& [queries, keys] : std::vector<std::pair<int64_t, int64_t>>{{1, 1},
                                                                              {1, 2},
                                                                              {2, 1},
                                                                              {1, 200},
                                                                              {3, 300},
                                                                              {17, 17},
                                                                              {64, 64},
                                                                              {65, 129},
                                                                              {129, 65},
                                                                              {1, 1100},
                                                                              {20, 1100},
                                                                              {130, 1}}) {
    for (const Alignment alignment : {Alignment::kTopLeft, Alignment::kBottomRight}) {
      for (const int64_t window : {0, 20}) {
        CheckAgainstTwin({.name = Sentence(queries, " queries, ", keys, " keys, alignment ",
                                           static_cast<int>(alignment), ", window ", window),
                          .queries = queries,
                          .keys = keys,
                          .head_dim = 8,
                          .value_dim = 8,
                          .causal = true,
                          .alignment = alignment,
                          .window = window,
                          .alibi = true});
      }
    }
  }
}

TEST_F(SoftmaxAttentionTest, OwnScale) {
  CheckAgainstTwin({.name = "scale 0.3", .scale = 0.3});
  CheckAgainstTwin({.name = "scale -1", .head_dim = 4, .scale = -1});
}

// Scores of hundreds: the running maximum must move, and factors of 2^-100 must not become NaN.
TEST_F(SoftmaxAttentionTest, LargeScores) {
  AttentionRun run({.name = "", .queries = 20, .keys = 400, .head_dim = 4, .scale = 60});
  const AttentionTruth truth(run);
  for (const int64_t target : SimdTargets()) {
    const ScopedSimdTarget scope(target);
    run.Forward();
    // A score near 500 is rounded by 500 * 2^-24, about 3e-5, before the exponential.
    EXPECT_TRUE(LargestError(run.out.view(), truth.out.view()) <= 3e-4);
    EXPECT_TRUE(LargestError(run.lse.view(), truth.lse.view()) <= 3e-4);
  }
}

TEST_F(SoftmaxAttentionTest, KeysThatDoNotExistMayBeNaN) {
  for (const DType dtype : {DType::kF32, DType::kBF16}) {
    for (const int64_t queries : {1, 37}) {
      AttentionCase c = {.name = "", .queries = queries, .keys = 150, .dtype = dtype};
      c.key_lengths = {140, 33};
      c.key_exists = [](int64_t b, int64_t j) { return j % 7 != b && j < 100; };
      AttentionRun clean(c), dirty(c);
      const auto poison = [&](const TestBuffer& buffer) {
        const TensorView x = buffer.view();
        for (int64_t i = 0; i < x.count(); ++i) {
          const int64_t row = i / x.shape(3) / x.shape(2);
          const int64_t b = row / c.keys, j = row % c.keys;
          if (j < c.key_lengths[static_cast<size_t>(b)] && c.key_exists(b, j)) continue;
          std::memset(static_cast<std::byte*>(x.data()) + i * static_cast<int64_t>(SizeOf(dtype)),
                      0xff, SizeOf(dtype));
        }
      };
      poison(dirty.k);
      poison(dirty.v);
      for (const int64_t target : SimdTargets()) {
        const ScopedSimdTarget scope(target);
        for (AttentionRun* run : {&clean, &dirty}) {
          run->Forward();
          run->Backward();
        }
        EXPECT_TRUE(clean.OutputBytes() == dirty.OutputBytes());
        EXPECT_EQ(LargestError(dirty.out.view(), clean.out.view()), 0);
      }
    }
  }
}

TEST_F(SoftmaxAttentionTest, NaNOfAnExistingKeyReachesItsQueries) {
  for (const int64_t queries : {1, 40}) {
    AttentionRun run({.name = "", .queries = queries, .keys = 40, .causal = true});
    run.k.view().As<float>()[5 * 2 * 32] =
        std::numeric_limits<float>::quiet_NaN();  // b 0, h 0, j 5
    for (const int64_t target : SimdTargets()) {
      const ScopedSimdTarget scope(target);
      run.Forward();
      const auto out = reference::Rows(run.out.view());
      for (int64_t i = 0; i < queries; ++i) {
        const bool sees = i + 40 - queries >= 5;
        EXPECT_EQ(std::isnan(out(0, i, 0)[0]), sees) << i;
        EXPECT_FALSE(std::isnan(out(0, i, 2)[0]));
        EXPECT_FALSE(std::isnan(out(1, i, 0)[0]));
      }
    }
  }
}

TEST_F(SoftmaxAttentionTest, RowsWithoutKeysAreZero) {
  // Bottom right with more queries than keys: the first 20 queries stand before the first key.
  AttentionRun run({.name = "", .queries = 30, .keys = 10, .causal = true});
  for (const int64_t target : SimdTargets()) {
    const ScopedSimdTarget scope(target);
    run.Forward();
    run.Backward();
    const auto out = reference::Rows(run.out.view()), d_q = reference::Rows(run.d_q.view());
    for (int64_t i = 0; i < 20; ++i) {
      for (int64_t c = 0; c < 32; ++c) {
        EXPECT_EQ(out(1, i, 3)[c], 0);
        EXPECT_EQ(d_q(1, i, 3)[c], 0);
      }
      EXPECT_EQ(run.lse.data<float>()[(4 + 3) * 30 + i], -std::numeric_limits<float>::infinity());
    }
    EXPECT_NE(out(1, 20, 3)[0], 0);
  }
}

// One key: the softmax is 1, and the result is its value to the bit.
TEST_F(SoftmaxAttentionTest, OneTokenCopiesItsValue) {
  AttentionRun run({.name = "", .queries = 1, .keys = 1, .heads = 4, .kv_heads = 4});
  for (const int64_t target : SimdTargets()) {
    const ScopedSimdTarget scope(target);
    run.Forward();
    EXPECT_EQ(std::memcmp(run.out.memory(), run.v.memory(), run.v.bytes()), 0);
  }
}

TEST_F(SoftmaxAttentionTest, EmptyTensors) {
  for (const AttentionCase& c :
       std::vector<AttentionCase>{{.name = "no batch", .batch = 0},
                                  {.name = "no queries", .queries = 0},
                                  {.name = "no keys", .keys = 0},
                                  {.name = "neither", .queries = 0, .keys = 0}}) {
    SCOPED_TRACE(c.name);
    AttentionRun run(c);
    run.Forward();
    run.Backward();
    for (const TestBuffer* x : {&run.out, &run.d_q, &run.d_k, &run.d_v}) {
      for (const double value : reference::ToDoubles(x->view())) EXPECT_EQ(value, 0);
    }
    for (const float value : run.lse.span<float>()) {
      EXPECT_EQ(value, -std::numeric_limits<float>::infinity());
    }
  }
}

TEST_F(SoftmaxAttentionTest, LseMayBeLeftOut) {
  AttentionRun with({.name = "", .causal = true}), without({.name = "", .causal = true});
  with.Forward();
  SoftmaxAttention(without.q.view(), without.k.view(), without.v.view(), without.out.view(), {},
                   without.options);
  EXPECT_EQ(std::memcmp(with.out.memory(), without.out.memory(), with.out.bytes()), 0);
}

TEST_F(SoftmaxAttentionTest, SameBitsForAnyNumberOfThreads) {
  for (const AttentionCase& c : std::vector<AttentionCase>{
           {.name = "many tiles", .queries = 300, .keys = 300, .causal = true},
           {.name = "one key head", .batch = 1, .queries = 200, .keys = 700, .kv_heads = 1},
           {.name = "one query", .queries = 1, .keys = 2100},
           {.name = "one query, chunks", .queries = 1, .keys = 9000, .heads = 16, .kv_heads = 8},
           {.name = "chunks",
           .batch = 1,
           .queries = 30,
           .keys = 9000,
           .heads = 2,
           .kv_heads = 1}}) {
    SCOPED_TRACE(c.name);
    AttentionRun run(c);
    run.options.threads = 1;
    run.Forward();
    run.Backward();
    const std::vector<std::byte> one = run.OutputBytes();
    for (const int threads : {2, 3, 7}) {
      run.options.threads = threads;
      run.Forward();
      run.Backward();
      EXPECT_TRUE(one == run.OutputBytes()) << threads << " threads";
    }
  }
}

// Sanitizers keep memory of their own beside the program's.
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)

// The most memory this process has had, in bytes.
int64_t PeakMemory() {
  rusage usage = {};
  getrusage(RUSAGE_SELF, &usage);
  return int64_t{usage.ru_maxrss} * 1024;
}

// Exits with 0 if forward and backward over `tokens` take no more beside their tensors than a fixed
// amount and a part that is linear in the tokens: 4 KiB each for one head of 16 channels, where a
// row of a tokens x tokens matrix would be 4 bytes times the tokens.
[[noreturn]] void MeasureMemory(int64_t tokens) {
  AttentionRun run({.batch = 1,
                    .queries = tokens,
                    .keys = tokens,
                    .heads = 1,
                    .kv_heads = 1,
                    .head_dim = 16,
                    .value_dim = 16,
                    .causal = true});
  run.options.threads = 1;
  const int64_t before = PeakMemory();
  run.Forward();
  const int64_t forward = PeakMemory() - before;
  run.Backward();
  const int64_t both = PeakMemory() - before;
  constexpr int64_t kFixed = int64_t{3} << 20;
  std::fprintf(stderr, "%lld tokens: %lld KiB forward, %lld with backward\n",
               static_cast<long long>(tokens), static_cast<long long>(forward / 1024),
               static_cast<long long>(both / 1024));
  std::exit(forward <= kFixed && both > 0 && both <= kFixed + 4096 * tokens ? 0 : 1);
}

TEST(SoftmaxAttentionMemoryDeathTest, GrowsWithTheTokensNotTheirSquare) {
  // In processes of their own, which have not yet used the memory that threads keep.
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  EXPECT_EXIT(MeasureMemory(2048), testing::ExitedWithCode(0), "2048 tokens");
  EXPECT_EXIT(MeasureMemory(8192), testing::ExitedWithCode(0), "8192 tokens");
}

#endif

}  // namespace
}  // namespace rotary
