// Properties: every code of a finding has a likely cause, a fix and a public thread; the table of
// docs/doctor.md is this list.
#include "rotary/doctor/causes.h"

#include <fstream>
#include <set>
#include <sstream>
#include <string>

#include "gtest/gtest.h"
#include "rotary/base/error.h"

namespace rotary {
namespace {

const std::set<std::string> kCodes = {"none-found",
                                      "identity",
                                      "layout-differs",
                                      "direction-reversed",
                                      "theta-differs",
                                      "scaling-missing",
                                      "scaling-differs",
                                      "attention-factor-missing",
                                      "attention-factor-squared",
                                      "attention-factor-differs",
                                      "rotary-dim-differs",
                                      "offset-differs",
                                      "denominator-differs",
                                      "position-shifted",
                                      "positions-restart",
                                      "positions-rounded",
                                      "frequencies-rounded",
                                      "angles-rounded",
                                      "tables-rounded",
                                      "rotated-twice",
                                      "heads-differ",
                                      "rows-differ",
                                      "axis-order-differs",
                                      "tables-mismatch",
                                      "channels-permuted",
                                      "not-a-rotation",
                                      "cannot-tell"};

// "[sglang#13495](https://github.com/sgl-project/sglang/pull/13495)"
std::string Link(std::string_view address) {
  std::istringstream parts{std::string(address)};
  std::string part, repository, number;
  for (int i = 0; std::getline(parts, part, '/'); ++i) {
    if (i == 4) repository = part;
    number = part;
  }
  return Sentence("[", repository, "#", number, "](", address, ")");
}

std::string Row(const Cause& cause) {
  std::string sources;
  for (const std::string_view source : cause.sources) {
    sources += (sources.empty() ? "" : ", ") + Link(source);
  }
  return Sentence("| `", cause.code, "` | ", cause.means, " | ", cause.cause, " | ", cause.fix,
                  " | ", sources, " |");
}

TEST(CausesTest, EveryCodeHasACauseAFixAndASource) {
  std::set<std::string> codes;
  for (const Cause& cause : Causes()) {
    const std::string code(cause.code);
    EXPECT_TRUE(codes.insert(code).second) << code;
    EXPECT_EQ(CauseOf(code), &cause);
    EXPECT_FALSE(cause.means.empty()) << code;
    if (code == "none-found") continue;
    EXPECT_TRUE(cause.cause.ends_with('.') && cause.fix.ends_with('.')) << code;
    EXPECT_TRUE(!cause.sources.empty() || code == "cannot-tell") << code;
    for (const std::string_view source : cause.sources) {
      EXPECT_TRUE(source.starts_with("https://github.com/")) << source;
    }
  }
  EXPECT_EQ(codes, kCodes);
  EXPECT_EQ(CauseOf("unheard-of"), nullptr);
}

TEST(CausesTest, ThePageHasTheSameTable) {
  std::ifstream page(ROTARY_DOCTOR_PAGE);
  std::set<std::string> rows;
  for (std::string line; std::getline(page, line);) {
    if (line.starts_with("| `")) rows.insert(line);
  }
  for (const Cause& cause : Causes()) EXPECT_EQ(rows.erase(Row(cause)), 1u) << Row(cause);
  for (const std::string& row : rows)
    EXPECT_FALSE(kCodes.contains(row.substr(3, row.find('`', 3) - 3))) << row;
}

}  // namespace
}  // namespace rotary
