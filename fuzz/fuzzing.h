// What the fuzzers share: files for the readers, and promises that are checked.
//
// A target is one source with libFuzzer's entry, LLVMFuzzerTestOneInput. For any input it returns,
// after a value whose promises hold or a documented refusal; anything else (an exception of another
// kind, a broken promise, what a sanitizer finds) ends the process, or fails the test that replays.
#ifndef ROTARY_FUZZ_FUZZING_H_
#define ROTARY_FUZZ_FUZZING_H_

#include <cstddef>
#include <cstdint>
#include <stdexcept>
#include <string_view>

#include "rotary/base/error.h"
#include "rotary/io/test_folder.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size);

namespace rotary {

// One for all inputs of a process; it goes away when the process ends by itself.
inline const TestFolder& Scratch() {
  static const TestFolder folder;
  return folder;
}

// Throws what no target catches unless `promise` holds.
inline void Promise(bool promise, std::string_view what) {
  if (!promise) throw std::logic_error(Sentence("a promise is broken: ", what));
}

// Calls `read`, which may refuse by a FileError of the form "cannot read ..".
template <class Read>
void ReadOrRefuse(const Read& read) {
  try {
    read();
  } catch (const FileError& error) {
    Promise(std::string_view(error.what()).starts_with("cannot read "), error.what());
  }
}

}  // namespace rotary

#endif  // ROTARY_FUZZ_FUZZING_H_
