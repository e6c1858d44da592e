// How far a long command is: a bar that is drawn anew on a terminal, a plain line now and then
// elsewhere.
//
//   training    120/1000 [==>                     ]  loss 2.314  5210 tokens/s  1:23 left
#ifndef ROTARY_TRAIN_PROGRESS_H_
#define ROTARY_TRAIN_PROGRESS_H_

#include <cstdint>
#include <functional>
#include <ostream>
#include <string>
#include <string_view>

namespace rotary {

class Progress {
 public:
  // On standard error, by the clock on the wall.
  //   done   units of work that were done before; they do not count for the time left
  Progress(std::string label, int64_t total, int64_t done = 0);
  //   clock  seconds from any beginning
  //   width  columns of the terminal; 0: there is none
  Progress(std::string label, int64_t total, int64_t done, std::ostream& out, int width,
           std::function<double()> clock);
  // Takes the bar away.
  ~Progress();
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;

  // Shows that `done` of `total` units are done, at most ten times a second on a terminal and every
  // ten seconds elsewhere, and always the last one.
  void Update(int64_t done, std::string_view note = "");
  // A line of its own, above the bar.
  void Line(std::string_view text);

 private:
  void Clear();

  std::string label_;
  int64_t total_;
  int64_t first_done_;
  std::ostream& out_;
  int width_;
  std::function<double()> clock_;
  double start_;
  double next_;         // when to show again
  bool drawn_ = false;  // whether the last line is the bar
};

// "42 s", "1:23", "2:03:04"
std::string Duration(double seconds);

}  // namespace rotary

#endif  // ROTARY_TRAIN_PROGRESS_H_
