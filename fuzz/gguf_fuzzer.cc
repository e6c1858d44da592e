// Any bytes as a GGUF file. What is read has its tensors inside the file, once each and aligned,
// and the numbers of small ones are there. The bytes lie in memory, where AddressSanitizer sees the
// end of them.
#include <set>
#include <span>
#include <string_view>

#include "fuzz/fuzzing.h"
#include "rotary/io/gguf.h"

namespace rotary {
namespace {

void CheckTensor(const GgufHeader& header, const GgufTensor& tensor, uint64_t file_size) {
  const uint64_t begin = header.data_offset + tensor.offset;
  const auto dtype = tensor.dtype();
  if (!dtype) {
    Promise(tensor.shape.Count() == 0 || begin < file_size, "a tensor begins in the file");
    return;
  }
  const auto count = static_cast<uint64_t>(tensor.shape.Count());
  const uint64_t size = count * SizeOf(*dtype);
  Promise(size == 0 || (begin <= file_size && size <= file_size - begin),
          "a tensor lies in the file");
}

void Run(std::string_view input) {
  const std::span<const std::byte> bytes = std::as_bytes(std::span(input));
  ReadOrRefuse([&] {
    const GgufHeader header = ParseGgufHeader(bytes, "model.gguf");
    Promise(header.version == 2 || header.version == 3, "the version is one that is read");
    // This throws for text that is not UTF-8.
    Promise(header.metadata.is_object() && !header.metadata.dump().empty(), "metadata is JSON");
    std::set<std::string_view> names;
    for (const GgufTensor& tensor : header.tensors) {
      Promise(names.insert(tensor.name).second, "a name is there once");
      Promise(header.Find(tensor.name) == &tensor, "a tensor is found");
      CheckTensor(header, tensor, input.size());
      ReadOrRefuse([&] {
        const size_t numbers = ParseGgufNumbers(bytes, "model.gguf", header, tensor.name).size();
        Promise(numbers == static_cast<size_t>(tensor.shape.Count()), "a tensor has its numbers");
      });
    }
    ParseGgufNumbers(bytes, "model.gguf", header, "no such tensor");
  });
}

}  // namespace
}  // namespace rotary

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  rotary::Run({reinterpret_cast<const char*>(data), size});
  return 0;
}
