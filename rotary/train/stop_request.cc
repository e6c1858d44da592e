#include "rotary/train/stop_request.h"

namespace rotary {
namespace {

volatile sig_atomic_t requested = 0;

extern "C" void NoteStopRequest(int signal_number) { requested = signal_number; }

}  // namespace

StopRequest::StopRequest() : stack_(size_t{1} << 16) {  // a frame with all registers takes 4 KiB
  requested = 0;
  stack_t stack{};
  stack.ss_sp = stack_.data();
  stack.ss_size = stack_.size();
  sigaltstack(&stack, &old_stack_);
  struct sigaction action {};
  action.sa_handler = NoteStopRequest;
  // SA_RESETHAND brings the usual end back for the second signal; SA_RESTART keeps files from
  // seeing the first.
  action.sa_flags = static_cast<int>(SA_RESETHAND) | SA_RESTART | SA_ONSTACK;
  sigemptyset(&action.sa_mask);
  sigaction(SIGINT, &action, &old_interrupt_);
  sigaction(SIGTERM, &action, &old_terminate_);
}

StopRequest::~StopRequest() {
  sigaction(SIGINT, &old_interrupt_, nullptr);
  sigaction(SIGTERM, &old_terminate_, nullptr);
  sigaltstack(&old_stack_, nullptr);
}

int StopRequest::signal() { return requested; }

}  // namespace rotary
