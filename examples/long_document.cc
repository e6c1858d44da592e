// A document eight times as long as any text in training. YaRN, asked for in the model's config,
// slows the pairs that would otherwise turn to angles the model has never seen, and leaves those
// alone that tell neighbours apart.
#include <cmath>
#include <cstdio>
#include <numbers>
#include <string>

#include "rotary/config/rope_config.h"

namespace {

constexpr double kTrained = 4096, kDocument = 32768;

rotary::Rotation FromConfig(const std::string& rope_scaling) {
  const rotary::JsonDocument config(R"({"model_type": "llama", "hidden_size": 4096,
    "num_attention_heads": 32, "num_hidden_layers": 32, "max_position_embeddings": 4096,
    "rope_theta": 10000, "rope_scaling": )" +
                                        rope_scaling + "}",
                                    "config.json");
  return *rotary::ReadRopeConfig(config.root()).layers[0].query;
}

double Turns(double frequency, double tokens) {
  return frequency * tokens / (2 * std::numbers::pi);
}

// Whether a pair meets an angle in the document that it never met in training.
bool IsNew(double trained_frequency, double frequency) {
  const double seen = Turns(trained_frequency, kTrained);
  return seen < 1 && Turns(frequency, kDocument) > seen * (1 + 1e-9);
}

}  // namespace

int main() {
  const rotary::Rotation plain = FromConfig("null");
  const rotary::Rotation yarn = FromConfig(R"({"rope_type": "yarn", "factor": 8.0,
    "original_max_position_embeddings": 4096})");

  std::printf("pair  turns in training  turns in the document    with YaRN  slowed by\n");
  int unseen = 0, unseen_with_yarn = 0, untouched = 0;
  for (int j = 0; j < plain.pairs(); ++j) {
    const double before = plain.frequency[static_cast<size_t>(j)];
    const double after = yarn.frequency[static_cast<size_t>(j)];
    unseen += IsNew(before, before);
    unseen_with_yarn += IsNew(before, after);
    untouched += after == before;
    if (j % 9 == 0) {
      std::printf("%4d %18.3f %22.3f %12.3f %10.2f\n", j, Turns(before, kTrained),
                  Turns(before, kDocument), Turns(after, kDocument), before / after);
    }
  }
  std::printf("of %d pairs, %d would turn to angles never seen; with YaRN %d\n", plain.pairs(),
              unseen, unseen_with_yarn);
  std::printf("%d pairs are left as they are; cosines and sines are multiplied by %.4f\n",
              untouched, yarn.attention_factor);
  const bool sharper = std::abs(yarn.attention_factor - (1 + 0.1 * std::log(8.0))) < 1e-12;
  return unseen > 0 && unseen_with_yarn == 0 && untouched > 0 && sharper ? 0 : 1;
}
