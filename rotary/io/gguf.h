// GGUF: what the header of a ggml model file says, read without its weights.
// Source: docs/gguf.md of the ggml project; gguf.cpp there and gguf-py of llama.cpp for what
// readers accept in practice (versions, alignment, the magic of big-endian files). In the file,
// little endian:
//
//   "GGUF"  u32 version  u64 tensors  u64 keys
//   keys     times  string key, u32 type, value       string: u64 length, bytes
//   tensors  times  string name, u32 rank, u64 lengths (fastest first), u32 type, u64 offset
//   padding to general.alignment (32 where that key is missing), then the data
//
// The file may be anybody's: each count and length is checked against the bytes that are there
// before it is used, and the limits below keep the memory for any header under 1 GiB (a header of
// 100 MB made to be among the worst took 500 MiB).
//
// All functions throw FileError, "cannot read FILE: REASON", for a file that breaks the format: cut
// short, version other than 2 and 3, big endian, a key or tensor that is there twice, a key or name
// that is not 1 to 65,535 printable ASCII characters, an unknown type of a value, a bool other than
// 0 and 1, arrays nested deeper than 8, an alignment that is no power of two, a tensor of more than
// kMaxRank axes, off the alignment or beyond the end of the file. Also for a header of more than
// 100,000,000 bytes or 1,048,576 keys, values in arrays that are kept, or tensors.
#ifndef ROTARY_IO_GGUF_H_
#define ROTARY_IO_GGUF_H_

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "rotary/base/tensor.h"
#include "rotary/io/json.h"

namespace rotary {

inline constexpr uint64_t kGgufMaxLength = 8192;             // of an array or tensor that is kept
inline constexpr uint64_t kGgufMaxText = uint64_t{1} << 20;  // bytes of a string that is kept

struct GgufTensor {
  std::string name;
  Dims shape;       // the last axis changes fastest, as in Tensor: the file's order reversed
  uint32_t type;    // as ggml numbers them; new ones appear, so that any number may stand here
  uint64_t offset;  // bytes after GgufHeader::data_offset

  // What `type` is here; nothing for blocks of quantized numbers.
  std::optional<DType> dtype() const;
};

struct GgufHeader {
  uint32_t version;
  // One flat object, {"llama.rope.freq_base": 500000.0, "general.architecture": "llama"}. What JSON
  // has no room for is changed, and JsonValue says so to whoever asks for it:
  //   NaN and infinities          the strings "nan", "inf" and "-inf"
  //   arrays > kGgufMaxLength     null (lists of tokens); the elements are not looked at
  //   strings > kGgufMaxText      null
  //   bytes that are not UTF-8    U+FFFD
  // An f32 stands as the double of the same value.
  Json metadata;
  std::vector<GgufTensor> tensors;  // in the file's order
  uint64_t data_offset;             // where the data begins in the file

  // Null where there is no such tensor.
  const GgufTensor* Find(std::string_view name) const;
};

// Where a tensor has a dtype() all of its data must be in the file, else its first byte.
GgufHeader ReadGgufHeader(const std::filesystem::path& path);
// The same of a whole file's bytes; `source` is its name in errors.
GgufHeader ParseGgufHeader(std::span<const std::byte> bytes, std::string_view source);

// The numbers of a small tensor (rope_freqs.weight), row-major, as they are stored: NaN too.
// Checked against the file as it is now, whatever `header` says. Throws FileError: there is no such
// tensor, it is not f32, f16 or bf16, it has more than kGgufMaxLength numbers, the file ends before
// it does.
std::vector<float> ReadGgufNumbers(const std::filesystem::path& path, const GgufHeader& header,
                                   std::string_view name);
std::vector<float> ParseGgufNumbers(std::span<const std::byte> bytes, std::string_view source,
                                    const GgufHeader& header, std::string_view name);

}  // namespace rotary

#endif  // ROTARY_IO_GGUF_H_
