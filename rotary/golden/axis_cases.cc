// Positions of several numbers: text with images, image encoders, image and video generators.
#include <utility>

#include "rotary/golden/golden_sources.h"

namespace rotary {
namespace {

using exact::Plain;

// A spectrum of its own on each axis, of so many channels each.
AxisFrequencies PlainBlocks(const std::vector<int>& dims, double theta) {
  std::vector<exact::Frequencies> axes;
  axes.reserve(dims.size());
  for (const int dim : dims) axes.push_back(Plain(dim, theta));
  return InBlocks(axes);
}

// Axis 0, 1, 2, 0, 1, 2 .. for `pairs` pairs.
std::vector<int> InTurn(int axes, int pairs) {
  std::vector<int> axis(static_cast<size_t>(pairs));
  for (int i = 0; i < pairs; ++i) axis[static_cast<size_t>(i)] = i % axes;
  return axis;
}

// Pairs 1, 4, 7 .. below three times the second section are on axis 1, 2, 5, 8 .. on axis 2, all
// others on axis 0.
std::vector<int> Interleaving(int pairs, const std::vector<int>& sections) {
  std::vector<int> axis = InTurn(3, pairs);
  for (int i = 0; i < pairs; ++i) {
    int& x = axis[static_cast<size_t>(i)];
    if (x > 0 && i >= 3 * sections[static_cast<size_t>(x)]) x = 0;
  }
  return axis;
}

class AxisCases {
 public:
  explicit AxisCases(GoldenSources& sources) : sources_(sources) {}

  void Text() {
    Add({.name = "mrope",
         .meaning = "Qwen2.5-VL's text: one spectrum, pairs 0-15 turn with t, 16-39 with h, 40-63 "
                    "with w.",
         .catches = "A spectrum that starts anew on each axis; sections counted in channels; "
                    "interleaved sections (mlx-vlm#576).",
         .config = Config(R"({"model_type": "qwen2_5_vl", "hidden_size": 3584,
           "num_attention_heads": 28, "max_position_embeddings": 128000, "rope_theta": 1000000.0,
           "rope_scaling": {"type": "mrope", "mrope_section": [16, 24, 24]}})")},
        128, 3, Half(128), OnAxes(Plain(128, 1e6), Sections({16, 24, 24})));
    Add({.name = "mrope_interleaved",
         .meaning = "Qwen3-VL's text: t h w 20 times, then t four times.",
         .catches = "Contiguous sections; the last four pairs left standing (llama.cpp's fourth "
                    "row).",
         .config = Config(R"({"model_type": "qwen3_vl_text", "head_dim": 128, "hidden_size": 4096,
           "num_attention_heads": 32, "max_position_embeddings": 262144, "rope_theta": 5000000,
           "rope_scaling": {"mrope_interleaved": true, "mrope_section": [24, 20, 20],
           "rope_type": "default"}})")},
        128, 3, Half(128), OnAxes(Plain(128, 5e6), Interleaving(64, {24, 20, 20})));
    Add({.name = "mrope_interleaved_partial",
         .meaning = "Qwen3.5's text: t h w ten times and t h, in the first 64 of 256 channels.",
         .catches = "The partial factor dropped where there are sections (maxtext#4616).",
         .config = Config(R"({"model_type": "qwen3_5_text", "head_dim": 256, "hidden_size": 4096,
           "num_attention_heads": 16, "num_hidden_layers": 4, "max_position_embeddings": 262144,
           "layer_types": ["linear_attention", "linear_attention", "linear_attention",
           "full_attention"], "rope_parameters": {"mrope_interleaved": true,
           "mrope_section": [11, 11, 10], "rope_type": "default", "rope_theta": 10000000,
           "partial_rotary_factor": 0.25}})"),
         .layer = 3},
        256, 3, Half(64), OnAxes(Plain(64, 1e7), Interleaving(32, {11, 11, 10})));
    std::vector<int> ernie(64, 0);
    for (size_t i = 0; i < 44; ++i) ernie[i] = i % 2 == 0 ? 1 : 2;
    Add({.name = "mrope_alternating",
         .meaning = "ERNIE 4.5 VL: of the first 44 pairs even ones turn with h, odd ones with w; "
                    "the last 20 with t. Neighbours.",
         .catches = "Sections read as t, h, w.",
         .config = Config(R"({"model_type": "ernie4_5_vl_moe_text", "hidden_size": 2560,
           "num_attention_heads": 20, "head_dim": 128, "max_position_embeddings": 131072,
           "rope_theta": 500000.0,
           "rope_scaling": {"type": "default", "mrope_section": [22, 22, 20]}})")},
        128, 3, Interleaved(128), OnAxes(Plain(128, 500000), ernie));
    Add({.name = "xdrope",
         .meaning = "HunyuanVL: four axes (position, column, row, image), 16 pairs each, theta "
                    "10000 * 1000^(128/126).",
         .catches = "Three axes; alpha unread.",
         .config = Config(R"({"model_type": "hunyuan_vl_text", "hidden_size": 1024,
           "num_attention_heads": 16, "head_dim": 128, "max_position_embeddings": 32768,
           "rope_theta": 10000.0, "rope_scaling": {"type": "xdrope", "alpha": 1000.0, "factor": 1.0,
           "xdrope_section": [16, 16, 16, 16]}})")},
        128, 4, Half(128),
        OnAxes(Plain(128, exact::NtkTheta(128, 10000, 1000)), Sections({16, 16, 16, 16})));
    Add({.name = "two_positions",
         .meaning = "ChatGLM-6B: half of the head turns with the position, half with the position "
                    "in the block.",
         .catches = "Later ChatGLMs' layout for the first.",
         .config = Config(R"({"model_type": "chatglm_v1", "hidden_size": 1024,
           "num_attention_heads": 8})")},
        128, 2, HalfInBlocks({64, 64}), PlainBlocks({64, 64}, 10000));
  }

  void Images() {
    Add({.name = "vision_half",
         .meaning = "Qwen2.5-VL's image encoder: rows turn the first half of the pairs, columns "
                    "the second, each with its own spectrum over 40; pairs (i, i + 40).",
         .catches = "Rows and columns exchanged, unseen on square images (timm#2541).",
         .config = Config(R"({"model_type": "qwen2_5_vl_vision", "hidden_size": 1280,
           "num_heads": 16})")},
        80, 2, Half(80), PlainBlocks({40, 40}, 10000));
    std::vector<int> pixtral = Sections({16, 16});
    exact::Frequencies by_row;
    const exact::Frequencies whole = Plain(64, 10000);
    for (const size_t from : {0u, 1u}) {
      for (size_t i = from; i < whole.size(); i += 2) by_row.push_back(whole[i]);
    }
    Add({.name = "vision_pixtral",
         .meaning = "Pixtral: one spectrum over the head, rows take its even numbers, columns its "
                    "odd ones.",
         .catches = "The same spectrum for both axes.",
         .config = Config(R"({"model_type": "pixtral", "hidden_size": 1024,
           "num_attention_heads": 16, "head_dim": 64, "rope_theta": 10000.0})")},
        64, 2, Half(64), OnAxes(by_row, pixtral));
    Add({.name = "vision_interleaved",
         .meaning = "Llama 4's image encoder: columns, then rows, neighbours; heads of 88.",
         .catches = "Rows first.",
         .config = Config(R"({"model_type": "llama4_vision_model", "hidden_size": 1408,
           "num_attention_heads": 16, "rope_theta": 10000})")},
        88, 2, Interleaved(88), PlainBlocks({44, 44}, 10000));
    exact::Frequencies twice;
    for (const Exact& w : Plain(36, 10000)) twice.insert(twice.end(), 2, w);
    Add({.name = "vision_in_turn",
         .meaning = "MoonViT (Kimi-VL): even pairs turn with the column, odd ones with the row.",
         .catches = "The order that its own documentation says.",
         .config = Config(R"({"model_type": "moonvit", "hidden_size": 1152,
           "num_attention_heads": 16})")},
        72, 2, Interleaved(72), OnAxes(twice, InTurn(2, 36)));
    Add({.name = "vision_blocks",
         .meaning = "CroCo, DUSt3R, VGGT: the head is two blocks, rows and columns, halves inside "
                    "each; theta 100.",
         .catches = "Halves over the whole head.",
         .config = Config(R"({"model_type": "croco", "hidden_size": 1024,
           "num_attention_heads": 16})")},
        64, 2, HalfInBlocks({32, 32}), PlainBlocks({32, 32}, 100));
    Add({.name = "vision_blocks_columns",
         .meaning = "Gemma 4's image encoder: the same with columns first, and heads of 72.",
         .catches = "Rows first.",
         .config = Config(R"({"model_type": "gemma4_vision", "hidden_size": 1152,
           "num_attention_heads": 16, "head_dim": 72})")},
        72, 2, HalfInBlocks({36, 36}), PlainBlocks({36, 36}, 100));
    Add({.name = "vision_rest",
         .meaning = "MiniMax-M3's image encoder: 26 channels for each of t, y and x, halves over "
                    "all 78 of them, the last two left alone.",
         .catches = "Halves over the whole head of 80."},
        80, 3, Half(78), PlainBlocks({26, 26, 26}, 10000));
    exact::Frequencies periods;
    for (const Exact& w : Plain(32, 100)) periods.push_back(w * 2 * Exact::Pi());
    Add({.name = "vision_normalised",
         .meaning = "DINOv3: angles 2 pi c / T with c from -1 to 1, periods T from 1 to nearly "
                    "100; positions are middles of patches of a grid of 2 x 3, and beyond.",
         .catches = "Frequencies for periods; coordinates of corners.",
         .config = Config(R"({"model_type": "dinov3_vit", "hidden_size": 384,
           "num_attention_heads": 6, "rope_theta": 100.0})")},
        64, 2, Half(64), InBlocks({periods, periods}),
        RealTuples({{{0, 0}, {1, 0}, {0, 1}, {-0.5, -0.6666666666666666}},
                    {{-0.5, 0}, {0.5, 0.6666666666666666}, {1.5, -1}, {0.25, 0.75}}}));
    exact::Frequencies bands;
    for (int i = 0; i < 8; ++i) bands.push_back(Exact::Pi() * (Exact(1) + Exact(111) * i / 7));
    Add({.name = "vision_pixel_bands",
         .meaning = "The \"pixel\" bands of timm and lucidrains: pi to 112 pi by equal steps, rows "
                    "then columns, neighbours, coordinates from -1 to 1.",
         .catches = "Powers of theta in place of equal steps."},
        32, 2, Interleaved(32), InBlocks({bands, bands}),
        RealTuples({{{0, 0}, {1, 0}, {0, 1}}, {{-1, -1}, {0.5, -0.25}, {0.125, 1}}}));
    Add({.name = "vision_rows_first",
         .meaning = "EVA-02: rows, then columns, neighbours.",
         .catches = "Columns first, as Llama 4 and SAM have it.",
         .config = Config(R"({"architecture": "eva02_large_patch14_448"})")},
        64, 2, Interleaved(64), PlainBlocks({32, 32}, 10000));
    Learned();
  }

  void Generators() {
    const Json flux = Config(R"({"_class_name": "FluxTransformer2DModel", "attention_head_dim": 128,
      "axes_dims_rope": [16, 56, 56]})");
    Add({.name = "image_generator",
         .meaning = "Flux: blocks of 16, 56 and 56 channels for three axes, neighbours, a spectrum "
                    "each.",
         .catches = "Blocks split otherwise in use than at the start (diffusers#12538).",
         .config = flux},
        128, 3, Interleaved(128), PlainBlocks({16, 56, 56}, 10000));
    Json qwen_image = flux;
    qwen_image["_class_name"] = "QwenImageTransformer2DModel";
    Add({.name = "image_generator_centred",
         .meaning = "Qwen-Image: the same with rows and columns counted from the middle.",
         .catches = "Negative rows.",
         .config = qwen_image},
        128, 3, Interleaved(128), PlainBlocks({16, 56, 56}, 10000),
        WholeTuples({{{0, 0, 0}, {1, 0, 0}, {0, 1, 0}, {0, 0, 1}},
                     {{0, -2, -3}, {0, -1, 2}, {1, 1, -3}, {17, 17, 17}}}));
    Add({.name = "image_generator_four_axes",
         .meaning = "Flux.2: four axes of 32 channels, theta 2000.",
         .catches = "theta 10000.",
         .config = Config(R"({"_class_name": "Flux2Transformer2DModel", "attention_head_dim": 128,
           "axes_dims_rope": [32, 32, 32, 32], "rope_theta": 2000})")},
        128, 4, Interleaved(128), PlainBlocks({32, 32, 32, 32}, 2000));
    Add({.name = "video_wan",
         .meaning = "Wan: rows and columns take 2 floor(D / 6) channels, time the rest: 44, 42, "
                    "42.",
         .catches = "Three equal parts.",
         .config =
             Config(R"({"_class_name": "WanTransformer3DModel", "attention_head_dim": 128})")},
        128, 3, Interleaved(128), PlainBlocks({44, 42, 42}, 10000));
    Add({.name = "video_cogvideox",
         .meaning = "CogVideoX: a quarter for time, three eighths each for rows and columns.",
         .catches = "Wan's parts.",
         .config =
             Config(R"({"_class_name": "CogVideoXTransformer3DModel", "attention_head_dim": 64,
           "use_rotary_positional_embeddings": true})")},
        64, 3, Interleaved(64), PlainBlocks({16, 24, 24}, 10000));
    Add({.name = "video_hunyuan",
         .meaning = "HunyuanVideo: 16, 56 and 56 channels, theta 256.",
         .catches = "theta 10000.",
         .config =
             Config(R"({"_class_name": "HunyuanVideoTransformer3DModel", "attention_head_dim": 128,
           "rope_axes_dim": [16, 56, 56], "rope_theta": 256.0})")},
        128, 3, Interleaved(128), PlainBlocks({16, 56, 56}, 256));
    Add({.name = "video_cosmos",
         .meaning = "Cosmos: each axis with an NTK theta of its own (2 for time), halves over the "
                    "head.",
         .catches = "One theta for all axes.",
         .config = Config(R"({"_class_name": "CosmosTransformer3DModel", "attention_head_dim": 128,
           "rope_scale": [2.0, 1.0, 1.0]})")},
        128, 3, Half(128),
        InBlocks({Plain(44, exact::NtkTheta(44, 10000, 2)), Plain(42, 10000), Plain(42, 10000)}));
    Add({.name = "video_allegro",
         .meaning = "Allegro: thirds of the head for time, rows and columns, halves inside each.",
         .catches = "Neighbours, as other generators have.",
         .config = Config(R"({"_class_name": "AllegroTransformer3DModel",
           "attention_head_dim": 96})")},
        96, 3, HalfInBlocks({32, 32, 32}), PlainBlocks({32, 32, 32}, 10000));
    VJepa2();
    ErnieImage();
    Ltx();
  }

 private:
  void Add(GoldenCase golden, int head_dim, int axes, const ChannelPairs& pairs,
           const AxisFrequencies& angles, std::optional<Tensor> positions = std::nullopt) {
    Add(std::move(golden), pairs, Rounded(head_dim, axes, pairs, angles), std::move(positions));
  }
  void Add(GoldenCase golden, const ChannelPairs& pairs, Rotation rotation,
           std::optional<Tensor> positions = std::nullopt) {
    golden.level = "multi-axis";
    if (rotation.heads > 1) golden.heads = rotation.heads;
    const int axes = rotation.axes;
    rotary::Add(sources_, std::move(golden), pairs, std::move(rotation),
                positions ? std::move(*positions) : UsualTuples(axes));
  }

  // RoPE-ViT mixed, Mochi: a frequency for each head, pair and axis, as training leaves them.
  void Learned() {
    const ChannelPairs pairs = Interleaved(32);
    Rotation rotation = Rounded(32, 2, pairs, InBlocks({Plain(16, 10), Plain(16, 10)}));
    rotation.heads = 3;
    rotation.frequency.clear();
    for (int head = 0; head < 3; ++head) {
      for (int pair = 0; pair < 16; ++pair) {
        const Exact length = Pow(10, Exact(-pair) / 8), direction = Exact(16 * head + pair) / 7;
        rotation.frequency.push_back((length * Cos(direction)).Double());
        rotation.frequency.push_back((length * Sin(direction)).Double());
      }
    }
    Add({.name = "learned",
         .meaning = "Every pair of every head turns by f . p, with its own f of two numbers "
                    "(RoPE-ViT mixed): the frequencies here are the definition.",
         .catches = "One head's frequencies for all."},
        pairs, std::move(rotation));
  }

  // Published weights depend on tables that disagree with their pairing: two angles for a pair.
  void VJepa2() {
    const ChannelPairs pairs = Interleaved(60);
    Rotation rotation{.head_dim = 64, .axes = 3, .first = pairs.first, .second = pairs.second};
    const exact::Frequencies w = Plain(20, 10000);
    for (size_t axis = 0; axis < 3; ++axis) {
      for (size_t channel = 0; channel < 20; ++channel) {
        auto& list = channel % 2 == 0 ? rotation.frequency : rotation.second_frequency;
        for (size_t x = 0; x < 3; ++x) list.push_back(x == axis ? w[channel % 10].Double() : 0);
      }
    }
    ChannelPairs other = pairs;
    other.layout = "other";
    Add({.name = "two_angles_neighbours",
         .meaning = "V-JEPA 2: neighbours, but a table made for halves: of 20 channels of an axis "
                    "channel k turns by angle k mod 10. Its weights were trained with it.",
         .catches = "A repair that breaks the checkpoint.",
         .config = Config(R"({"model_type": "vjepa2", "hidden_size": 1024,
           "num_attention_heads": 16})")},
        other, std::move(rotation));
  }
  void ErnieImage() {
    const ChannelPairs pairs = Half(128);
    Rotation rotation{.head_dim = 128, .axes = 3, .first = pairs.first, .second = pairs.second};
    const AxisFrequencies angles = PlainBlocks({32, 48, 48}, 256);
    for (size_t channel = 0; channel < 128; ++channel) {
      auto& list = channel < 64 ? rotation.frequency : rotation.second_frequency;
      const AxisFrequency& angle = angles[channel / 2];
      for (int x = 0; x < 3; ++x) list.push_back(x == angle.axis ? angle.frequency.Double() : 0);
    }
    ChannelPairs other = pairs;
    other.layout = "other";
    Add({.name = "two_angles_half",
         .meaning = "ERNIE-Image: pairs (i, i + 64), but a table made for neighbours: channel k "
                    "turns by angle floor(k / 2).",
         .catches = "The table of halves.",
         .config = Config(R"({"_class_name": "ErnieImageTransformer2DModel",
           "rope_axes_dim": [32, 48, 48], "rope_theta": 256})")},
        other, std::move(rotation));
  }

  // LTX-Video: one list of angles over all heads, axes in turn; what is left stands still, in
  // front.
  void Ltx() {
    const int heads = 2, each = 5;  // floor(2 * 16 / (2 * 3)) frequencies an axis
    const ChannelPairs pairs = Interleaved(16);
    Rotation rotation{
        .head_dim = 16, .axes = 3, .heads = heads, .first = pairs.first, .second = pairs.second};
    rotation.frequency.assign(3, 0);
    for (const Exact& w : exact::Geometric(each, Exact::Pi() / 2, Exact::Pi() / 2 * 10000)) {
      for (size_t axis = 0; axis < 3; ++axis) {
        for (size_t x = 0; x < 3; ++x) rotation.frequency.push_back(x == axis ? w.Double() : 0);
      }
    }
    Add({.name = "video_ltx",
         .meaning = "LTX-Video: pi/2 * 10000^(k/4) for k = 0 .. 4, axes in turn, over all heads "
                    "together; the first pair of head 0 is left over. Positions from -1 to 1.",
         .catches = "The same frequencies for every head; the end point left out.",
         .config = Config(R"({"_class_name": "LTXVideoTransformer3DModel",
           "attention_head_dim": 16, "num_attention_heads": 2})")},
        pairs, std::move(rotation),
        RealTuples({{{0, 0, 0}, {1, 0, 0}, {0, 1, 0}, {0, 0, 1}},
                    {{-1, -1, -1}, {0.5, -0.25, 0.125}, {-0.75, 0.5, 1}, {0.25, 0.75, -0.5}}}));
  }

  GoldenSources& sources_;
};

}  // namespace

void AddAxisCases(GoldenSources& sources) {
  AxisCases cases(sources);
  cases.Text();
  cases.Images();
  cases.Generators();
}

}  // namespace rotary
