// Safetensors: named tensors in one file, read by memory map, written by streaming.
// Source: the format's description in the safetensors project: 8 bytes of header length (little
// endian), a JSON header
//   {"name": {"dtype": "F32", "shape": [2, 3], "data_offsets": [0, 24]}, "__metadata__": {"format":
//   "pt"}}
// and the data, to which the offsets are relative, without gaps.
#ifndef ROTARY_IO_SAFETENSORS_H_
#define ROTARY_IO_SAFETENSORS_H_

#include <filesystem>
#include <map>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "rotary/base/function_ref.h"
#include "rotary/base/tensor.h"
#include "rotary/io/file.h"

namespace rotary {

// Computes with the dtypes F64 F32 BF16 F16 I64 I32 U8 and BOOL, which comes as kU8. Tensors of the
// format's others (I8, F8_E4M3, F4, ..) have their shape and their bytes, so that a file with them
// can be rewritten. At most kMaxRank axes.
// Safe to share between threads.
class SafetensorsFile {
 public:
  // Checks the whole header against the bytes that are there.
  // Throws FileError: as MappedFile does, and for a file that breaks the format or holds a
  // dtype that the format does not have, in one sentence.
  explicit SafetensorsFile(const std::filesystem::path& path);

  const std::filesystem::path& path() const { return file_.path(); }
  // In the order of their data.
  const std::vector<std::string>& names() const { return names_; }
  bool Contains(std::string_view name) const { return entries_.contains(name); }
  const std::map<std::string, std::string>& metadata() const { return metadata_; }
  // What stands before the data: the header's length and the header.
  std::span<const std::byte> header() const { return file_.bytes().first(data_begin_); }

  // Without reading the data. Throw FileError where there is no such tensor; dtype() also where it
  // is of a dtype that can be copied only.
  DType dtype(std::string_view name) const;
  // As the file writes it: "BF16", "F8_E4M3".
  std::string_view dtype_name(std::string_view name) const { return At(name).dtype_name; }
  bool CanOnlyCopy(std::string_view name) const { return !At(name).dtype; }
  const Dims& shape(std::string_view name) const { return At(name).shape; }

  // The data, valid as long as this object: in the map, or, where the map holds it unaligned for
  // its dtype, in a copy made at the first call. Throws FileError as dtype() does.
  ConstTensorView view(std::string_view name) const;
  // The same as bytes in the map. Throws FileError where there is no such tensor.
  std::span<const std::byte> bytes(std::string_view name) const;

 private:
  struct Entry {
    std::string_view dtype_name;
    std::optional<DType> dtype;  // nothing: can be copied only
    Dims shape;
    size_t begin, end;  // in the file
  };
  const Entry& At(std::string_view name) const;

  MappedFile file_;
  size_t data_begin_ = 0;
  std::map<std::string, Entry, std::less<>> entries_;
  std::vector<std::string> names_;
  std::map<std::string, std::string> metadata_;
  mutable std::mutex mutex_;  // guards copies_
  mutable std::map<std::string, Tensor, std::less<>> copies_;
};

struct NamedTensor {
  std::string name;
  ConstTensorView view;  // any strides
};

// Writes `tensors` to `path`, replacing what was there only when all of it is on the disk. The data
// begins at a multiple of 8 bytes and wider dtypes come first, so that every tensor is aligned in a
// map; equal inputs give equal bytes. Throws std::invalid_argument for a name that is used twice,
// reserved or not UTF-8, FileError as AtomicFile does.
void WriteSafetensors(const std::filesystem::path& path, std::span<const NamedTensor> tensors,
                      const std::map<std::string, std::string>& metadata = {});

// Writes a copy of `file` to `path` in which the bytes of some tensors are others: names, dtypes,
// shapes, order and metadata stay, to the byte. `path` may be that of `file`. Holds no tensor in
// memory.
//   write  called for each tensor in the order of the data; writes file.bytes(name).size() bytes,
//          its own or those that came
// Throws FileError as AtomicFile does, and what `write` throws; nothing is written then.
void RewriteSafetensors(const SafetensorsFile& file, const std::filesystem::path& path,
                        FunctionRef<void(const std::string& name, AtomicFile& out)> write);

}  // namespace rotary

#endif  // ROTARY_IO_SAFETENSORS_H_
