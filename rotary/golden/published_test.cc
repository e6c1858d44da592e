// Properties: from configs as published models write them, queries and keys of every group of
// layers come out within 2e-7 of the pair's length, on every SIMD target, in batch rows at other
// positions, up to 131071, of what these models mean: the pairs, frequencies and factors of
// tests/published, which share nothing with the reader, turned in 200 bits. Channels in no pair are
// copied.
#include <algorithm>
#include <cmath>
#include <cstdio>
#include <filesystem>
#include <limits>
#include <map>
#include <string>
#include <vector>

#include "gtest/gtest.h"
#include "rotary/base/random.h"
#include "rotary/base/simd.h"
#include "rotary/config/rope_config.h"
#include "rotary/golden/exact_rotate.h"
#include "rotary/rope/rotate.h"

namespace rotary {
namespace {

const std::filesystem::path kPublished = ROTARY_PUBLISHED;

constexpr int64_t kBatch = 2, kTokens = 5;
constexpr int64_t kPositions[kBatch][kTokens] = {{0, 1, 4097, 65537, 131071},
                                                 {131070, 100003, 8191, 2049, 130}};

// At a token the axes stand at different positions.
Tensor Positions(int axes) {
  Tensor positions(DType::kI64, {kBatch, kTokens, axes});
  int64_t* out = positions.data<int64_t>();
  for (const auto& row : kPositions) {
    for (int64_t token = 0; token < kTokens; ++token) {
      for (int axis = 0; axis < axes; ++axis) *out++ = row[(token + 2 * axis) % kTokens];
    }
  }
  return positions;
}

Tensor RandomHeads(int heads, int head_dim) {
  Tensor x(DType::kF32, {kBatch, kTokens, heads, head_dim});
  const Random random(1, static_cast<uint64_t>(heads));
  for (size_t i = 0; i < static_cast<size_t>(x.count()); ++i) {
    x.data<float>()[i] = static_cast<float>(random.Normal(i));
  }
  return x;
}

// The layers of expected.json that hold those of `group`.
JsonValue StoredGroup(const JsonValue& groups, const LayerRope& group) {
  for (const JsonValue& stored : groups.Array()) {
    const auto layers = stored["layers"].json().get<std::vector<int>>();
    if (stored["part"].String() == group.part && layers.empty() == group.layers.empty() &&
        std::includes(layers.begin(), layers.end(), group.layers.begin(), group.layers.end())) {
      return stored;
    }
  }
  throw groups.Error("lacks layers: ", group.part, " ", group.name);
}

// As expected.json says, for heads of `head_dim`: keys of latent attention may lack the channels
// before the rotation.
Rotation StoredRotation(const JsonValue& stored, int head_dim) {
  const auto number = [&](const char* key) { return static_cast<int>(stored[key].Int()); };
  const std::string& layout = stored["layout"].String();
  const int rotary_dim = number("rotary_dim"), axes = number("axes");
  const int missing = number("head_dim") - head_dim;
  EXPECT_TRUE(missing == 0 || missing == number("offset")) << head_dim;
  // Blocks of channels whose first half pairs up with the second.
  const int block = layout == "interleaved"     ? 2
                    : layout == "half_per_axis" ? rotary_dim / axes
                                                : rotary_dim;
  Rotation rotation{
      .head_dim = head_dim, .axes = axes, .attention_factor = stored["attention_factor"].Number()};
  const std::vector<JsonValue> frequency = stored["frequency"].Array(rotary_dim / 2);
  for (int pair = 0; pair < rotary_dim / 2; ++pair) {
    const int in_block = pair % (block / 2);
    const int first = number("offset") - missing + pair / (block / 2) * block + in_block;
    rotation.first.push_back(first);
    rotation.second.push_back(first + block / 2);
    const auto at = static_cast<size_t>(pair);
    const int own = axes > 1 ? stored["axis"].json().at(at).get<int>() : 0;
    for (int axis = 0; axis < axes; ++axis) {
      rotation.frequency.push_back(axis == own ? frequency[at].Number() : 0);
    }
  }
  return rotation;
}

// What one side of the score must become, and how far off a result is.
class Judge {
 public:
  Judge(const JsonValue& stored, const Rotation& read, Side side, int heads)
      : golden_{.side = side, .rotation = StoredRotation(stored, read.head_dim)},
        x_(RandomHeads(heads, read.head_dim)),
        exact_(RotateExactly(golden_, Positions(golden_.rotation.axes), x_).f64) {}

  Tensor Input() const { return x_.Clone(); }

  // The largest error of a pair, of its exact length; infinite where a channel in no pair differs.
  double ErrorOf(const Tensor& y) const {
    const Rotation& rotation = golden_.rotation;
    const auto head_dim = static_cast<size_t>(rotation.head_dim);
    std::vector<bool> in_no_pair(head_dim, true);
    double worst = 0;
    const auto meet = [&](double error) {
      if (!(error <= worst)) worst = std::isnan(error) ? kInfinity : error;
    };
    for (size_t head = 0; head < static_cast<size_t>(y.count()); head += head_dim) {
      const double* exact = exact_.data<double>() + head;
      const float* actual = y.data<float>() + head;
      for (size_t pair = 0; pair < rotation.first.size(); ++pair) {
        const auto first = static_cast<size_t>(rotation.first[pair]);
        const auto second = static_cast<size_t>(rotation.second[pair]);
        in_no_pair[first] = in_no_pair[second] = false;
        meet(std::hypot(static_cast<double>(actual[first]) - exact[first],
                        static_cast<double>(actual[second]) - exact[second]) /
             std::hypot(exact[first], exact[second]));
      }
      for (size_t i = 0; i < head_dim; ++i) {
        if (in_no_pair[i] && actual[i] != x_.data<float>()[head + i]) meet(kInfinity);
      }
    }
    return worst;
  }

 private:
  static constexpr double kInfinity = std::numeric_limits<double>::infinity();

  GoldenCase golden_;
  Tensor x_, exact_;
};

// Over all groups, by SIMD target.
struct Worst {
  int groups = 0;
  double error = 0;
  std::string group;  // and which side of it
};

void MeetGroup(const JsonValue& stored, const LayerRope& group, const std::string& name,
               std::map<int64_t, Worst>& worst) {
  const Judge queries(stored, *group.query, Side::kQuery, 3);
  const Judge keys(stored, *group.key, Side::kKey, 1);
  const Tensor positions = Positions(group.query->axes);
  const PhaseTable query_table(*group.query), key_table(*group.key);
  for (const int64_t target : SimdTargets()) {
    const ScopedSimdTarget scoped(target);
    Tensor q = queries.Input(), k = keys.Input();
    if (*group.query == *group.key) {
      RotateQK(query_table, positions.view(), q.view(), k.view());
    } else {
      Rotate(query_table, positions.view(), q.view(), q.view(), {}, Side::kQuery);
      Rotate(key_table, positions.view(), k.view(), k.view(), {}, Side::kKey);
    }
    Worst& all = worst[target];
    ++all.groups;
    for (const auto& [side, error] :
         {std::pair{"queries", queries.ErrorOf(q)}, std::pair{"keys", keys.ErrorOf(k)}}) {
      EXPECT_TRUE(error <= 2e-7) << name << ", " << side << ", " << SimdTargetName(target) << ": "
                                 << error;
      if (error > all.error) all = {all.groups, error, name + ", " + side};
    }
  }
}

TEST(PublishedTest, QueriesAndKeysTurnAsTheModelsMean) {
  const JsonDocument configs = JsonDocument::Read(kPublished / "configs.json");
  const JsonDocument expected = JsonDocument::Read(kPublished / "expected.json");
  std::map<std::string, JsonValue> config_of;
  for (const JsonValue& row : configs.root().Array()) {
    config_of.emplace(row["model"].String(), row["config"]);
  }
  std::map<int64_t, Worst> worst;
  for (const JsonValue& row : expected.root().Array()) {
    const std::string& model = row["model"].String();
    for (const JsonValue& stored : row["cases"].Array()) {
      RopeConfigOptions options;
      if (const auto length = stored.Find("length")) options.length = length->Number();
      for (const LayerRope& group : ReadRopeConfig(config_of.at(model), options).layers) {
        SCOPED_TRACE(model + ", " + group.part + " " + group.name);
        const JsonValue layers = StoredGroup(stored["groups"], group);
        const bool rotates = !layers.Find("rotates");
        ASSERT_EQ(group.query.has_value(), rotates);
        ASSERT_EQ(group.key.has_value(), rotates);
        if (rotates) MeetGroup(layers, group, model + " " + group.part + " " + group.name, worst);
      }
    }
  }
  for (const auto& [target, all] : worst) {
    EXPECT_GE(all.groups, 90);  // so many turn in expected.json; the reader may part them further
    std::printf("%s: %d groups of layers, error <= %.3g of the pair's length (%s)\n",
                SimdTargetName(target).c_str(), all.groups, all.error, all.group.c_str());
  }
  EXPECT_EQ(worst.size(), SimdTargets().size());
}

}  // namespace
}  // namespace rotary
