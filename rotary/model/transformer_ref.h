// The slow obvious twin of transformer.h: the forward pass in double, one row of tokens at a time,
// with plain loops and whole matrices of scores. Tests judge the production passes by it, and its
// finite differences judge their gradients.
#ifndef ROTARY_MODEL_TRANSFORMER_REF_H_
#define ROTARY_MODEL_TRANSFORMER_REF_H_

#include <algorithm>
#include <cmath>
#include <limits>
#include <span>
#include <vector>

#include "rotary/attention/softmax_attention.h"
#include "rotary/model/transformer.h"
#include "rotary/rope/rotate_ref.h"

namespace rotary::ref {

using Vector = std::vector<double>;
using Rows = std::vector<Vector>;  // one vector for each token

inline Vector LinearRow(const LinearParameters<const double>& p, const Vector& x) {
  Vector y(static_cast<size_t>(p.weight.rows));
  for (size_t o = 0; o < y.size(); ++o) {
    y[o] = p.bias.empty() ? 0.0 : p.bias[o];
    for (size_t i = 0; i < x.size(); ++i) y[o] += p.weight.Row(static_cast<int64_t>(o))[i] * x[i];
  }
  return y;
}

inline Vector NormRow(const ModelConfig& config, const NormParameters<const double>& p,
                      const Vector& x) {
  const auto n = static_cast<double>(x.size());
  double mean = 0;
  if (config.norm_form == NormForm::kLayerNorm) {
    for (const double v : x) mean += v / n;
  }
  double variance = 0;
  for (const double v : x) variance += (v - mean) * (v - mean) / n;
  Vector y(x.size());
  for (size_t i = 0; i < x.size(); ++i) {
    y[i] = (x[i] - mean) / std::sqrt(variance + config.norm_epsilon) * p.gain[i] +
           (p.bias.empty() ? 0.0 : p.bias[i]);
  }
  return y;
}

inline double GeluOf(double x) { return 0.5 * x * (1 + std::erf(x / std::sqrt(2.0))); }

inline Vector Sum(const Vector& a, const Vector& b) {
  Vector sum = a;
  for (size_t i = 0; i < sum.size(); ++i) sum[i] += b[i];
  return sum;
}

// Turns one head's vector at a position on one axis.
inline Vector RotateRow(const Rotation& rotation, Side side, int head, double position,
                        const Vector& x) {
  return Rotate(rotation, Direction::kForward, side, 0, head, {&position, 1}, x);
}

inline double Dot(const Vector& a, const Vector& b) {
  double sum = 0;
  for (size_t i = 0; i < a.size(); ++i) sum += a[i] * b[i];
  return sum;
}

// The features of one head's query or key, without stabilisers: they cancel in the quotient.
inline Vector FeaturesOf(const Transformer& model, int layer, bool query, const Vector& x) {
  const ModelConfig& config = model.config();
  Vector y(static_cast<size_t>(config.features));
  double norm = 0, total = 0;
  for (size_t i = 0; i < x.size(); ++i) norm += x[i] * x[i];
  for (size_t i = 0; i < y.size(); ++i) {
    switch (config.feature_map) {
      case FeatureMap::kEluPlusOne:
        y[i] = x[i] > 0 ? x[i] + 1 : std::exp(x[i]);
        break;
      case FeatureMap::kSoftmaxExp:
        y[i] = std::exp(x[i]);
        break;
      case FeatureMap::kPerformer: {
        const float* direction =
            model.projections().data<float>() +
            (layer * config.features + static_cast<int64_t>(i)) * config.head_dim;
        const double scale = std::pow(static_cast<double>(config.head_dim), -0.25);
        double projected = 0;
        for (size_t c = 0; c < x.size(); ++c)
          projected += scale * x[c] * static_cast<double>(direction[c]);
        y[i] = std::exp(projected - scale * scale * norm / 2);
        break;
      }
    }
    total += y[i];
  }
  if (config.feature_map == FeatureMap::kSoftmaxExp && query) {
    for (double& v : y) v /= total;
  }
  return y;
}

// What each token of one row attends to: [token][query_dim].
inline Rows Attend(const Transformer& model, const Batch& batch, int64_t row, int layer,
                   const Rows& qkv) {
  const ModelConfig& config = model.config();
  const bool rotary = config.positions == PositionEncoding::kRotary;
  const auto slopes = config.positions == PositionEncoding::kAlibi ? AlibiSlopes(config.heads)
                                                                   : std::vector<float>();
  const auto tokens = static_cast<size_t>(batch.tokens);
  const auto at = [&](size_t t) { return static_cast<size_t>(row) * tokens + t; };
  const auto head_of = [&](size_t t, int first, int head) {
    const auto begin = qkv[t].begin() + first + head * config.head_dim;
    return Vector(begin, begin + config.head_dim);
  };
  const auto position = [&](size_t t) {
    return batch.positions.empty() ? static_cast<double>(t)
                                   : static_cast<double>(batch.positions[at(t)]);
  };
  Rows out(tokens, Vector(static_cast<size_t>(config.query_dim())));
  for (int head = 0; head < config.heads; ++head) {
    const int kv = head * config.kv_heads / config.heads;
    for (size_t m = 0; m < tokens; ++m) {
      Vector weights(tokens, 0.0);
      double total = 0;
      double top = -std::numeric_limits<double>::infinity();
      for (const bool first_pass : {true, false}) {  // the first finds the largest score
        for (size_t n = 0; n < tokens; ++n) {
          if (config.causal && n > m) continue;
          if (!batch.padding.empty() && batch.padding[at(n)] == 0) continue;
          if (!batch.documents.empty() && batch.documents[at(n)] != batch.documents[at(m)])
            continue;
          Vector q = head_of(m, 0, head);
          Vector k = head_of(n, config.query_dim(), kv);
          if (config.attention == AttentionForm::kLinear) {
            q = FeaturesOf(model, layer, true, q);
            k = FeaturesOf(model, layer, false, k);
            if (!first_pass) total += Dot(q, k);
          }
          if (rotary) {
            q = RotateRow(config.rotation, Side::kQuery, head, position(m), q);
            k = RotateRow(config.rotation, Side::kKey, kv, position(n), k);
          }
          double score = Dot(q, k);
          if (config.attention == AttentionForm::kSoftmax) {
            score /= std::sqrt(static_cast<double>(config.head_dim));
            if (!slopes.empty()) {
              score -= static_cast<double>(slopes[static_cast<size_t>(head)]) *
                       std::abs(static_cast<double>(m) - static_cast<double>(n));
            }
            top = std::max(top, score);
            score = std::exp(score - top);
            if (!first_pass) total += score;
          }
          weights[n] = score;
        }
      }
      for (size_t n = 0; n < tokens; ++n) {
        if (total == 0) break;  // sees no key
        const Vector v = head_of(n, config.query_dim() + config.key_dim(), kv);
        for (size_t c = 0; c < v.size(); ++c) {
          out[m][static_cast<size_t>(head * config.head_dim) + c] += weights[n] / total * v[c];
        }
      }
    }
  }
  return out;
}

inline Vector FeedForwardRow(const ModelConfig& config, const LayerParameters<const double>& p,
                             const Vector& x) {
  const Vector up = LinearRow(p.up, x);
  Vector inner(static_cast<size_t>(config.inner_dim));
  for (size_t i = 0; i < inner.size(); ++i) {
    inner[i] = config.feed_forward == FeedForward::kGelu
                   ? GeluOf(up[i])
                   : up[i] / (1 + std::exp(-up[i])) * up[i + inner.size()];
  }
  return LinearRow(p.down, inner);
}

inline Rows EmbedRow(const Transformer& model, const ModelParameters<const double>& p,
                     const Batch& batch, int64_t row) {
  const ModelConfig& config = model.config();
  Rows x;
  for (int64_t t = 0; t < batch.tokens; ++t) {
    const auto at = static_cast<size_t>(row * batch.tokens + t);
    const int64_t position = batch.positions.empty() ? t : batch.positions[at];
    Vector value(static_cast<size_t>(config.embedding_dim));
    for (size_t c = 0; c < value.size(); ++c) {
      value[c] = p.words.Row(batch.ids[at])[c];
      if (config.token_types > 0)
        value[c] += p.token_types.Row(batch.token_types.empty() ? 0 : batch.token_types[at])[c];
      if (config.positions == PositionEncoding::kLearned) value[c] += p.positions.Row(position)[c];
      if (config.positions == PositionEncoding::kSinusoidal) {
        const double exponent =
            -2.0 * std::floor(static_cast<double>(c) / 2) / static_cast<double>(value.size());
        const double angle = static_cast<double>(position) * std::pow(10000.0, exponent);
        value[c] += config.sinusoidal_amplitude * (c % 2 == 0 ? std::sin(angle) : std::cos(angle));
      }
    }
    if (config.embedding_norm) value = NormRow(config, p.embedding_norm, value);
    if (config.embedding_dim != config.model_dim) value = LinearRow(p.embedding_projection, value);
    x.push_back(value);
  }
  return x;
}

// The logits of one row of the batch: [token][vocab_size].
inline Rows LogitsOfRow(const Transformer& model, const ModelParameters<const double>& p,
                        const Batch& batch, int64_t row) {
  const ModelConfig& config = model.config();
  const bool pre = config.norm_placement == NormPlacement::kPre;
  Rows x = EmbedRow(model, p, batch, row);
  // One branch around the residual stream, in either placement of the norm.
  const auto apply = [&](const NormParameters<const double>& norm, auto&& branch) {
    Rows input = x;
    if (pre) {
      for (Vector& value : input) value = NormRow(config, norm, value);
    }
    const Rows output = branch(input);
    for (size_t t = 0; t < x.size(); ++t) {
      x[t] = Sum(x[t], output[t]);
      if (!pre) x[t] = NormRow(config, norm, x[t]);
    }
  };
  for (int index = 0; index < config.layers; ++index) {
    const LayerParameters<const double>& layer = p.layers[static_cast<size_t>(index)];
    apply(layer.attention_norm, [&](Rows input) {
      for (Vector& value : input) value = LinearRow(layer.qkv, value);
      Rows attended = Attend(model, batch, row, index, input);
      for (Vector& value : attended) value = LinearRow(layer.output, value);
      return attended;
    });
    apply(layer.feed_forward_norm, [&](Rows input) {
      for (Vector& value : input) value = FeedForwardRow(config, layer, value);
      return input;
    });
  }
  for (Vector& value : x) {
    if (pre) value = NormRow(config, p.final_norm, value);
    if (config.head == OutputHead::kMaskedWord) {
      value = LinearRow(p.head_dense, value);
      for (double& v : value) v = GeluOf(v);
      value = NormRow(config, p.head_norm, value);
    }
    value = LinearRow(p.head_output, value);
  }
  return x;
}

// The sum of -log p(target) over the batch's targets, with `weights` in the layout of the model's.
inline double LossSum(const Transformer& model, std::span<const double> weights,
                      const Batch& batch) {
  const auto parameters = BindParameters<const double>(model.config(), model.layout(), weights);
  double sum = 0;
  for (int64_t row = 0; row < batch.rows; ++row) {
    const Rows logits = LogitsOfRow(model, parameters, batch, row);
    for (size_t t = 0; t < logits.size(); ++t) {
      const int32_t target = batch.targets[static_cast<size_t>(row * batch.tokens) + t];
      if (target < 0) continue;
      const double top = *std::max_element(logits[t].begin(), logits[t].end());
      double total = 0;
      for (const double logit : logits[t]) total += std::exp(logit - top);
      sum += top + std::log(total) - logits[t][static_cast<size_t>(target)];
    }
  }
  return sum;
}

}  // namespace rotary::ref

#endif  // ROTARY_MODEL_TRANSFORMER_REF_H_
