// Properties: the form is the one that the header shows, to the character; a rotation comes back to
// the bit; what is missing, unknown, of another length or against a rule throws a FileError that
// names it.
#include "rotary/io/rotation_json.h"

#include <cmath>
#include <iostream>

#include "gtest/gtest.h"
#include "rotary/io/test_damage.h"
#include "rotary/io/test_folder.h"

namespace rotary {
namespace {

constexpr std::string_view kExample =
    R"({"head_dim": 8, "attention_factor": 1, "axes": 1, "first": [0,1], "second": [4,5], "frequency": [[1], [0.10000000000000001]]})";

Rotation Parse(std::string_view text) {
  const JsonDocument document(text, "r.json");
  return RotationFromJson(document.root());
}

// Two axes, three heads, both optional lists.
Rotation Rich() {
  Rotation rotation;
  rotation.head_dim = 6;
  rotation.axes = 2;
  rotation.heads = 3;
  rotation.attention_factor = 1.0 / 3;
  rotation.first = {5, 0};
  rotation.second = {2, 1};
  for (int i = 0; i < 12; ++i) {
    rotation.frequency.push_back(std::pow(10000.0, -i / 7.0) * (i % 3 == 0 ? -1 : 1));
    rotation.second_frequency.push_back(std::exp2(-1074.0 + 173 * i));
  }
  rotation.log_decay = {0.0, -0x1p-1074};
  return rotation;
}

TEST(RotationJsonTest, TheFormIsTheDocumentedOne) {
  const Rotation rotation = Parse(
      R"({"head_dim": 8, "attention_factor": 1, "axes": 1, "first": [0,1], "second": [4,5], "frequency": [[1], [0.1]]})");
  EXPECT_EQ(RotationToJson(rotation), kExample);
  Rotation expected;
  expected.head_dim = 8;
  expected.first = {0, 1};
  expected.second = {4, 5};
  expected.frequency = {1, 0.1};
  EXPECT_EQ(rotation, expected);

  Rotation heads = expected;
  heads.heads = 2;
  heads.frequency = {1, 2, 3, 4};
  heads.log_decay = {0.5, 0.25};
  EXPECT_EQ(
      RotationToJson(heads),
      R"({"head_dim": 8, "attention_factor": 1, "axes": 1, "heads": 2, "first": [0,1], "second": [4,5], )"
      R"("frequency": [[[1], [2]], [[3], [4]]], "log_decay": [0.5, 0.25]})");
  Rotation none;
  none.head_dim = 4;
  EXPECT_EQ(
      RotationToJson(none),
      R"({"head_dim": 4, "attention_factor": 1, "axes": 1, "first": [], "second": [], "frequency": []})");
}

TEST(RotationJsonTest, EveryRotationComesBackToTheBit) {
  Rotation none;
  none.head_dim = 4;
  for (const Rotation& rotation :
       {Rich(), none, MakeRotation({.head_dim = 128}),
        MakeRotation({.head_dim = 80, .rotary_dim = 32, .theta = 5e5}),
        MakeRotation(
            {.head_dim = 64, .rotary_dim = 16, .offset = 3, .layout = Layout::kInterleaved})}) {
    EXPECT_EQ(Parse(RotationToJson(rotation)), rotation);
  }
  const TestFolder folder;
  EXPECT_EQ(ReadRotation(folder.Put("r.json", RotationToJson(Rich()))), Rich());
  // One head may be said.
  EXPECT_EQ(
      Parse(
          R"({"head_dim": 2, "attention_factor": 1, "axes": 1, "heads": 1, "first": [0], "second": [1],
                      "frequency": [[1]]})"),
      MakeRotation({.head_dim = 2}));
}

TEST(RotationJsonTest, WhatInspectPrintsIsRead) {
  const TestFolder folder;
  const std::string a = RotationToJson(Rich());
  const std::string b = RotationToJson(MakeRotation({.head_dim = 4}));
  const auto group = [](std::string_view part, std::string_view name, std::string_view query,
                        std::string_view key) {
    return Sentence(R"({"part": ")", part, R"(", "name": ")", name, R"(", "query": )", query,
                    R"(, "key": )", key, "}");
  };
  const auto put = [&](const std::string& groups) {
    return folder.Put("r.json", Sentence(R"({"layers": [)", groups, R"(], "fingerprint": "0"})"));
  };
  EXPECT_EQ(ReadRotation(put(group("text", "all", a, a))), Rich());
  EXPECT_EQ(ReadRotation(put(group("vision", "all", b, b) + "," + group("text", "all", a, a))),
            Rich());
  EXPECT_EQ(ReadRotation(put(group("text", "x", a, a) + "," + group("text", "y", a, a))), Rich());
  const QueryKeyRotations differ = ReadQueryKeyRotations(put(group("text", "all", a, b)));
  EXPECT_EQ(*differ.query, Rich());
  EXPECT_EQ(*differ.key, MakeRotation({.head_dim = 4}));
  EXPECT_FALSE(ReadQueryKeyRotations(put(group("text", "all", "null", "null"))).query);

  const std::string cannot = Sentence("cannot read ", (folder / "r.json").string(), ": ");
  const auto sentence = [&](const std::string& groups) {
    return Thrown([&] { ReadRotation(put(groups)); });
  };
  EXPECT_EQ(sentence(""), cannot + "layers is empty: there is no rotation in it");
  EXPECT_EQ(sentence(group("text", "x", a, a) + "," + group("text", "y", b, b)),
            cannot +
                "layers rotate in several ways (x, y); `rotary inspect --layer N --json` prints "
                "those of one layer");
  EXPECT_EQ(sentence(group("text", "all", a, b)),
            cannot + "its queries and keys rotate differently, one rotation is asked for");
  EXPECT_EQ(sentence(group("text", "all", "null", "null")),
            cannot + "its layers do not rotate (NoPE)");
  EXPECT_EQ(sentence(R"({"part": "text", "name": "all"})"), cannot + "layers[0].query is missing");
}

TEST(RotationJsonTest, EveryErrorHasItsSentence) {
  struct Case {
    std::string_view find, replace, sentence;
  };
  for (const Case& c : {
           Case{"\"axes\": 1, ", "", "axes is missing"},
           Case{"\"attention_factor\": 1, ", "", "attention_factor is missing"},
           Case{"\"axes\": 1", "\"axes\": 1, \"theta\": 10000", "unknown key \"theta\""},
           Case{"\"head_dim\": 8", "\"head_dim\": 0",
                "head_dim must be a whole number from 1 to 1048576, got 0"},
           Case{"\"head_dim\": 8", "\"head_dim\": 8.5",
                "head_dim must be a whole number from 1 to 1048576, got 8.5"},
           Case{"[4,5]", "[4,8]", "second[1] must be a whole number from 0 to 7, got 8"},
           Case{"[4,5]", "[4]",
                "it breaks a rule: rotation: first and second must have the same length, got 2 and "
                "1"},
           Case{"[4,5]", "[4,1]",
                "it breaks a rule: rotation: a channel may be in one pair only, got 1 twice"},
           Case{"[[1], ", "[", "frequency must be an array of 2, got an array of 1"},
           Case{"[[1], ", "[[1, 2], ", "frequency[0] must be an array of 1, got an array of 2"},
           Case{"[[1], ", "[1, ", "frequency[0] must be an array of 1, got 1"},
           Case{"[[1], ", "[[\"1\"], ", "frequency[0][0] must be a number, got \"1\""},
           Case{"\"axes\": 1", "\"axes\": 1, \"heads\": 2",
                "frequency[0] must be an array of 2, got an array of 1"},
           Case{"\"axes\": 1", "\"axes\": 1, \"log_decay\": []",
                "log_decay must be an array of 2, got an array of 0"},
           Case{"\"axes\": 1", "\"axes\": 1, \"second_frequency\": [[1]]",
                "second_frequency must be an array of 2, got an array of 1"},
           Case{"factor\": 1", "factor\": -1",
                "it breaks a rule: rotation: attention_factor must be positive and finite, got -1"},
       }) {
    std::string text(kExample);
    const size_t at = text.find(c.find);
    ASSERT_NE(at, std::string::npos) << c.find;
    text.replace(at, c.find.size(), c.replace);
    EXPECT_EQ(Thrown([&] { Parse(text); }), Sentence("cannot read r.json: ", c.sentence));
  }
  Rotation bad = MakeRotation({.head_dim = 2});
  bad.frequency[0] = std::nan("");
  EXPECT_EQ(Thrown<std::invalid_argument>([&] { RotationToJson(bad); }),
            "rotation: frequency must be finite, got nan");
}

TEST(RotationJsonTest, RandomDamageNeverEscapes) {
  const std::string good = RotationToJson(Rich());
  constexpr int kRounds = 10'000;
  int read = 0;
  for (int round = 0; round < kRounds; ++round) {
    try {
      const Rotation rotation = Parse(Damaged(good, static_cast<uint64_t>(round)));
      CheckRotation(rotation);
      EXPECT_EQ(Parse(RotationToJson(rotation)), rotation);
      ++read;
    } catch (const FileError& error) {
      EXPECT_EQ(std::string(error.what()).rfind("cannot read r.json: ", 0), 0u);
    }
  }
  std::cout << kRounds << " damaged rotations: " << kRounds - read << " refused, " << read
            << " read\n";
  EXPECT_GT(read, kRounds / 100);  // another digit is still a rotation
}

}  // namespace
}  // namespace rotary
