// Properties: sums of rows of one or several tables and their gradient are those of the twins on
// every SIMD target, for sizes around the vector width, unaligned and strided; rows picked several
// times collect all their gradients, in the order of the rows; the twin's gradient agrees with
// finite differences; the same bits for any number of threads; NaN stays in its row; ids outside
// the table are refused by number and row, with the output untouched.
#include "rotary/nn/embedding.h"

#include "rotary/nn/embedding_ref.h"
#include "rotary/nn/test_matrix.h"

namespace rotary {
namespace {

constexpr int64_t kEntries = 7;

std::vector<int32_t> RandomIds(int64_t rows, int64_t entries, uint64_t seed) {
  const Random random(seed, 1);
  std::vector<int32_t> ids(static_cast<size_t>(rows));
  for (size_t i = 0; i < ids.size(); ++i) {
    ids[i] = static_cast<int32_t>(random.Below(static_cast<uint64_t>(entries), i));
  }
  return ids;
}

TEST(EmbeddingTest, AgreesWithTheTwin) {
  OnEverySimdTarget([] {
    for (const Placement placement : {Placement{}, Placement{.gap = 3, .offset = 1}}) {
      for (const int64_t cols : {1, 3, 15, 16, 17, 33, 100}) {
        for (const int64_t rows : {0, 1, 5, 40}) {
          SCOPED_TRACE(testing::Message() << rows << " x " << cols);
          const auto words = TestMatrix<float>::Random(kEntries, cols, 1, placement);
          const auto types = TestMatrix<float>::Random(2, cols, 2, placement);
          const auto word_ids = RandomIds(rows, kEntries, 1), type_ids = RandomIds(rows, 2, 2);
          TestMatrix<double> expected(rows, cols);
          TestMatrix<float> out(rows, cols, placement);
          const Lookup lookups[] = {{words.view(), word_ids}, {types.view(), type_ids}};
          EmbedRef(words.As<double>().view(), word_ids, 0, expected.view());
          Embed({lookups, 1}, out.view());
          ExpectNear(out, expected, 0);
          EmbedRef(types.As<double>().view(), type_ids, 1, expected.view());
          Embed(lookups, out.view());
          ExpectNear(out, expected, 1e-6);

          auto d_table = TestMatrix<float>::Random(kEntries, cols, 3, placement);
          auto d_expected = d_table.As<double>();
          EmbedBackward(word_ids, out.view(), d_table.view());
          EmbedBackwardRef(word_ids, out.As<double>().view(), d_expected.view());
          ExpectNear(d_table, d_expected, 2e-5);
        }
      }
    }
  });
}

TEST(EmbeddingTest, TheTwinsGradientIsTheDerivative) {
  auto table = TestMatrix<double>::Random(kEntries, 3, 1);
  const auto ids = RandomIds(20, kEntries, 1);
  const auto d_out = TestMatrix<double>::Random(20, 3, 2);
  TestMatrix<double> d_table(kEntries, 3), out(20, 3);
  EmbedBackwardRef(ids, d_out.view(), d_table.view());
  ExpectGradient(table, d_table, [&] {
    EmbedRef(table.view(), ids, 0, out.view());
    return WeightedSum(out.view(), d_out.view());
  });
}

TEST(EmbeddingTest, SameBitsForAnyThreads) {
  const auto ids = RandomIds(900, kEntries, 1);
  const auto d_out = TestMatrix<float>::Random(900, 101, 1);
  ExpectSameBitsForAnyThreads([&](int threads) {
    TestMatrix<float> d_table(kEntries, 101), out(900, 101);
    EmbedBackward(ids, d_out.view(), d_table.view(), threads);
    const Lookup lookup = {d_table.view(), ids};
    Embed({&lookup, 1}, out.view(), threads);
    return out;
  });
}

TEST(EmbeddingTest, NanStaysInItsRow) {
  auto table = TestMatrix<float>::Random(3, 20, 1);
  table.view().Row(1)[19] = std::numeric_limits<float>::quiet_NaN();
  const std::vector<int32_t> ids = {0, 1, 2, 1};
  TestMatrix<float> out(4, 20), d_table(3, 20);
  const Lookup lookup = {table.view(), ids};
  Embed({&lookup, 1}, out.view());
  EmbedBackward(ids, out.view(), d_table.view());
  for (int64_t i = 0; i < 4; ++i) EXPECT_EQ(std::isnan(out.view().Row(i)[19]), i % 2 == 1);
  for (int64_t i = 0; i < 3; ++i) EXPECT_EQ(std::isnan(d_table.view().Row(i)[19]), i == 1);
}

TEST(EmbeddingTest, RefusesBadInput) {
  TestMatrix<float> table(3, 4), narrow(3, 2);
  auto out = TestMatrix<float>::Random(2, 4, 1);
  const auto before = out;
  const auto embed = [&]<class Exception>(Matrix<const float> from, std::vector<int32_t> ids,
                                          Exception*) {
    const Lookup lookup = {from, ids};
    return Thrown<Exception>([&] { Embed({&lookup, 1}, out.view()); });
  };
  std::invalid_argument* invalid = nullptr;
  std::out_of_range* outside = nullptr;
  EXPECT_EQ(embed(narrow.view(), {0, 1}, invalid), "Embed: table must be [3, 4], got [3, 2]");
  EXPECT_EQ(embed(table.view(), {0, 1, 2}, invalid), "Embed: there must be 2 ids, got 3");
  EXPECT_EQ(embed(table.view(), {0, 3}, outside), "Embed: id 3 of row 1 is not in [0, 3)");
  EXPECT_EQ(embed(table.view(), {-1, 0}, outside), "Embed: id -1 of row 0 is not in [0, 3)");
  EXPECT_EQ(Thrown<std::invalid_argument>([&] { Embed({}, out.view()); }),
            "Embed: there must be a table at least");
  EXPECT_TRUE(out.SameBits(before));

  const std::vector<int32_t> good = {0, 1}, bad = {0, 3}, many = {0, 1, 2};
  EXPECT_EQ(Thrown<std::invalid_argument>([&] { EmbedBackward(good, out.view(), narrow.view()); }),
            "EmbedBackward: d_table must be [3, 4], got [3, 2]");
  EXPECT_EQ(Thrown<std::invalid_argument>([&] { EmbedBackward(many, out.view(), table.view()); }),
            "EmbedBackward: there must be 2 ids, got 3");
  EXPECT_EQ(Thrown<std::out_of_range>([&] { EmbedBackward(bad, out.view(), table.view()); }),
            "EmbedBackward: id 3 of row 1 is not in [0, 3)");
  EXPECT_TRUE(table.SameBits(TestMatrix<float>(3, 4)));
}

}  // namespace
}  // namespace rotary
