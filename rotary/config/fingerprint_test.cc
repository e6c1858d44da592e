// Properties: fingerprints stay those that were published; whatever a config asks for, its
// fingerprint takes little memory and still tells layers apart, however they are grouped.
#include "rotary/config/fingerprint.h"

#include <utility>

#include "gtest/gtest.h"
#include "rotary/config/test_config.h"

namespace rotary {
namespace {

RopeConfig Read(const std::string& text) { return ReadText("config.json", text); }

TEST(FingerprintTest, StaysWhatItWas) {
  EXPECT_EQ(Fingerprint(Read(ModelText("llama"))), "b45fb0dfe839c1e0");
  EXPECT_EQ(Fingerprint(Read(ModelText("smollm3"))), "408c3d5ab7d396bb");   // layers without
  EXPECT_EQ(Fingerprint(Read(ModelText("nanochat"))), "38d1616e7c4384f8");  // turns clockwise
  EXPECT_EQ(Fingerprint(Read(R"({"model_type": "gemma3_text", "head_dim": 256,
                                 "num_hidden_layers": 12, "sliding_window": 512,
                                 "sliding_window_pattern": 6,
                                 "max_position_embeddings": 32768})")),
            "0994b53e04eb9658");
}

// As text the rotations of these layers would fill 50 GB.
TEST(FingerprintTest, OfTheLargestModelsTakesLittleMemory) {
  const std::string model = R"({"model_type": "llama", "head_dim": 65536,
                                "num_hidden_layers": 65536, "rope_theta": )";
  const RopeConfig config = Read(model + "10000}");
  EXPECT_NE(Fingerprint(config), Fingerprint(Read(model + "20000}")));
  RopeConfig split = config;
  split.layers.push_back(split.layers[0]);
  split.layers[0].layers.assign(65535, 0);
  for (int layer = 0; layer < 65535; ++layer) {
    split.layers[0].layers[static_cast<size_t>(layer)] = layer;
  }
  split.layers[1].layers = {65535};
  EXPECT_EQ(Fingerprint(config), Fingerprint(split));
  split.layers[1].query->frequency.back() *= 2;
  EXPECT_NE(Fingerprint(config), Fingerprint(split));
}

}  // namespace
}  // namespace rotary
