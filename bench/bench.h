// The harness of `rotary bench`: what a kernel reaches of what the machine allows, both measured in
// the same loop.
//
//   round 1:  limit | candidate      round 2:  candidate | limit      round 3:  limit | candidate
//   ...
//
// The machine's speed moves by tens of percent between runs, and hardly within a round: the share
// is the median over the rounds of candidate / limit, and the spread is the interquartile range of
// these ratios over their median. Value and limit are medians on their own, so their quotient may
// differ a little from the share.
#ifndef ROTARY_BENCH_BENCH_H_
#define ROTARY_BENCH_BENCH_H_

#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace rotary {

struct BenchOptions {
  int threads = 0;          // 0: all cores
  std::string filter = "";  // only rows whose name contains it; with a $ behind it, ends with it
  int rounds = 25;  // at most; fewer (at least 3) where they would take longer than row_seconds
  double row_seconds = 4;       // time for one row
  double burst_seconds = 0.02;  // short work is repeated until a measurement takes that long
};

struct BenchResult {
  std::string name = "";
  double work = 0;   // of one call, in bytes or operations
  double value = 0;  // work per second reached, in `unit`
  std::string unit = "";
  double limit = 0;  // work per second of the limit, in `unit`
  double share = 0;  // how much of the limit was reached; 1 is the limit
  double spread = 0;
  std::string formula = "";  // how the row counts its work, and what its limit is
};

// Something that can be timed: `work` bytes or operations per call of `run`.
struct Workload {
  double work = 0;
  std::function<void()> run;
};

struct BenchRow {
  std::string name = "";
  std::string unit = "";  // "GB/s", "GFLOP/s", ...: a thousand million units of work per second
  std::string formula = "";
};

// Times `candidate` and `limits` in turn. With several limits the fastest of a round counts: so the
// FMA limit is never below the best matrix product of the same run. Each runs once beforehand,
// which also touches its memory.
BenchResult Measure(const BenchRow& row, const Workload& candidate,
                    std::span<const Workload> limits, const BenchOptions& options);

// Whether `options.filter` leaves the row in.
bool Wanted(const BenchOptions& options, std::string_view name);

// A share above this means that a limit was measured wrongly: nothing is faster than the limit
// beyond the noise.
inline constexpr double kHighestShare = 1.03;

// Throws std::runtime_error that names the rows above kHighestShare.
void CheckShares(std::span<const BenchResult> results);

// Throws std::runtime_error unless |error| <= tolerance: a benchmark checks its answer before it
// times it.
void CheckAnswer(std::string_view name, double error, double tolerance);

// A table for people, with the machine on top.
std::string BenchToText(std::span<const BenchResult> results, const BenchOptions& options);

// {"machine": {"cpu", "cores", "threads", "simd"}, "results": [{"name", "work", "value", "unit",
// "limit", "share", "spread", "formula"}]}
std::string BenchToJson(std::span<const BenchResult> results, const BenchOptions& options);

}  // namespace rotary

#endif  // ROTARY_BENCH_BENCH_H_
