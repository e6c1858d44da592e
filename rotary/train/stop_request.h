// Ctrl-C as a request: the work that is under way ends at its next good moment instead of at once.
#ifndef ROTARY_TRAIN_STOP_REQUEST_H_
#define ROTARY_TRAIN_STOP_REQUEST_H_

#include <signal.h>

namespace rotary {

// While it lives, the first SIGINT or SIGTERM is noted; a second one ends the program as ever. One
// at a time.
class StopRequest {
 public:
  StopRequest();
  ~StopRequest();
  StopRequest(const StopRequest&) = delete;
  StopRequest& operator=(const StopRequest&) = delete;

  // The signal that asked to stop; 0: none did.
  static int signal();

 private:
  struct sigaction old_interrupt_;
  struct sigaction old_terminate_;
};

}  // namespace rotary

#endif  // ROTARY_TRAIN_STOP_REQUEST_H_
