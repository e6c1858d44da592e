// For tests: the bytes of GGUF files, written without any of the code under test.
#ifndef ROTARY_IO_TEST_GGUF_H_
#define ROTARY_IO_TEST_GGUF_H_

#include <bit>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace rotary::gguf_bytes {

// Types of values.
inline constexpr uint32_t kU8 = 0, kI8 = 1, kU16 = 2, kI16 = 3, kU32 = 4, kI32 = 5, kF32 = 6,
                          kBool = 7, kString = 8, kArray = 9, kU64 = 10, kI64 = 11, kF64 = 12;

// The bytes of numbers, lowest first, as the machines that run this hold them.
template <class... T>
std::string Raw(T... values) {
  static_assert(std::endian::native == std::endian::little);
  std::string bytes;
  (bytes.append(reinterpret_cast<const char*>(&values), sizeof(T)), ...);
  return bytes;
}

inline std::string Text(std::string_view text) {
  return Raw(uint64_t{text.size()}) + std::string(text);
}

inline std::string Key(std::string_view name, uint32_t type, std::string_view value) {
  return Text(name) + Raw(type) + std::string(value);
}

inline std::string Array(uint32_t type, uint64_t count, std::string_view elements) {
  return Raw(type, count) + std::string(elements);
}

inline std::string TensorInfo(std::string_view name, const std::vector<uint64_t>& lengths,
                              uint32_t type, uint64_t offset) {
  std::string bytes = Text(name) + Raw(static_cast<uint32_t>(lengths.size()));
  for (const uint64_t length : lengths) bytes += Raw(length);
  return bytes + Raw(type, offset);
}

inline std::string Start(uint32_t version, uint64_t tensors, uint64_t keys) {
  return "GGUF" + Raw(version, tensors, keys);
}

inline std::string FileOf(const std::vector<std::string>& keys,
                          const std::vector<std::string>& tensors, std::string_view data = "",
                          size_t alignment = 32, uint32_t version = 3) {
  std::string bytes = Start(version, tensors.size(), keys.size());
  for (const std::string& key : keys) bytes += key;
  for (const std::string& tensor : tensors) bytes += tensor;
  while (bytes.size() % alignment != 0) bytes += '\0';
  return bytes + std::string(data);
}

}  // namespace rotary::gguf_bytes

#endif  // ROTARY_IO_TEST_GGUF_H_
