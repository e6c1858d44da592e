// Ctrl-C as a request: the work that is under way ends at its next good moment instead of at once.
#ifndef ROTARY_TRAIN_STOP_REQUEST_H_
#define ROTARY_TRAIN_STOP_REQUEST_H_

#include <signal.h>

#include <cstddef>
#include <vector>

namespace rotary {

// While it lives, the first SIGINT or SIGTERM is noted; a second one ends the program as ever. One
// at a time, made on the thread that computes.
//
// The handler runs on a stack of its own: the matrix library keeps values below the stack pointer,
// where a signal would write its frame (seen with oneDNN 2.6: a heap destroyed by one Ctrl-C in
// ten on a busy machine).
class StopRequest {
 public:
  StopRequest();
  ~StopRequest();
  StopRequest(const StopRequest&) = delete;
  StopRequest& operator=(const StopRequest&) = delete;

  // The signal that asked to stop; 0: none did.
  static int signal();

 private:
  std::vector<std::byte> stack_;
  stack_t old_stack_;
  struct sigaction old_interrupt_;
  struct sigaction old_terminate_;
};

}  // namespace rotary

#endif  // ROTARY_TRAIN_STOP_REQUEST_H_
