// Properties: the title is the verdict; maps are of what was measured and what it is off by,
// against the config or what was found, and say so; faults come with their causes and links;
// without a rotation the page says that there is nothing to draw; text from outside stays text.
// tests/page_test.py looks at pages of real diagnoses in a browser.
#include "rotary/lab/doctor_page.h"

#include <vector>

#include "gtest/gtest.h"
#include "rotary/lab/test_page.h"

namespace rotary {
namespace {

struct Case {
  std::vector<float> numbers = std::vector<float>(size_t{2} * 3 * 1 * 4, 1);
  Observation observation;
  Diagnosis diagnosis;

  Case() {
    const ConstTensorView view(numbers.data(), DType::kF32, {2, 3, 1, 4});
    observation = {.before = view, .after = view, .positions = {0, 1, 2, 0, 1, 2}};
    diagnosis.verdict = "Nothing <b>turned</b>.";
    diagnosis.findings = {{"identity", Severity::kFault, "Nothing <i>turned</i>."}};
  }
};

Expectation Asked() { return {.rotation = MakeRotation({.head_dim = 4})}; }

TEST(DoctorPageTest, AgainstTheConfig) {
  const Case made;
  const std::string html = DoctorHtml(made.observation, Asked(), made.diagnosis, "<u>.safetensors");
  EXPECT_EQ(Count(html, "<h1>Nothing &lt;b&gt;turned&lt;/b&gt;.</h1>"), 1u);
  EXPECT_EQ(Count(html, "&lt;u&gt;.safetensors: 2 rows of 3 tokens, 1 head of 4 channels."), 1u);
  EXPECT_EQ(Count(html, "<h3>Measured less what the config asks for</h3>"), 1u);
  // Pair 0 is off by a radian at position 1 and by 2 at 2, pair 1 by a hundredth of that.
  EXPECT_EQ(Count(html,
                  "34% of the cells are off by more than a hundredth of a turn, the first at "
                  "position 1."),
            1u);
  EXPECT_EQ(Count(html, "<h2>Faults</h2>"), 1u);
  EXPECT_EQ(Count(html, "<dt>identity</dt><dd>Nothing &lt;i&gt;turned&lt;/i&gt;.<br>"), 1u);
  EXPECT_EQ(Count(html, "<a href=\"https://github.com/pytorch/executorch/pull/19627\">"), 1u);
  EXPECT_EQ(Count(html, "<i>") + Count(html, "<u>"), 0u);
}

TEST(DoctorPageTest, AgainstWhatWasFound) {
  Case made;
  made.diagnosis.rotation = MakeRotation({.head_dim = 4});
  for (double& w : made.diagnosis.rotation->frequency) w = 0;
  made.diagnosis.findings = {{"none-found", Severity::kNote, "Right."}};
  const std::string html = DoctorHtml(made.observation, {}, made.diagnosis, "file");
  EXPECT_EQ(Count(html, "<h3>Measured less the rotation found</h3>"), 1u);
  EXPECT_EQ(Count(html, "No pair is off by more than 0.0001 radians."), 1u);
  EXPECT_EQ(Count(html, "Faults") + Count(html, "<h2>Notes"), 0u);
  EXPECT_EQ(Count(html, "class=\"plot\""), 0u);  // nothing turns
}

TEST(DoctorPageTest, NothingToDraw) {
  const Case made;
  const std::string html = DoctorHtml(made.observation, {}, made.diagnosis, "file");
  EXPECT_EQ(Count(html, "there is nothing to draw"), 1u);
  EXPECT_EQ(Count(html, "<canvas"), 0u);
}

}  // namespace
}  // namespace rotary
