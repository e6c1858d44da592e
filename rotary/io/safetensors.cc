#include "rotary/io/safetensors.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <optional>
#include <set>
#include <tuple>
#include <utility>

#include "rotary/io/json.h"

namespace rotary {
namespace {

constexpr size_t kPrefix = 8;                 // bytes of the header's length
constexpr uint64_t kMaxHeader = 100'000'000;  // the limit of the format's own library
constexpr std::string_view kMetadata = "__metadata__";

// A dtype of the format: as we compute with it, where we do, and its size.
struct StoredDType {
  std::string_view name;
  std::optional<DType> dtype;
  int bits;
};
constexpr std::array<StoredDType, 22> kStoredDTypes = {{{"F64", DType::kF64, 64},
                                                        {"F32", DType::kF32, 32},
                                                        {"BF16", DType::kBF16, 16},
                                                        {"F16", DType::kF16, 16},
                                                        {"I64", DType::kI64, 64},
                                                        {"I32", DType::kI32, 32},
                                                        {"U8", DType::kU8, 8},
                                                        {"BOOL", DType::kU8, 8},
                                                        {"I8", {}, 8},
                                                        {"I16", {}, 16},
                                                        {"U16", {}, 16},
                                                        {"U32", {}, 32},
                                                        {"U64", {}, 64},
                                                        {"C64", {}, 64},
                                                        {"F8_E4M3", {}, 8},
                                                        {"F8_E5M2", {}, 8},
                                                        {"F8_E4M3FNUZ", {}, 8},
                                                        {"F8_E5M2FNUZ", {}, 8},
                                                        {"F8_E8M0", {}, 8},
                                                        {"F6_E2M3", {}, 6},
                                                        {"F6_E3M2", {}, 6},
                                                        {"F4", {}, 4}}};

const StoredDType& ReadDType(const JsonValue& value) {
  const std::string& name = value.String();
  for (const StoredDType& known : kStoredDTypes) {
    if (known.name == name) return known;
  }
  throw value.Error("is no dtype of safetensors, got ", name);
}

std::string_view WrittenDType(DType dtype) {
  const auto known = std::find_if(kStoredDTypes.begin(), kStoredDTypes.end(),
                                  [&](const StoredDType& entry) { return entry.dtype == dtype; });
  return known->name;
}

Dims ReadShape(const JsonValue& value) {
  const std::vector<JsonValue> lengths = value.Array();
  if (lengths.size() > size_t{kMaxRank}) {
    throw value.Error("must have at most ", kMaxRank, " axes, got ", lengths.size());
  }
  std::array<int64_t, kMaxRank> values;
  for (size_t i = 0; i < lengths.size(); ++i) values[i] = lengths[i].Int(0);
  return Dims(std::span<const int64_t>(values.data(), lengths.size()));
}

uint64_t ReadLittleEndian64(const std::byte* bytes) {
  uint64_t value = 0;
  for (int i = 7; i >= 0; --i) value = (value << 8) | std::to_integer<uint64_t>(bytes[i]);
  return value;
}

// Bytes of `shape` elements of so many bits, or -1 when they overflow or do not fill the last byte;
// an axis of length 0 counts as 1 for the overflow, as it does in strides.
int64_t ByteCount(const Dims& shape, int element_bits) {
  int64_t bits = element_bits;
  bool empty = false;
  for (const int64_t length : shape) {
    empty = empty || length == 0;
    if (__builtin_mul_overflow(bits, std::max<int64_t>(1, length), &bits)) return -1;
  }
  if (empty) return 0;
  return bits % 8 == 0 ? bits / 8 : -1;
}

}  // namespace

SafetensorsFile::SafetensorsFile(const std::filesystem::path& path) : file_(path) {
  const std::span<const std::byte> bytes = file_.bytes();
  if (bytes.size() < kPrefix) {
    throw ReadError(path, "not a safetensors file: ", bytes.size(),
                    " bytes are less than the 8 of the header's length");
  }
  const uint64_t header_size = ReadLittleEndian64(bytes.data());
  if (header_size > kMaxHeader) {
    throw ReadError(path, "not a safetensors file: its header would have ", header_size,
                    " bytes, the limit is ", kMaxHeader);
  }
  if (header_size > bytes.size() - kPrefix) {
    throw ReadError(path, "cut short: the header has ", header_size, " bytes, ",
                    bytes.size() - kPrefix, " are there");
  }
  const auto* text = reinterpret_cast<const char*>(bytes.data()) + kPrefix;
  const JsonDocument header(std::string_view(text, header_size), path.string());
  data_begin_ = kPrefix + header_size;
  const size_t data_size = bytes.size() - data_begin_;

  for (const auto& [name, value] : header.root().Members()) {
    if (name == kMetadata) {
      for (const auto& [key, text_value] : value.Members()) metadata_[key] = text_value.String();
      continue;
    }
    const StoredDType& stored = ReadDType(value["dtype"]);
    Entry entry{.dtype_name = stored.name,
                .dtype = stored.dtype,
                .shape = ReadShape(value["shape"]),
                .begin = 0,
                .end = 0};
    const std::vector<JsonValue> offsets = value["data_offsets"].Array(2);
    const int64_t begin = offsets[0].Int(0);
    const int64_t end = offsets[1].Int(0);
    const int64_t size = ByteCount(entry.shape, stored.bits);
    if (begin > end || end - begin != size) {
      throw value.Error("has shape ", entry.shape.ToString(), " of ", stored.name,
                        ", which does not fill bytes ", begin, " to ", end);
    }
    if (static_cast<uint64_t>(end) > data_size) {
      throw ReadError(path, "cut short: ", name, " ends at byte ", end, " of the data, ", data_size,
                      " are there");
    }
    entry.begin = data_begin_ + static_cast<size_t>(begin);
    entry.end = data_begin_ + static_cast<size_t>(end);
    entries_.emplace(name, entry);
    names_.push_back(name);
  }

  // Empty tensors share their offset with a neighbour: the end decides.
  std::sort(names_.begin(), names_.end(), [&](const std::string& a, const std::string& b) {
    const Entry &x = At(a), &y = At(b);
    return std::tie(x.begin, x.end, a) < std::tie(y.begin, y.end, b);
  });
  size_t expected = data_begin_;
  for (const std::string& name : names_) {
    const Entry& entry = At(name);
    if (entry.begin != expected) {
      throw ReadError(path,
                      entry.begin < expected ? "tensors overlap: " : "bytes in no tensor: ", name,
                      " begins at byte ", entry.begin - data_begin_,
                      " of the data, the one before ends at ", expected - data_begin_);
    }
    expected = entry.end;
  }
  if (expected != bytes.size()) {
    throw ReadError(path, "bytes in no tensor: ", bytes.size() - expected, " after the last one");
  }
}

const SafetensorsFile::Entry& SafetensorsFile::At(std::string_view name) const {
  const auto entry = entries_.find(name);
  if (entry == entries_.end()) throw ReadError(path(), "there is no tensor ", name);
  return entry->second;
}

DType SafetensorsFile::dtype(std::string_view name) const {
  const Entry& entry = At(name);
  if (!entry.dtype) {
    throw ReadError(path(), name, " is ", entry.dtype_name,
                    ", which can be copied only, not computed with (that is F64, F32, BF16, F16, "
                    "I64, I32, U8 and BOOL)");
  }
  return *entry.dtype;
}

std::span<const std::byte> SafetensorsFile::bytes(std::string_view name) const {
  const Entry& entry = At(name);
  return file_.bytes().subspan(entry.begin, entry.end - entry.begin);
}

ConstTensorView SafetensorsFile::view(std::string_view name) const {
  const Entry& entry = At(name);
  const DType type = dtype(name);
  const std::byte* data = file_.bytes().data() + entry.begin;
  if (reinterpret_cast<uintptr_t>(data) % SizeOf(type) == 0) return {data, type, entry.shape};
  const std::lock_guard lock(mutex_);
  const auto [copy, is_new] = copies_.try_emplace(std::string(name));
  if (is_new) {
    copy->second = Tensor(type, entry.shape);
    std::memcpy(copy->second.raw(), data, entry.end - entry.begin);
  }
  return copy->second.const_view();
}

namespace {

// Writes the elements of `view` in row-major order, gathered into a buffer where they do not lie
// so.
void WriteElements(const ConstTensorView& view, AtomicFile& file) {
  const auto* data = static_cast<const std::byte*>(view.data());
  const size_t element = SizeOf(view.dtype());
  if (view.count() == 0) return;
  if (view.IsPacked()) return file.Write({data, static_cast<size_t>(view.count()) * element});

  constexpr size_t kBuffer = size_t{1} << 20;
  std::vector<std::byte> buffer;
  buffer.reserve(kBuffer);
  Dims index = view.shape();
  for (int axis = 0; axis < view.rank(); ++axis) index[axis] = 0;
  for (int64_t i = 0; i < view.count(); ++i) {
    int64_t offset = 0;
    for (int axis = 0; axis < view.rank(); ++axis) offset += index[axis] * view.stride(axis);
    const std::byte* source = data + offset * static_cast<int64_t>(element);
    buffer.insert(buffer.end(), source, source + element);
    if (buffer.size() + element > kBuffer) {
      file.Write(buffer);
      buffer.clear();
    }
    for (int axis = view.rank() - 1; axis >= 0 && ++index[axis] == view.shape(axis); --axis)
      index[axis] = 0;
  }
  file.Write(buffer);
}

}  // namespace

void WriteSafetensors(const std::filesystem::path& path, std::span<const NamedTensor> tensors,
                      const std::map<std::string, std::string>& metadata) {
  std::vector<const NamedTensor*> ordered;
  std::set<std::string_view> names;
  for (const NamedTensor& tensor : tensors) {
    Require(tensor.name != kMetadata, "WriteSafetensors: the name ", kMetadata, " is reserved");
    Require(names.insert(tensor.name).second, "WriteSafetensors: two tensors are named ",
            tensor.name);
    ordered.push_back(&tensor);
  }
  std::sort(ordered.begin(), ordered.end(), [](const NamedTensor* a, const NamedTensor* b) {
    const size_t a_size = SizeOf(a->view.dtype()), b_size = SizeOf(b->view.dtype());
    return a_size != b_size ? a_size > b_size : a->name < b->name;
  });

  nlohmann::ordered_json header = nlohmann::ordered_json::object();
  if (!metadata.empty()) header[std::string(kMetadata)] = metadata;
  int64_t offset = 0;
  for (const NamedTensor* tensor : ordered) {
    const ConstTensorView& view = tensor->view;
    const int64_t begin =
        std::exchange(offset, offset + view.count() * static_cast<int64_t>(SizeOf(view.dtype())));
    header[tensor->name] = {
        {"dtype", WrittenDType(view.dtype())},
        {"shape", std::vector<int64_t>(view.shape().begin(), view.shape().end())},
        {"data_offsets", {begin, offset}}};
  }
  std::string text;
  try {
    text = header.dump();
  } catch (const nlohmann::ordered_json::type_error&) {
    throw std::invalid_argument("WriteSafetensors: a name or metadata is not UTF-8");
  }
  text.append((8 - text.size() % 8) % 8, ' ');

  std::string prefix;
  for (size_t i = 0; i < kPrefix; ++i) prefix += static_cast<char>((text.size() >> (8 * i)) & 0xff);
  AtomicFile file(path);
  file.Write(prefix + text);
  for (const NamedTensor* tensor : ordered) WriteElements(tensor->view, file);
  file.Commit();
}

void RewriteSafetensors(const SafetensorsFile& file, const std::filesystem::path& path,
                        FunctionRef<void(const std::string& name, AtomicFile& out)> write) {
  AtomicFile out(path);
  out.Write(file.header());
  for (const std::string& name : file.names()) write(name, out);
  out.Commit();
}

}  // namespace rotary
