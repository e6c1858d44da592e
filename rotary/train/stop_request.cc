#include "rotary/train/stop_request.h"

namespace rotary {
namespace {

volatile sig_atomic_t requested = 0;

extern "C" void NoteStopRequest(int signal_number) { requested = signal_number; }

}  // namespace

StopRequest::StopRequest() {
  requested = 0;
  struct sigaction action {};
  action.sa_handler = NoteStopRequest;
  // SA_RESETHAND brings the usual end back for the second signal; SA_RESTART keeps files from
  // seeing the first.
  action.sa_flags = static_cast<int>(SA_RESETHAND) | SA_RESTART;
  sigemptyset(&action.sa_mask);
  sigaction(SIGINT, &action, &old_interrupt_);
  sigaction(SIGTERM, &action, &old_terminate_);
}

StopRequest::~StopRequest() {
  sigaction(SIGINT, &old_interrupt_, nullptr);
  sigaction(SIGTERM, &old_terminate_, nullptr);
}

int StopRequest::signal() { return requested; }

}  // namespace rotary
