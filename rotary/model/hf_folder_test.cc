// Properties: a model of any dialect comes back to the bit under transformers' names; files of
// other writers (bare models, old buffers, 16-bit weights, a head of their own, no table) give the
// model that transformers makes of them; every damage has its sentence and leaves nothing
// half-written. tests/golden judges the logits.
#include "rotary/model/hf_folder.h"

#include <cmath>
#include <cstring>
#include <functional>
#include <map>

#include "gtest/gtest.h"
#include "rotary/base/random.h"
#include "rotary/io/file.h"
#include "rotary/io/safetensors.h"
#include "rotary/io/test_folder.h"
#include "rotary/model/hf_config.h"

namespace rotary {
namespace {

constexpr ModelSizes kSizes = {
    .vocab_size = 11, .layers = 2, .model_dim = 8, .heads = 2, .inner_dim = 12, .max_tokens = 20};

// All weights random, also those that Initialise leaves at 0 and 1; what lies between two
// parameters stays 0.
Transformer RandomModel(const ModelConfig& config) {
  Transformer model(config);
  model.Initialise(3);
  uint64_t stream = 0;
  for (const Parameter& parameter : model.layout().parameters()) {
    const Random random(5, ++stream);
    for (int64_t i = 0; i < parameter.count(); ++i) {
      model.weights()[static_cast<size_t>(parameter.offset + i)] =
          static_cast<float>(random.Words(static_cast<uint64_t>(i))[0] >> 8) * 0x1p-24f - 0.5f;
    }
  }
  return model;
}

bool SameBits(std::span<const float> a, std::span<const float> b) {
  return a.size() == b.size() &&
         (a.empty() || std::memcmp(a.data(), b.data(), a.size_bytes()) == 0);
}

// The tensors of a folder, to be changed and written back.
class Editor {
 public:
  explicit Editor(const std::filesystem::path& folder) : path_(folder / "model.safetensors") {
    const SafetensorsFile file(path_);
    for (const std::string& name : file.names()) {
      const ConstTensorView view = file.view(name);
      Tensor copy(view.dtype(), view.shape());
      std::memcpy(copy.raw(), view.data(), copy.bytes());
      tensors_[name] = std::move(copy);
    }
  }
  std::map<std::string, Tensor>& tensors() { return tensors_; }
  Tensor& operator[](const std::string& name) { return tensors_.at(name); }
  void Add(const std::string& name, Tensor tensor) { tensors_[name] = std::move(tensor); }
  void Remove(const std::string& name) { ASSERT_EQ(tensors_.erase(name), 1u) << name; }
  void Rename(const std::string& from, const std::string& to) {
    auto node = tensors_.extract(from);
    ASSERT_FALSE(node.empty()) << from;
    node.key() = to;
    tensors_.insert(std::move(node));
  }
  void Save() const {
    std::vector<NamedTensor> named;
    for (const auto& [name, tensor] : tensors_) named.push_back({name, tensor.view()});
    WriteSafetensors(path_, named);
  }

 private:
  std::filesystem::path path_;
  std::map<std::string, Tensor> tensors_;
};

// A folder with a random model, written by us and then edited.
class EditedFolder {
 public:
  explicit EditedFolder(
      const ModelConfig& config, const std::function<void(Editor&)>& edit = [](Editor&) {})
      : model_(RandomModel(config)) {
    WriteModel(path(), model_, "bytes");
    Editor editor(path());
    edit(editor);
    editor.Save();
  }
  const std::filesystem::path& path() const { return folder_.path(); }
  const Transformer& model() const { return model_; }
  StoredModel Read() const { return ReadModel(path()); }
  // What Read() throws, without "cannot read " and the folder's name.
  std::string Sentence() const {
    const std::string got = Thrown([&] { Read(); });
    const std::string prefix = "cannot read " + path().string();
    return got.rfind(prefix, 0) == 0 ? got.substr(prefix.size()) : got;
  }
  void ExpectSameModel() const {
    const StoredModel read = Read();
    EXPECT_EQ(read.model.config(), model_.config());
    EXPECT_TRUE(SameBits(read.model.weights(), model_.weights()));
  }

 private:
  TestFolder folder_;
  Transformer model_;
};

void ExpectSameLogits(const Transformer& a, const Transformer& b) {
  const std::vector<int32_t> ids = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10};
  const Batch batch = {.rows = 2, .tokens = 5, .ids = ids};
  Workspace workspace;
  const Tensor first = Logits(a, batch, workspace), second = Logits(b, batch, workspace);
  EXPECT_TRUE(SameBits(first.span<float>(), second.span<float>()));
}

TEST(HfFolderTest, EveryModelComesBackToTheBit) {
  std::vector<ModelConfig> configs = {RoFormerConfig(kSizes), LlamaConfig(kSizes)};
  for (int i = 0; i < 5; ++i) configs.push_back(configs[static_cast<size_t>(i) % 2]);
  configs[2].embedding_dim = 6;
  configs[2].tied = false;
  configs[3].kv_heads = 1;
  configs[3].biases = true;
  configs[3].tied = false;
  configs[4].positions = PositionEncoding::kLearned;
  configs[4].rotation = Rotation();
  configs[5].head_dim = configs[5].features = 6;
  configs[5].rotation = MakeRotation({.head_dim = 6, .theta = 777});
  configs[6].attention = AttentionForm::kLinear;
  configs[6].feature_map = FeatureMap::kPerformer;
  configs[6].features = 10;
  configs[6].rotation = MakeRotation({.head_dim = 10});
  for (const ModelConfig& config : configs) {
    const TestFolder folder;
    const Transformer model = RandomModel(config);
    WriteModel(folder / "new/folder", model, "bytes");
    const StoredModel read = ReadModel(folder / "new/folder");
    EXPECT_EQ(read.tokenizer, "bytes");
    EXPECT_EQ(read.model.config(), config);
    EXPECT_TRUE(SameBits(read.model.weights(), model.weights()));
    EXPECT_TRUE(
        SameBits(read.model.projections().span<float>(), model.projections().span<float>()));
    ExpectSameLogits(read.model, model);
    // Over an older model.
    WriteModel(folder / "new/folder", RandomModel(RoFormerConfig(kSizes)), "");
    EXPECT_EQ(ReadModel(folder / "new/folder").tokenizer, "");
  }
}

TEST(HfFolderTest, NamesAreThoseOfTransformers) {
  ModelConfig config = RoFormerConfig(kSizes);
  config.layers = 1;
  config.embedding_dim = 6;
  const TestFolder folder;
  WriteModel(folder.path(), RandomModel(config), "");
  const std::vector<std::string> expected = {
      "cls.predictions.bias",
      "cls.predictions.decoder.bias",
      "cls.predictions.transform.LayerNorm.bias",
      "cls.predictions.transform.LayerNorm.weight",
      "cls.predictions.transform.dense.bias",
      "cls.predictions.transform.dense.weight",
      "roformer.embeddings.LayerNorm.bias",
      "roformer.embeddings.LayerNorm.weight",
      "roformer.embeddings.token_type_embeddings.weight",
      "roformer.embeddings.word_embeddings.weight",
      "roformer.embeddings_project.bias",
      "roformer.embeddings_project.weight",
      "roformer.encoder.embed_positions.weight",
      "roformer.encoder.layer.0.attention.output.LayerNorm.bias",
      "roformer.encoder.layer.0.attention.output.LayerNorm.weight",
      "roformer.encoder.layer.0.attention.output.dense.bias",
      "roformer.encoder.layer.0.attention.output.dense.weight",
      "roformer.encoder.layer.0.attention.self.key.bias",
      "roformer.encoder.layer.0.attention.self.key.weight",
      "roformer.encoder.layer.0.attention.self.query.bias",
      "roformer.encoder.layer.0.attention.self.query.weight",
      "roformer.encoder.layer.0.attention.self.value.bias",
      "roformer.encoder.layer.0.attention.self.value.weight",
      "roformer.encoder.layer.0.intermediate.dense.bias",
      "roformer.encoder.layer.0.intermediate.dense.weight",
      "roformer.encoder.layer.0.output.LayerNorm.bias",
      "roformer.encoder.layer.0.output.LayerNorm.weight",
      "roformer.encoder.layer.0.output.dense.bias",
      "roformer.encoder.layer.0.output.dense.weight"};
  const SafetensorsFile file(folder / "model.safetensors");
  EXPECT_EQ(file.names(), expected);
  EXPECT_EQ(file.metadata().at("format"), "pt");
}

TEST(HfFolderTest, BareModelsAndOldBuffersAreRead) {
  const auto strip = [](std::string_view prefix) {
    return [prefix](Editor& editor) {
      std::vector<std::string> names;
      for (const auto& [name, tensor] : editor.tensors()) names.push_back(name);
      for (const std::string& name : names) {
        if (name.starts_with(prefix)) editor.Rename(name, name.substr(prefix.size()));
      }
      editor.Add("layers.0.self_attn.rotary_emb.inv_freq", Tensor(DType::kF32, {2}));
      editor.Add("embeddings.position_ids", Tensor(DType::kI64, {1, 20}));
    };
  };
  EditedFolder(LlamaConfig(kSizes), strip("model.")).ExpectSameModel();
  EditedFolder(RoFormerConfig(kSizes), strip("roformer.")).ExpectSameModel();
}

TEST(HfFolderTest, WithoutATableTheFormulaHolds) {
  EditedFolder(RoFormerConfig(kSizes), [](Editor& editor) {
    editor.Remove("roformer.encoder.embed_positions.weight");
  }).ExpectSameModel();
}

TEST(HfFolderTest, AHeadInTheFileWinsOverTying) {
  const EditedFolder llama(LlamaConfig(kSizes), [](Editor& editor) {
    editor.Add("lm_head.weight", editor["model.embed_tokens.weight"].Clone());
    editor["lm_head.weight"].data<float>()[13] += 1;
  });
  const StoredModel read = llama.Read();
  EXPECT_FALSE(read.model.config().tied);
  const auto head = static_cast<size_t>(read.model.layout().Find("head.output.weight").offset);
  const auto words = static_cast<size_t>(read.model.layout().Find("embedding.words").offset);
  EXPECT_EQ(read.model.weights()[head + 13], read.model.weights()[words + 13] + 1);
  // The same numbers once more are no other head.
  EditedFolder(LlamaConfig(kSizes), [](Editor& editor) {
    editor.Add("lm_head.weight", editor["model.embed_tokens.weight"].Clone());
  }).ExpectSameModel();
  EditedFolder(RoFormerConfig(kSizes), [](Editor& editor) {
    editor.Add("cls.predictions.decoder.weight",
               editor["roformer.embeddings.word_embeddings.weight"].Clone());
  }).ExpectSameModel();
  const EditedFolder roformer(RoFormerConfig(kSizes), [](Editor& editor) {
    editor.Add("cls.predictions.decoder.weight", Tensor(DType::kF32, {11, 8}));
  });
  EXPECT_FALSE(roformer.Read().model.config().tied);
}

TEST(HfFolderTest, EitherBiasOfThePredictionsWillDo) {
  EditedFolder(RoFormerConfig(kSizes), [](Editor& editor) {
    editor.Remove("cls.predictions.bias");
  }).ExpectSameModel();
  EditedFolder(RoFormerConfig(kSizes), [](Editor& editor) {
    editor.Remove("cls.predictions.decoder.bias");
  }).ExpectSameModel();
  EditedFolder(RoFormerConfig(kSizes), [](Editor& editor) {
    editor["cls.predictions.bias"].data<float>()[0] = 9;
  }).ExpectSameModel();
}

TEST(HfFolderTest, OtherNumberFormatsBecomeF32) {
  for (const DType dtype : {DType::kF64, DType::kBF16, DType::kF16}) {
    const EditedFolder folder(LlamaConfig(kSizes), [&](Editor& editor) {
      for (auto& entry : editor.tensors()) {
        Tensor& tensor = entry.second;
        Tensor converted(dtype, tensor.shape());
        DispatchFloat(dtype, "test", [&]<typename T>() {
          for (int64_t i = 0; i < tensor.count(); ++i)
            converted.data<T>()[i] = FromFloat<T>(tensor.data<float>()[i]);
        });
        tensor = std::move(converted);
      }
    });
    const StoredModel read = folder.Read();
    for (size_t i = 0; i < read.model.weights().size(); ++i) {
      float wanted = folder.model().weights()[i];
      if (dtype == DType::kBF16) wanted = ToFloat(ToBF16(wanted));
      if (dtype == DType::kF16) wanted = ToFloat(ToF16(wanted));
      ASSERT_EQ(read.model.weights()[i], wanted);
    }
  }
}

TEST(HfFolderTest, EveryWrongTensorHasItsSentence) {
  const ModelConfig roformer = RoFormerConfig(kSizes), llama = LlamaConfig(kSizes);
  const auto sentence = [](const ModelConfig& config, const std::function<void(Editor&)>& edit) {
    return EditedFolder(config, edit).Sentence();
  };
  EXPECT_EQ(sentence(llama, [](Editor& e) { e.Remove("model.layers.1.mlp.up_proj.weight"); }),
            ": there is no tensor model.layers.1.mlp.up_proj.weight");
  EXPECT_EQ(
      sentence(
          llama,
          [](Editor& e) { e.Add("model.layers.2.mlp.up_proj.weight", Tensor(DType::kF32, {1})); }),
      ": 1 tensor is left over that the config has no use for: model.layers.2.mlp.up_proj.weight");
  EXPECT_EQ(sentence(roformer,
                     [](Editor& e) {
                       e.Add("a", Tensor(DType::kF32, {1}));
                       e.Add("b", Tensor(DType::kF32, {1}));
                     }),
            ": 2 tensors are left over that the config has no use for: a, ...");
  EXPECT_EQ(
      sentence(llama, [](Editor& e) { e.Add("model.norm.weight", Tensor(DType::kF32, {9})); }),
      "/model.safetensors: model.norm.weight must be [8], got [9]");
  EXPECT_EQ(
      sentence(llama, [](Editor& e) { e.Add("model.norm.weight", Tensor(DType::kI64, {8})); }),
      "/model.safetensors: model.norm.weight must be f64, f32, bf16 or f16, got i64");
  EXPECT_EQ(sentence(llama,
                     [](Editor& e) {
                       e.Add("lm_head.weight", Tensor(DType::kF32, {11, 9}));
                     }),
            "/model.safetensors: lm_head.weight must be [11, 8], got [11, 9]");
  EXPECT_EQ(
      sentence(roformer,
               [](Editor& e) {
                 e.Add("roformer.encoder.embed_positions.weight", Tensor(DType::kF32, {19, 4}));
               }),
      "/model.safetensors: roformer.encoder.embed_positions.weight must be [20, 4], got [19, 4]");
  EXPECT_EQ(sentence(roformer,
                     [](Editor& e) {
                       e["roformer.encoder.embed_positions.weight"].data<float>()[50] = 0;
                     }),
            "/model.safetensors: roformer.encoder.embed_positions.weight is not a table of "
            "positions: its rows do not turn by "
            "the same angle each, see row 12");
  ModelConfig untied = roformer;
  untied.tied = false;
  EXPECT_EQ(sentence(untied, [](Editor& e) { e.Remove("cls.predictions.decoder.weight"); }),
            ": there is no tensor cls.predictions.decoder.weight");
}

TEST(HfFolderTest, EveryBrokenFolderHasItsSentence) {
  const EditedFolder good(LlamaConfig(kSizes));
  const std::filesystem::path weights = good.path() / "model.safetensors";
  const std::string bytes = ReadFile(weights);
  WriteFileAtomically(weights, bytes.substr(0, bytes.size() - 100));
  EXPECT_EQ(good.Sentence().substr(0, 32), "/model.safetensors: cut short: m");
  std::filesystem::remove(weights);
  EXPECT_EQ(good.Sentence(), "/model.safetensors: no such file or folder");

  const auto index = [&](std::string_view text) {
    WriteFileAtomically(good.path() / "model.safetensors.index.json", text);
    return good.Sentence();
  };
  WriteFileAtomically(good.path() / "one.safetensors", bytes);
  EXPECT_EQ(index("{}"), "/model.safetensors.index.json: weight_map is missing");
  EXPECT_EQ(index(R"({"weight_map": {"x": "../one.safetensors"}})"),
            "/model.safetensors.index.json: weight_map.x must be a file of the same folder");
  EXPECT_EQ(index(R"({"weight_map": {"x": "one.safetensors"}})"),
            "/model.safetensors.index.json: weight_map.x names one.safetensors, which does not "
            "hold that tensor");
  EXPECT_EQ(
      index(R"({"weight_map": {"x": "two.safetensors"}})"),
      "/model.safetensors.index.json: weight_map.x names two.safetensors, which is not there");
  EXPECT_EQ(index(R"({"weight_map": {"model.norm.weight": "one.safetensors"}})"),
            "nothing was thrown");
  WriteFileAtomically(good.path() / "two.safetensors", bytes);
  EXPECT_EQ(
      index(
          R"({"weight_map": {"lm_head.weight": "two.safetensors", "model.norm.weight": "one.safetensors"}})"),
      "/model.safetensors.index.json: weight_map.lm_head.weight names two.safetensors, "
      "which does not hold that tensor");
  EXPECT_EQ(
      index(
          R"({"weight_map": {"model.embed_tokens.weight": "two.safetensors", "model.norm.weight": "one.safetensors"}})"),
      "/one.safetensors: tensor model.embed_tokens.weight is in another file too");

  std::filesystem::remove(good.path() / "config.json");
  EXPECT_EQ(good.Sentence(), "/config.json: no such file or folder");
}

// A config that claims a model far larger than its file is refused before memory is asked for.
TEST(HfFolderTest, HugeClaimsAreRefused) {
  const EditedFolder good(LlamaConfig(kSizes));
  std::string config = ReadFile(good.path() / "config.json");
  const std::string vocab = "\"vocab_size\": 11";
  config.replace(config.find(vocab), vocab.size(), "\"vocab_size\": 2147483647");
  const std::string layers = "\"num_hidden_layers\": 2";
  config.replace(config.find(layers), layers.size(), "\"num_hidden_layers\": 16384");
  WriteFileAtomically(good.path() / "config.json", config);
  EXPECT_EQ(good.Sentence(),
            "/model.safetensors: model.embed_tokens.weight must be [2147483647, 8], got [11, 8]");
}

TEST(HfFolderTest, AnUnwritableFolderIsAnError) {
  const TestFolder folder;
  folder.Put("file", "x");
  const Transformer model = RandomModel(LlamaConfig(kSizes));
  EXPECT_EQ(Thrown([&] { WriteModel(folder / "file", model, ""); }),
            "cannot make folder " + (folder / "file").string() + ": Not a directory");
}

}  // namespace
}  // namespace rotary
