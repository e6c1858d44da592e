// Properties: values come out as they stand in the text, and everything that is not as asked for
// throws a FileError that names the file and the place.
#include "rotary/io/json.h"

#include "gtest/gtest.h"
#include "rotary/io/test_folder.h"

namespace rotary {
namespace {

TEST(JsonTest, ValuesComeOutAsTheyStand) {
  const JsonDocument document(
      R"({"a": {"b": [1, -2, 0.5, true, "x"]}, "n": null, "big": 9223372036854775807})", "c.json");
  const JsonValue root = document.root();
  const auto elements = root["a"]["b"].Array(5);
  EXPECT_EQ(elements[0].Int(), 1);
  EXPECT_EQ(elements[1].Int(-2, 0), -2);
  EXPECT_EQ(elements[1].Number(), -2.0);
  EXPECT_EQ(elements[2].Number(), 0.5);
  EXPECT_TRUE(elements[3].Bool());
  EXPECT_EQ(elements[4].String(), "x");
  EXPECT_TRUE(root["n"].IsNull());
  EXPECT_FALSE(root.Find("absent").has_value());
  EXPECT_EQ(root["big"].Int(), 9223372036854775807);
  root.AllowOnly({"a", "n", "big", "more"});
}

TEST(JsonTest, EveryWrongValueIsNamed) {
  const JsonDocument document(
      R"({"a": {"b": [1, "two", 1.5]}, "s": "12", "big": 9223372036854775808, "o": {}, "l": [0, 0]})",
      "c.json");
  const JsonValue root = document.root();
  const auto sentence = [](auto&& call) { return Thrown(call); };
  EXPECT_EQ(sentence([&] { root["heads"]; }), "cannot read c.json: heads is missing");
  EXPECT_EQ(sentence([&] { root["a"]["c"]; }), "cannot read c.json: a.c is missing");
  EXPECT_EQ(sentence([&] { root["a"]["b"].Array()[1].Number(); }),
            "cannot read c.json: a.b[1] must be a number, got \"two\"");
  EXPECT_EQ(sentence([&] { root["a"]["b"].Array()[2].Int(); }),
            "cannot read c.json: a.b[2] must be a whole number, got 1.5");
  EXPECT_EQ(sentence([&] { root["big"].Int(); }),
            "cannot read c.json: big must be a whole number, got 9223372036854775808");
  EXPECT_EQ(sentence([&] { root["s"].Int(1, 64); }),
            "cannot read c.json: s must be a whole number from 1 to 64, got \"12\"");
  EXPECT_EQ(sentence([&] { root["l"].Array()[0].Int(1); }),
            "cannot read c.json: l[0] must be a whole number of at least 1, got 0");
  EXPECT_EQ(sentence([&] { root["s"].Bool(); }),
            "cannot read c.json: s must be true or false, got \"12\"");
  EXPECT_EQ(sentence([&] { root["o"].String(); }),
            "cannot read c.json: o must be a string, got an object");
  EXPECT_EQ(sentence([&] { root["o"].Array(); }),
            "cannot read c.json: o must be an array, got an object");
  EXPECT_EQ(sentence([&] { root["l"].Array(3); }),
            "cannot read c.json: l must be an array of 3, got an array of 2");
  EXPECT_EQ(sentence([&] { root["s"]["x"]; }),
            "cannot read c.json: s must be an object, got \"12\"");
  EXPECT_EQ(sentence([&] {
              root.AllowOnly({"a", "s", "big", "l"});
            }),
            "cannot read c.json: unknown key \"o\"");
  EXPECT_EQ(sentence([&] { root["a"].AllowOnly({}); }),
            "cannot read c.json: unknown key \"b\" in a");
  const JsonDocument scalar("7", "c.json");
  EXPECT_EQ(sentence([&] { scalar.root()["x"]; }),
            "cannot read c.json: it must be an object, got 7");
}

TEST(JsonTest, WhatIsNotJsonIsRefusedWithItsPlace) {
  const auto sentence = [](std::string_view text) {
    return Thrown([&] { ParseJson(text, "c.json"); });
  };
  EXPECT_EQ(sentence("{\n  \"a\": 1,\n  \"b\": }\n"),
            "cannot read c.json: not JSON at line 3, column 8: unexpected '}'; expected '[', '{', "
            "or a literal");
  EXPECT_EQ(
      sentence("{\"a\": 1"),
      "cannot read c.json: not JSON at line 1, column 8: unexpected end of input; expected '}'");
  EXPECT_EQ(sentence("{} x").substr(0, 50), "cannot read c.json: not JSON at line 1, column 4: ");
  EXPECT_EQ(sentence("\"\xff\"").substr(0, 50),
            "cannot read c.json: not JSON at line 1, column 2: ");
  EXPECT_EQ(sentence("[NaN]").substr(0, 46), "cannot read c.json: not JSON at line 1, column");
  EXPECT_EQ(sentence("{\"a\": {\"b\": 1, \"b\": 2}}"),
            "cannot read c.json: key \"b\" is there twice");
  EXPECT_EQ(sentence("{\"a\": [{\"b\": 1}, {\"b\": 2}]}"), "nothing was thrown");
  EXPECT_EQ(sentence("[1e999]"), "cannot read c.json: number overflow parsing '1e999'");
  EXPECT_EQ(sentence(std::string(100'000, '[')), "cannot read c.json: nested deeper than 64");
}

TEST(JsonTest, ReadsFiles) {
  const TestFolder folder;
  EXPECT_EQ(JsonDocument::Read(folder.Put("a.json", "{\"x\": 3}")).root()["x"].Int(), 3);
  const std::string missing = (folder / "b.json").string();
  EXPECT_EQ(Thrown([&] { JsonDocument::Read(missing); }),
            "cannot read " + missing + ": no such file or folder");
}

}  // namespace
}  // namespace rotary
