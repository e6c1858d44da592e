// Any bytes as a safetensors file. What is read lies in the file without gaps, views are aligned
// and hold the file's bytes, a rewritten file is the same to the byte, and one that is written from
// the views, with the axes turned round, reads as the same tensors turned round.
#include <cstring>
#include <string>
#include <vector>

#include "fuzz/fuzzing.h"
#include "rotary/io/safetensors.h"

namespace rotary {
namespace {

// The same elements with the axes in reverse order.
ConstTensorView Turned(const ConstTensorView& view) {
  Dims shape = view.shape(), strides = view.shape();
  for (int axis = 0; axis < view.rank(); ++axis) {
    shape[axis] = view.shape(view.rank() - 1 - axis);
    strides[axis] = view.stride(view.rank() - 1 - axis);
  }
  return {view.data(), view.dtype(), shape, strides};
}

void CheckTensors(const SafetensorsFile& file, std::string_view input) {
  size_t total = file.header().size();
  for (const std::string& name : file.names()) {
    const std::span<const std::byte> bytes = file.bytes(name);
    const std::byte* begin = file.header().data() + total;
    Promise(bytes.empty() || bytes.data() == begin, "tensors lie one after the other");
    total += bytes.size();
    Promise(total <= input.size(), "a tensor lies in the file");
    if (file.CanOnlyCopy(name)) continue;
    const ConstTensorView view = file.view(name);
    Promise(view.dtype() == file.dtype(name) && view.shape() == file.shape(name),
            "a view is of the tensor's kind");
    Promise(static_cast<size_t>(view.count()) * SizeOf(view.dtype()) == bytes.size(),
            "a shape fills its bytes");
    Promise(reinterpret_cast<uintptr_t>(view.data()) % SizeOf(view.dtype()) == 0,
            "a view is aligned");
    Promise(bytes.empty() || std::memcmp(view.data(), bytes.data(), bytes.size()) == 0,
            "a view holds the file's bytes");
  }
  Promise(total == input.size(), "no byte is in no tensor");
}

std::vector<NamedTensor> TurnedTensors(const SafetensorsFile& file) {
  std::vector<NamedTensor> tensors;
  for (const std::string& name : file.names()) {
    if (!file.CanOnlyCopy(name)) tensors.push_back({name, Turned(file.view(name))});
  }
  return tensors;
}

// Turned twice, tensors are as they were.
void CheckWriting(const SafetensorsFile& file) {
  WriteSafetensors(Scratch() / "turned", TurnedTensors(file), file.metadata());
  const SafetensorsFile turned(Scratch() / "turned");
  WriteSafetensors(Scratch() / "back", TurnedTensors(turned), turned.metadata());
  const SafetensorsFile back(Scratch() / "back");
  Promise(back.metadata() == file.metadata(), "written metadata comes back");
  for (const std::string& name : file.names()) {
    if (file.CanOnlyCopy(name)) continue;
    Promise(back.Contains(name), "every tensor is written");
    Promise(back.dtype(name) == file.dtype(name) && back.shape(name) == file.shape(name),
            "a written tensor is of the same kind");
    const auto before = file.bytes(name), after = back.bytes(name);
    Promise(before.size() == after.size() &&
                (before.empty() || std::memcmp(before.data(), after.data(), before.size()) == 0),
            "a written tensor holds the same bytes");
  }
  RewriteSafetensors(file, Scratch() / "rewritten", [&](const std::string& name, AtomicFile& out) {
    out.Write(file.bytes(name));
  });
  Promise(ReadFile(Scratch() / "rewritten") == ReadFile(file.path()),
          "a rewritten file is the same");
}

void Run(std::string_view input) {
  ReadOrRefuse([&] {
    const SafetensorsFile file(Scratch().Put("model.safetensors", input));
    CheckTensors(file, input);
    CheckWriting(file);
    Promise(!file.Contains("no such tensor"), "a name is not made up");
    file.view("no such tensor");
  });
}

}  // namespace
}  // namespace rotary

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  rotary::Run({reinterpret_cast<const char*>(data), size});
  return 0;
}
