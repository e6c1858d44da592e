// One transformer, described by one struct: encoder or decoder, and every choice that the rotary
// model families make differently is a field here, never a branch named after a family.
#ifndef ROTARY_MODEL_MODEL_CONFIG_H_
#define ROTARY_MODEL_MODEL_CONFIG_H_

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "rotary/attention/feature_map.h"
#include "rotary/rope/rotation.h"

namespace rotary {

// How a model knows where its tokens stand.
enum class PositionEncoding {
  kRotary,      // queries and keys turn: Su et al. 2021, arXiv:2104.09864
  kSinusoidal,  // a fixed table is added to the embeddings: Vaswani et al. 2017, section 3.5
  kLearned,     // a trained table is added to the embeddings
  kAlibi,       // scores fall with distance: Press et al. 2021, arXiv:2108.12409
  kNone,
};

enum class NormPlacement {
  kPost,  // x = norm(x + branch(x)): RoFormer, BERT
  kPre,   // x = x + branch(norm(x)), and a norm after the last layer: Llama, GPT-NeoX
};
enum class NormForm { kLayerNorm, kRmsNorm };
enum class FeedForward {
  kGelu,    // down(gelu(up(x))), the exact erf form
  kSwiGlu,  // down(silu(gate(x)) * up(x))
};
enum class AttentionForm { kSoftmax, kLinear };
enum class OutputHead {
  kLinear,      // logits = x W^T
  kMaskedWord,  // logits = norm(gelu(dense(x))) W^T + bias
};

struct ModelConfig {
  int64_t vocab_size = 0;
  int layers = 0;
  int model_dim = 0;
  int embedding_dim = 0;  // differs from model_dim: a projection follows the embeddings
  int heads = 0;
  int kv_heads = 0;  // fewer than heads: each serves heads / kv_heads of them (GQA)
  int head_dim = 0;
  int inner_dim = 0;
  int token_types = 0;     // 0: none
  int64_t max_tokens = 0;  // rows of a learned table, and of the table that RoFormer's files carry

  bool causal = false;
  NormPlacement norm_placement = NormPlacement::kPost;
  NormForm norm_form = NormForm::kLayerNorm;
  double norm_epsilon = 1e-12;
  FeedForward feed_forward = FeedForward::kGelu;
  bool biases = true;  // in the projections of attention and feed-forward
  bool embedding_norm = true;
  OutputHead head = OutputHead::kMaskedWord;
  bool tied = true;  // the output projection is the word embedding

  PositionEncoding positions = PositionEncoding::kRotary;
  Rotation rotation;  // kRotary only; of head_dim channels, of `features` with linear attention

  AttentionForm attention = AttentionForm::kSoftmax;
  FeatureMap feature_map = FeatureMap::kEluPlusOne;  // kLinear only
  int features = 0;                                  // kLinear only: r; head_dim but for kPerformer

  double initial_std = 0.02;           // of the initial weights
  double sinusoidal_amplitude = 0.02;  // kSinusoidal only: of the added sines

  int query_dim() const { return heads * head_dim; }
  int key_dim() const { return kv_heads * head_dim; }
  int qkv_dim() const { return query_dim() + 2 * key_dim(); }
  // Channels that the rotation sees: head_dim, or the features of linear attention.
  int rotated_dim() const { return attention == AttentionForm::kLinear ? features : head_dim; }

  bool operator==(const ModelConfig&) const = default;
};

// The sizes that the two forms below need; the rest of a ModelConfig follows from the form.
struct ModelSizes {
  int64_t vocab_size = 0;
  int layers = 4;
  int model_dim = 128;
  int heads = 4;
  int kv_heads = 0;  // 0: heads
  int inner_dim =
      0;  // 0: 4 model_dim; with SwiGLU 8/3 model_dim rounded up to a multiple of 32, the same cost
  int64_t max_tokens = 0;
};

// The exact form of RoFormer: bidirectional, post-norm, GELU, biases, two token types, embedding
// norm, masked-word head. The rotation is interleaved over the whole head at theta 10,000.
ModelConfig RoFormerConfig(const ModelSizes& sizes);

// The form of Llama: causal, pre-norm RMS, SwiGLU, no biases, tied here. The rotation is in halves
// at theta 10,000.
ModelConfig LlamaConfig(const ModelSizes& sizes);

// Throws std::invalid_argument with one sentence when a field breaks a rule: heads that do not
// divide, a rotation of another head_dim, ALiBi with linear attention, ...
void CheckModelConfig(const ModelConfig& config);

// "rotary", "sinusoidal", "learned", "alibi", "none", in the order of the enum.
const std::vector<std::string>& PositionEncodingNames();
std::string Name(PositionEncoding encoding);
// Throws std::invalid_argument that lists the known names.
PositionEncoding ParsePositionEncoding(std::string_view name);

// "elu", "performer", "softmax-exp".
const std::vector<std::string>& FeatureMapNames();
std::string Name(FeatureMap map);
FeatureMap ParseFeatureMap(std::string_view name);

}  // namespace rotary

#endif  // ROTARY_MODEL_MODEL_CONFIG_H_
