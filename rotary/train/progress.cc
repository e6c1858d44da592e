#include "rotary/train/progress.h"

#include <fmt/format.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <iostream>
#include <utility>

namespace rotary {
namespace {

constexpr double kSecondsBetweenBars = 0.1;
constexpr double kSecondsBetweenLines = 10;
constexpr int kBarWidth = 24;

// Of standard error; 0 where it is no terminal.
int TerminalWidth() {
  if (isatty(STDERR_FILENO) == 0) return 0;
  winsize size{};
  if (ioctl(STDERR_FILENO, TIOCGWINSZ, &size) != 0 || size.ws_col == 0) return 80;
  return size.ws_col;
}

double WallClock() {
  return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

// "[==>     ]"
std::string Bar(double share) {
  std::string bar(kBarWidth, ' ');
  const int filled = static_cast<int>(share * kBarWidth);
  std::fill_n(bar.begin(), filled, '=');
  if (filled < kBarWidth) bar[static_cast<size_t>(filled)] = '>';
  return fmt::format("[{}]", bar);
}

}  // namespace

Progress::Progress(std::string label, int64_t total, int64_t done)
    : Progress(std::move(label), total, done, std::cerr, TerminalWidth(), WallClock) {}

Progress::Progress(std::string label, int64_t total, int64_t done, std::ostream& out, int width,
                   std::function<double()> clock)
    : label_(std::move(label)),
      total_(total),
      first_done_(done),
      out_(out),
      width_(width),
      clock_(std::move(clock)),
      start_(clock_()),
      next_(start_) {}

Progress::~Progress() { Clear(); }

void Progress::Clear() {
  if (drawn_) out_ << "\r\x1b[K" << std::flush;
  drawn_ = false;
}

void Progress::Update(int64_t done, std::string_view note) {
  const double now = clock_();
  if (now < next_ && done < total_) return;
  next_ = now + (width_ > 0 ? kSecondsBetweenBars : kSecondsBetweenLines);
  std::string line =
      fmt::format("{} {:>{}}/{}", label_, done, fmt::formatted_size("{}", total_), total_);
  if (width_ > 0)
    line += fmt::format(" {}", Bar(static_cast<double>(done) / static_cast<double>(total_)));
  if (!note.empty()) line += fmt::format("  {}", note);
  if (done > first_done_ && done < total_) {
    const double left = (now - start_) / static_cast<double>(done - first_done_) *
                        static_cast<double>(total_ - done);
    line += fmt::format("  {} left", Duration(left));
  }
  if (width_ > 0) {
    // A line that wraps could not be taken back.
    line.resize(std::min(line.size(), static_cast<size_t>(width_ - 1)));
    out_ << '\r' << line << "\x1b[K" << std::flush;
    drawn_ = true;
  } else {
    out_ << line << std::endl;
  }
}

void Progress::Line(std::string_view text) {
  Clear();
  out_ << text << std::endl;
}

std::string Duration(double seconds) {
  const auto whole = std::llround(seconds);
  if (whole < 60) return fmt::format("{} s", whole);
  if (whole < 3600) return fmt::format("{}:{:02}", whole / 60, whole % 60);
  return fmt::format("{}:{:02}:{:02}", whole / 3600, whole / 60 % 60, whole % 60);
}

}  // namespace rotary
