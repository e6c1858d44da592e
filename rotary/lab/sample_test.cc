// Properties proved here:
//  - a causal sample goes on from held-out text, and depends on its seed alone
//  - a masked sample shows the text as it is, but for the guesses, and calls right what is right
//  - at a temperature near zero the likeliest byte is written
//  - no text is too short, and no byte too odd for a page
#include "rotary/lab/sample.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "rotary/text/byte_tokenizer.h"

namespace rotary {
namespace {

constexpr int64_t kContext = 32;

Transformer Model(bool causal) {
  const ModelSizes sizes{.vocab_size = ByteTokenizer::kVocabSize,
                         .layers = 1,
                         .model_dim = 16,
                         .heads = 2,
                         .max_tokens = kContext};
  Transformer model(causal ? LlamaConfig(sizes) : RoFormerConfig(sizes));
  model.Initialise(3);
  return model;
}

std::vector<int32_t> Text(size_t lines = 20) {
  std::string text;
  for (size_t i = 0; i < lines; ++i) text += "line " + std::to_string(i) + " of the text\n";
  return ByteTokenizer().Encode(text);
}

TEST(Sample, CausalGoesOnFromALineOfTheText) {
  const auto model = Model(true);
  const SampleOptions options{.context = kContext, .given = 40, .written = 50, .threads = 1};
  const auto spans = SampleOf(model, ByteTokenizer(), Text(), options);
  ASSERT_EQ(spans.size(), 2u);
  EXPECT_EQ(spans[0].kind, Span::Kind::kGiven);
  EXPECT_EQ(spans[0].text, "line 11 of the t");  // half the context, as that is less than 40
  EXPECT_EQ(spans[1].kind, Span::Kind::kWritten);
  EXPECT_FALSE(spans[1].text.empty());
  EXPECT_TRUE(SampleOf(model, ByteTokenizer(), Text(), options) == spans);
  SampleOptions other = options;
  other.seed = 2;
  EXPECT_NE(SampleOf(model, ByteTokenizer(), Text(), other)[1].text, spans[1].text);
}

TEST(Sample, ColdIsTheLikeliest) {
  const auto model = Model(true);
  const auto text = Text();
  const auto spans =
      SampleOf(model, ByteTokenizer(), text,
               {.context = kContext, .written = 1, .temperature = 1e-6, .threads = 1});
  const auto prompt = ByteTokenizer().Encode(spans[0].text);
  Workspace workspace;
  const auto tokens = static_cast<int64_t>(prompt.size());
  const Tensor logits = Logits(model, {.rows = 1, .tokens = tokens, .ids = prompt}, workspace, 1);
  const float* last = logits.data<float>() + (tokens - 1) * logits.shape(2);
  const std::string likeliest(1, static_cast<char>(std::max_element(last, last + 256) - last));
  EXPECT_EQ(spans[1].text, ReadableText(likeliest));
}

TEST(Sample, MaskedShowsTheTextAroundItsGuesses) {
  const auto model = Model(false);
  const auto spans =
      SampleOf(model, ByteTokenizer(), Text(), {.context = kContext, .hidden = 0.4, .threads = 1});
  std::string truth;
  int guesses = 0;
  for (const Span& span : spans) {
    ASSERT_NE(span.kind, Span::Kind::kWritten);
    const bool wrong = span.kind == Span::Kind::kWrong;
    truth += wrong ? span.truth : span.text;
    EXPECT_TRUE(!wrong || span.text != span.truth);
    guesses += span.kind != Span::Kind::kGiven;
  }
  EXPECT_EQ(truth, "line 11 of the text\nline 12 of t");
  EXPECT_GT(guesses, 3);
  EXPECT_LT(guesses, 29);
}

TEST(Sample, IsEmptyWhereTheTextIsShort) {
  const auto text = Text();
  EXPECT_TRUE(SampleOf(Model(true), ByteTokenizer(), std::span(text).first(2 * kContext - 1),
                       {.context = kContext})
                  .empty());
}

TEST(ReadableText, KeepsUtf8AndReplacesTheRest) {
  const std::string good = "a\n\t\u00e9\u20ac\U0001F600\u07ff\uffff";
  EXPECT_EQ(ReadableText(good), good);
  EXPECT_EQ(ReadableText(std::string("\0\x1b\x7f\r", 4)), "\uFFFD\uFFFD\uFFFD\uFFFD");
  EXPECT_EQ(ReadableText("\xE9 \xC3"), "\uFFFD \uFFFD");          // a lone lead, one at the end
  EXPECT_EQ(ReadableText("\xC0\xAF"), "\uFFFD\uFFFD");            // longer than need be
  EXPECT_EQ(ReadableText("\xED\xA0\x80"), "\uFFFD\uFFFD\uFFFD");  // a surrogate
  EXPECT_EQ(ReadableText("\xF4\x90\x80\x80"), "\uFFFD\uFFFD\uFFFD\uFFFD");  // beyond Unicode
}

}  // namespace
}  // namespace rotary
