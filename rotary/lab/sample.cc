#include "rotary/lab/sample.h"

#include <algorithm>
#include <cmath>

#include "rotary/base/random.h"

namespace rotary {
namespace {

constexpr uint64_t kDrawStream = 1, kMaskStream = 2;

// The length of the UTF-8 sequence that `text` begins with; 0 where it begins with none.
// Source: RFC 3629, section 4.
size_t Utf8Length(std::string_view text) {
  const auto byte = [&](size_t i) { return i < text.size() ? static_cast<uint8_t>(text[i]) : 0; };
  const auto follows = [&](size_t i, int low = 0x80, int high = 0xBF) {
    return byte(i) >= low && byte(i) <= high;
  };
  const int lead = byte(0);
  if (lead < 0x80) return 1;
  if (lead >= 0xC2 && lead <= 0xDF) return follows(1) ? 2 : 0;
  if (lead >= 0xE0 && lead <= 0xEF) {
    const bool second = follows(1, lead == 0xE0 ? 0xA0 : 0x80, lead == 0xED ? 0x9F : 0xBF);
    return second && follows(2) ? 3 : 0;
  }
  if (lead >= 0xF0 && lead <= 0xF4) {
    const bool second = follows(1, lead == 0xF0 ? 0x90 : 0x80, lead == 0xF4 ? 0x8F : 0xBF);
    return second && follows(2) && follows(3) ? 4 : 0;
  }
  return 0;
}

// Where a line begins, from the middle of the text on: the first token after a line feed that
// leaves room for `room` tokens.
size_t LineStart(std::span<const int32_t> text, const Tokenizer& tokenizer, int64_t room) {
  const size_t middle = text.size() / 2, last = text.size() - static_cast<size_t>(room);
  for (size_t i = middle; i < last; ++i) {
    if (tokenizer.Decode(text.subspan(i, 1)) == "\n") return i + 1;
  }
  return std::min(middle, last);
}

// The logits of the text's own words at token `at` of one row.
std::vector<float> WordLogits(const Tensor& logits, const Tokenizer& tokenizer, int64_t at) {
  const float* row = logits.data<float>() + at * logits.shape(2);
  return {row, row + tokenizer.text_vocab_size()};
}

int32_t Draw(const std::vector<float>& logits, double temperature, double uniform) {
  const float most = *std::max_element(logits.begin(), logits.end());
  std::vector<double> sums;  // running, of exp(logit / temperature)
  double sum = 0;
  for (const float logit : logits) {
    sum += std::exp((static_cast<double>(logit) - most) / temperature);
    sums.push_back(sum);
  }
  const auto drawn = std::upper_bound(sums.begin(), sums.end() - 1, uniform * sum);
  return static_cast<int32_t>(drawn - sums.begin());
}

std::vector<Span> WriteOn(const Transformer& model, const Tokenizer& tokenizer,
                          std::span<const int32_t> text, const SampleOptions& options) {
  const int64_t given = std::min(options.given, (options.context + 1) / 2);
  const auto prompt = text.subspan(LineStart(text, tokenizer, given), static_cast<size_t>(given));
  std::vector<int32_t> ids(prompt.begin(), prompt.end());
  Workspace workspace;
  const Random random(options.seed, kDrawStream);
  for (int64_t i = 0; i < options.written; ++i) {
    const auto window =
        std::span(ids).last(std::min(ids.size(), static_cast<size_t>(options.context)));
    const auto tokens = static_cast<int64_t>(window.size());
    const Tensor logits =
        Logits(model, {.rows = 1, .tokens = tokens, .ids = window}, workspace, options.threads);
    ids.push_back(Draw(WordLogits(logits, tokenizer, tokens - 1), options.temperature,
                       random.Uniform(static_cast<uint64_t>(i))));
  }
  const auto written = std::span<const int32_t>(ids).subspan(prompt.size());
  return {{Span::Kind::kGiven, ReadableText(tokenizer.Decode(prompt)), ""},
          {Span::Kind::kWritten, ReadableText(tokenizer.Decode(written)), ""}};
}

std::vector<Span> FillIn(const Transformer& model, const Tokenizer& tokenizer,
                         std::span<const int32_t> text, const SampleOptions& options) {
  const auto passage = text.subspan(LineStart(text, tokenizer, options.context),
                                    static_cast<size_t>(options.context));
  const Random random(options.seed, kMaskStream);
  const auto hidden = [&](size_t i) { return random.Uniform(i) < options.hidden; };
  std::vector<int32_t> ids(passage.begin(), passage.end());
  for (size_t i = 0; i < ids.size(); ++i) {
    if (hidden(i)) ids[i] = tokenizer.special(SpecialToken::kMask).value();
  }
  Workspace workspace;
  const Tensor logits =
      Logits(model, {.rows = 1, .tokens = options.context, .ids = ids}, workspace, options.threads);
  std::vector<Span> spans;
  std::vector<int32_t> given;
  const auto end_given = [&] {
    if (given.empty()) return;
    spans.push_back({Span::Kind::kGiven, ReadableText(tokenizer.Decode(given)), ""});
    given.clear();
  };
  for (size_t i = 0; i < ids.size(); ++i) {
    if (!hidden(i)) {
      given.push_back(ids[i]);
      continue;
    }
    end_given();
    const auto guesses = WordLogits(logits, tokenizer, static_cast<int64_t>(i));
    const std::vector<int32_t> guess = {
        static_cast<int32_t>(std::max_element(guesses.begin(), guesses.end()) - guesses.begin())};
    const std::string truth = ReadableText(tokenizer.Decode(passage.subspan(i, 1)));
    const bool right = guess[0] == passage[i];
    spans.push_back({right ? Span::Kind::kRight : Span::Kind::kWrong,
                     ReadableText(tokenizer.Decode(guess)), right ? "" : truth});
  }
  end_given();
  return spans;
}

}  // namespace

std::string ReadableText(std::string_view bytes) {
  std::string text;
  while (!bytes.empty()) {
    const size_t length = Utf8Length(bytes);
    const auto first = static_cast<uint8_t>(bytes[0]);
    const bool control = first == 0x7F || (first < 0x20 && first != '\n' && first != '\t');
    text += length == 0 || control ? "\uFFFD" : bytes.substr(0, length);
    bytes.remove_prefix(std::max<size_t>(1, length));
  }
  return text;
}

std::vector<Span> SampleOf(const Transformer& model, const Tokenizer& tokenizer,
                           std::span<const int32_t> text, const SampleOptions& options) {
  if (static_cast<int64_t>(text.size()) < 2 * options.context) return {};
  return model.config().causal ? WriteOn(model, tokenizer, text, options)
                               : FillIn(model, tokenizer, text, options);
}

}  // namespace rotary
