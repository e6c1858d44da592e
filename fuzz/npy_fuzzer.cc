// Any bytes as a .npy file. What is read is aligned, fills the end of the file, and holds its
// bytes.
#include <cstring>

#include "fuzz/fuzzing.h"
#include "rotary/io/npy.h"

namespace rotary {
namespace {

void Run(std::string_view input) {
  ReadOrRefuse([&] {
    const NpyFile file(Scratch().Put("array.npy", input));
    const ConstTensorView& view = file.view();
    const size_t size = static_cast<size_t>(view.count()) * SizeOf(view.dtype());
    Promise(view.IsPacked(), "an array has no gaps");
    Promise(reinterpret_cast<uintptr_t>(view.data()) % SizeOf(view.dtype()) == 0,
            "a view is aligned");
    Promise(size < input.size(), "the numbers stand behind a header");
    Promise(size == 0 || std::memcmp(view.data(), input.data() + input.size() - size, size) == 0,
            "a view holds the end of the file");
  });
}

}  // namespace
}  // namespace rotary

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  rotary::Run({reinterpret_cast<const char*>(data), size});
  return 0;
}
