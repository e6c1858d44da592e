#include "bench/bench.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <nlohmann/json.hpp>
#include <stdexcept>

#include "rotary/base/cpu.h"
#include "rotary/base/error.h"
#include "rotary/base/parallel.h"
#include "rotary/base/simd.h"

namespace rotary {
namespace {

double Seconds() {
  const auto now = std::chrono::steady_clock::now().time_since_epoch();
  return std::chrono::duration<double>(now).count();
}

// A workload with the number of calls that makes one measurement long enough for the clock.
class Timer {
 public:
  Timer(const Workload& workload, double burst_seconds) : workload_(workload) {
    workload_.run();
    double elapsed = Elapsed();
    while (elapsed < burst_seconds / 2) {
      calls_ *= 2;
      elapsed = Elapsed();
    }
    const double call_seconds = elapsed / static_cast<double>(calls_);
    calls_ = std::max<int64_t>(1, std::llround(burst_seconds / call_seconds));
    seconds_ = call_seconds * static_cast<double>(calls_);
  }

  double expected_seconds() const { return seconds_; }
  double Rate() const { return workload_.work * static_cast<double>(calls_) / Elapsed(); }

 private:
  double Elapsed() const {
    const double start = Seconds();
    for (int64_t i = 0; i < calls_; ++i) workload_.run();
    return Seconds() - start;
  }

  const Workload& workload_;
  int64_t calls_ = 1;
  double seconds_ = 0;
};

// Linear interpolation between the order statistics; `sorted` must not be empty.
double Quantile(const std::vector<double>& sorted, double q) {
  const double at = q * static_cast<double>(sorted.size() - 1);
  const size_t below = static_cast<size_t>(at);
  const size_t above = std::min(below + 1, sorted.size() - 1);
  return sorted[below] + (at - static_cast<double>(below)) * (sorted[above] - sorted[below]);
}

double Median(std::vector<double>& values) {
  std::sort(values.begin(), values.end());
  return Quantile(values, 0.5);
}

}  // namespace

BenchResult Measure(const BenchRow& row, const Workload& candidate,
                    std::span<const Workload> limits, const BenchOptions& options) {
  Require(!limits.empty(), "bench: ", row.name, " has no limit to compare with");
  std::vector<Timer> timers;
  timers.reserve(limits.size() + 1);
  for (const Workload& limit : limits) timers.emplace_back(limit, options.burst_seconds);
  timers.emplace_back(candidate, options.burst_seconds);

  double round_seconds = 0;
  for (const Timer& timer : timers) round_seconds += timer.expected_seconds();
  const int rounds = std::clamp(static_cast<int>(options.row_seconds / round_seconds), 3,
                                std::max(3, options.rounds));

  std::vector<double> values, best_limits, shares;
  for (int round = 0; round < rounds; ++round) {
    std::vector<double> rates(timers.size());
    for (size_t i = 0; i < timers.size(); ++i) {
      const size_t at = round % 2 == 0 ? i : timers.size() - 1 - i;
      rates[at] = timers[at].Rate();
    }
    const double limit = *std::max_element(rates.begin(), rates.end() - 1);
    values.push_back(rates.back() * 1e-9);
    best_limits.push_back(limit * 1e-9);
    shares.push_back(rates.back() / limit);
  }
  BenchResult result{
      .name = row.name, .work = candidate.work, .unit = row.unit, .formula = row.formula};
  result.value = Median(values);
  result.limit = Median(best_limits);
  result.share = Median(shares);
  result.spread = (Quantile(shares, 0.75) - Quantile(shares, 0.25)) / result.share;
  return result;
}

bool Wanted(const BenchOptions& options, std::string_view name) {
  std::string_view filter = options.filter;
  if (filter.ends_with('$')) {
    filter.remove_suffix(1);
    return name.ends_with(filter);
  }
  return name.find(filter) != std::string_view::npos;
}

void CheckShares(std::span<const BenchResult> results) {
  std::string rows;
  for (const BenchResult& result : results) {
    if (!(result.share <= kHighestShare)) {
      rows += fmt::format("{}{} ({:.3f})", rows.empty() ? "" : ", ", result.name, result.share);
    }
  }
  if (!rows.empty()) {
    throw std::runtime_error(
        fmt::format("bench: a share above {} means a wrong limit: {}", kHighestShare, rows));
  }
}

void CheckAnswer(std::string_view name, double error, double tolerance) {
  if (!(std::abs(error) <= tolerance)) {
    throw std::runtime_error(
        fmt::format("bench: {} gives a wrong answer: error {} above {}", name, error, tolerance));
  }
}

std::string BenchToText(std::span<const BenchResult> results, const BenchOptions& options) {
  const int threads = ResolveThreads(options.threads);
  std::string text = fmt::format("{}, {} of {} cores, {}\n", CpuName(), threads, HardwareThreads(),
                                 ActiveSimdTarget());
  text += fmt::format("{:40} {:>9} {:>9} {:9} {:>6} {:>7}\n", "name", "value", "limit", "unit",
                      "share", "spread");
  for (const BenchResult& result : results) {
    text += fmt::format("{:40} {:9.1f} {:9.1f} {:9} {:6.3f} {:6.1f}%\n", result.name, result.value,
                        result.limit, result.unit, result.share, 100 * result.spread);
  }
  return text;
}

std::string BenchToJson(std::span<const BenchResult> results, const BenchOptions& options) {
  nlohmann::ordered_json json;
  json["machine"] = {{"cpu", CpuName()},
                     {"cores", HardwareThreads()},
                     {"threads", ResolveThreads(options.threads)},
                     {"simd", ActiveSimdTarget()}};
  json["results"] = nlohmann::ordered_json::array();
  for (const BenchResult& result : results) {
    json["results"].push_back({{"name", result.name},
                               {"work", result.work},
                               {"value", result.value},
                               {"unit", result.unit},
                               {"limit", result.limit},
                               {"share", result.share},
                               {"spread", result.spread},
                               {"formula", result.formula}});
  }
  return json.dump(2);
}

}  // namespace rotary
