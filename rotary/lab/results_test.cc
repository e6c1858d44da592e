// Properties proved here:
//  - results come back from their file to the bit, "cannot go that far" and "memory unknown"
//  included
//  - the file keeps lists of numbers on one line, and has no byte that is not UTF-8
//  - a file that ResultsToJson would not have written is refused with a sentence that names the
//  place
#include "rotary/lab/results.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <functional>

#include "rotary/io/test_folder.h"
#include "rotary/lab/synthetic_results.h"

namespace rotary {
namespace {

Results Example() {
  Results results = SyntheticResults(
      SyntheticExperiment({{.encoding = "rotary", .loss = 1.0 / 3},
                           {.encoding = "learned", .rise = {0, std::nullopt, std::nullopt, {}}}},
                          2));
  RunResult& run = results.experiments[0].runs[1];
  run.peak_memory.reset();
  run.sample.push_back({.kind = Span::Kind::kWrong, .text = "\"\xC3\xA9", .truth = "<b>"});
  run.sample.push_back({.kind = Span::Kind::kRight, .text = "x", .truth = ""});
  return results;
}

TEST(Results, ComeBackToTheBit) {
  const Results results = Example();
  const std::string text = ResultsToJson(results);
  EXPECT_TRUE(ResultsFromJson(text, "results.json") == results);
  Results other = results;
  other.experiments[0].runs[3].training.loss[7] += 1e-15;
  EXPECT_FALSE(ResultsFromJson(ResultsToJson(other), "results.json") == results);
}

TEST(Results, KeepListsOnOneLine) {
  const std::string text = ResultsToJson(Example());
  EXPECT_LT(std::count(text.begin(), text.end(), '\n'), 200);
  EXPECT_NE(text.find("\"seeds\": [1,2]"), text.npos);
}

TEST(Results, ReplaceWhatIsNotUtf8) {
  Results results = Example();
  results.command = "rotary compare caf\xE9.txt";
  EXPECT_EQ(ResultsFromJson(ResultsToJson(results), "r").command,
            "rotary compare caf\xEF\xBF\xBD.txt");
}

TEST(Results, RefuseNumbersThatJsonCannotHold) {
  Results results = Example();
  results.experiments[0].runs[0].final_loss = std::nan("");
  EXPECT_THROW(ResultsToJson(results), std::invalid_argument);
}

// The sentence for the example's file after `change`.
std::string ErrorAfter(const std::function<void(Json&)>& change) {
  Json json = Json::parse(ResultsToJson(Example()));
  change(json);
  return Thrown([&] { ResultsFromJson(json.dump(), "r.json"); });
}

TEST(Results, RefuseOtherFiles) {
  EXPECT_EQ(ErrorAfter([](Json&) {}), "nothing was thrown");
  EXPECT_EQ(ErrorAfter([](Json& json) { json["format"] = 2; }),
            "cannot read r.json: format must be a whole number from 1 to 1, got 2");
  const auto at = [](Json& json) -> Json& { return json["experiments"][0]; };
  EXPECT_EQ(ErrorAfter([&](Json& json) { at(json)["runs"].erase(3); }),
            "cannot read r.json: experiments[0].runs must be an array of 4, got an array of 3");
  EXPECT_EQ(ErrorAfter([&](Json& json) { std::swap(at(json)["runs"][0], at(json)["runs"][1]); }),
            "cannot read r.json: experiments[0].runs[0] must be of rotary with seed 1");
  EXPECT_EQ(ErrorAfter([&](Json& json) { at(json)["runs"][2]["sample"][0]["kind"] = "odd"; }),
            "cannot read r.json: experiments[0].runs[2].sample[0].kind is not known: odd");
  EXPECT_EQ(ErrorAfter([&](Json& json) { at(json)["runs"][0]["training"]["step"][1] = 0.5; }),
            "cannot read r.json: experiments[0].runs[0].training.step must ascend from above 0");
  EXPECT_EQ(ErrorAfter([&](Json& json) { at(json)["runs"][1]["held_out"][0]["step"] = 101; }),
            "cannot read r.json: experiments[0].runs[1] must have the steps and lengths of the "
            "first run");
  EXPECT_EQ(ErrorAfter([&](Json& json) { at(json)["runs"][3]["lengths"].erase(3); }),
            "cannot read r.json: experiments[0].runs[3] must have the steps and lengths of the "
            "first run");
  EXPECT_NE(ErrorAfter([&](Json& json) { at(json)["runs"][0]["training"]["loss"].erase(0); }),
            "nothing was thrown");
  EXPECT_NE(ErrorAfter([&](Json& json) { at(json)["runs"][0].erase("final_loss"); }),
            "nothing was thrown");
}

}  // namespace
}  // namespace rotary
