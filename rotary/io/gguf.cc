#include "rotary/io/gguf.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <set>

#include "rotary/io/file.h"

namespace rotary {
namespace {

// Real headers stay below 20 MB: a vocabulary and its merges.
constexpr uint64_t kMaxHeader = 100'000'000;
// Of keys, of tensors and of values in arrays that are kept.
constexpr uint64_t kMaxCount = uint64_t{1} << 20;
constexpr uint64_t kMaxName = 65'535;
constexpr int kMaxDepth = 8;
constexpr uint64_t kDefaultAlignment = 32;
// The fewest bytes that a key with its value and a tensor's entry can have.
constexpr uint64_t kLeastKey = 8 + 1 + 4 + 1;
constexpr uint64_t kLeastTensor = 8 + 1 + 4 + 4 + 8;

// Types of metadata.
enum class ValueType : uint32_t {
  kU8 = 0,
  kI8 = 1,
  kU16 = 2,
  kI16 = 3,
  kU32 = 4,
  kI32 = 5,
  kF32 = 6,
  kBool = 7,
  kString = 8,
  kArray = 9,
  kU64 = 10,
  kI64 = 11,
  kF64 = 12,
};

// The bytes of a value, or the fewest that it can have; 0 for an unknown type.
uint64_t LeastBytes(ValueType type) {
  switch (type) {
    case ValueType::kU8:
    case ValueType::kI8:
    case ValueType::kBool:
      return 1;
    case ValueType::kU16:
    case ValueType::kI16:
      return 2;
    case ValueType::kU32:
    case ValueType::kI32:
    case ValueType::kF32:
      return 4;
    case ValueType::kU64:
    case ValueType::kI64:
    case ValueType::kF64:
      return 8;
    case ValueType::kString:
      return 8;  // its length
    case ValueType::kArray:
      return 12;  // the type and number of its elements
  }
  return 0;
}

// A little-endian number on any machine.
template <class T>
T LittleEndian(const std::byte* bytes) {
  uint64_t value = 0;
  for (size_t i = sizeof(T); i-- > 0;) value = (value << 8) | std::to_integer<uint64_t>(bytes[i]);
  if constexpr (sizeof(T) == 8) return std::bit_cast<T>(value);
  if constexpr (sizeof(T) == 4) return std::bit_cast<T>(static_cast<uint32_t>(value));
  if constexpr (sizeof(T) == 2) return std::bit_cast<T>(static_cast<uint16_t>(value));
  if constexpr (sizeof(T) == 1) return std::bit_cast<T>(static_cast<uint8_t>(value));
}

std::string_view AsText(std::span<const std::byte> bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

Json JsonNumber(double value) {
  if (std::isnan(value)) return "nan";
  if (std::isinf(value)) return value > 0 ? "inf" : "-inf";
  return value;
}

Json JsonText(std::string_view text) {
  // The way there and back through text is where the bytes that are not UTF-8 are replaced.
  return Json::parse(Json(text).dump(-1, ' ', false, Json::error_handler_t::replace));
}

// Bytes of `shape` elements of `element` bytes each, or nothing when they overflow; a length of 0
// counts as 1 for that, as it does in strides.
std::optional<uint64_t> ByteCount(const Dims& shape, size_t element) {
  auto bytes = static_cast<int64_t>(element);
  bool empty = false;
  for (const int64_t length : shape) {
    empty = empty || length == 0;
    if (__builtin_mul_overflow(bytes, std::max<int64_t>(1, length), &bytes)) return std::nullopt;
  }
  return empty ? 0 : static_cast<uint64_t>(bytes);
}

class Parser {
 public:
  Parser(std::span<const std::byte> bytes, std::string_view source)
      : bytes_(bytes), source_(source) {}

  GgufHeader Parse() {
    GgufHeader header;
    header.version = Version();
    const auto tensors = Number<uint64_t>();
    const auto keys = Number<uint64_t>();
    CheckCount(keys, kLeastKey, "keys");
    CheckCount(tensors, kLeastTensor, "tensors");
    header.metadata = Metadata(keys);
    const uint64_t alignment = Alignment(header.metadata);
    for (uint64_t i = 0; i < tensors; ++i) {
      place_ = Sentence("tensor ", i);
      header.tensors.push_back(TensorEntry());
    }
    // Every entry has been read: where the data begins is known only now.
    header.data_offset = pos_ + (alignment - pos_ % alignment) % alignment;
    for (const GgufTensor& tensor : header.tensors) {
      CheckData(tensor, header.data_offset, alignment);
    }
    return header;
  }

 private:
  template <class... Parts>
  FileError Error(const Parts&... parts) const {
    return FileError(Sentence("cannot read ", source_, ": ", Shortened(place_), ": ", parts...));
  }

  uint64_t Left() const { return bytes_.size() - pos_; }

  std::span<const std::byte> Take(uint64_t count) {
    if (count > Left()) {
      throw Error("cut short: ", count, " bytes from byte ", pos_, " on, ", Left(), " are there");
    }
    if (count > kMaxHeader - pos_) throw Error("the header is longer than ", kMaxHeader, " bytes");
    const auto taken = bytes_.subspan(pos_, count);
    pos_ += count;
    return taken;
  }

  template <class T>
  T Number() {
    return LittleEndian<T>(Take(sizeof(T)).data());
  }

  void CheckCount(uint64_t count, uint64_t least, std::string_view what) const {
    if (count > Left() / least) {
      throw Error("cut short: ", count, " ", what, " do not fit in the ", Left(),
                  " bytes that follow");
    }
    if (count > kMaxCount) throw Error(count, " ", what, ", the limit is ", kMaxCount);
  }

  uint32_t Version() {
    place_ = "not a GGUF file";
    const std::string_view magic = AsText(Take(4));
    const bool big_magic = magic == "FUGG";
    if (magic != "GGUF" && !big_magic) throw Error("it does not begin with the letters GGUF");
    place_ = "the header";
    const auto version = Number<uint32_t>();
    // Older writers keep the magic: a small version then has its bytes at the other end.
    if (big_magic || (version != 0 && (version & 0xffff) == 0)) {
      throw Error("big-endian GGUF is not supported");
    }
    if (version != 2 && version != 3) throw Error("the version must be 2 or 3, got ", version);
    return version;
  }

  // The name of a key or tensor; errors are about it from here on.
  std::string_view Name() {
    const std::string_view name = AsText(Take(Number<uint64_t>()));
    const bool printable =
        std::all_of(name.begin(), name.end(), [](char c) { return c >= ' ' && c <= '~'; });
    if (name.empty() || name.size() > kMaxName || !printable) {
      throw Error("the name must be 1 to ", kMaxName, " printable ASCII characters");
    }
    place_ = name;
    return name;
  }

  Json Metadata(uint64_t keys) {
    Json metadata = Json::object();
    for (uint64_t i = 0; i < keys; ++i) {
      place_ = Sentence("key ", i);
      const std::string key(Name());
      if (metadata.contains(key)) throw Error("there twice");
      metadata[key] = Value(Type(), 0);
    }
    return metadata;
  }

  ValueType Type() {
    const auto type = static_cast<ValueType>(Number<uint32_t>());
    if (LeastBytes(type) == 0) {
      throw Error("the type of a value must be 0 to 12, got ", static_cast<uint32_t>(type));
    }
    return type;
  }

  Json Value(ValueType type, int depth) {
    switch (type) {
      case ValueType::kU8:
        return Number<uint8_t>();
      case ValueType::kI8:
        return Number<int8_t>();
      case ValueType::kU16:
        return Number<uint16_t>();
      case ValueType::kI16:
        return Number<int16_t>();
      case ValueType::kU32:
        return Number<uint32_t>();
      case ValueType::kI32:
        return Number<int32_t>();
      case ValueType::kF32:
        return JsonNumber(Number<float>());
      case ValueType::kBool: {
        const auto value = Number<uint8_t>();
        if (value > 1) throw Error("a bool must be 0 or 1, got ", int{value});
        return value == 1;
      }
      case ValueType::kString: {
        const std::string_view text = AsText(Take(Number<uint64_t>()));
        return text.size() <= kGgufMaxText ? JsonText(text) : Json();
      }
      case ValueType::kArray:
        return Array(depth + 1);
      case ValueType::kU64:
        return Number<uint64_t>();
      case ValueType::kI64:
        return Number<int64_t>();
      case ValueType::kF64:
        return JsonNumber(Number<double>());
    }
    return {};  // Type() lets no other pass
  }

  // The type and number of an array's elements, checked.
  struct ArrayHead {
    ValueType type;
    uint64_t count;
  };
  ArrayHead Head(int depth) {
    if (depth > kMaxDepth) throw Error("arrays are nested deeper than ", kMaxDepth);
    const ValueType type = Type();
    const auto count = Number<uint64_t>();
    if (count > Left() / LeastBytes(type)) {
      throw Error("cut short: an array of ", count, " does not fit in the ", Left(),
                  " bytes that follow");
    }
    return {type, count};
  }

  Json Array(int depth) {
    const ArrayHead head = Head(depth);
    if (head.count > kGgufMaxLength) {
      SkipElements(head, depth);
      return {};
    }
    kept_ += head.count;
    if (kept_ > kMaxCount) throw Error("more than ", kMaxCount, " values in arrays");
    Json array = Json::array();
    for (uint64_t i = 0; i < head.count; ++i) array.push_back(Value(head.type, depth));
    return array;
  }

  void SkipElements(const ArrayHead& head, int depth) {
    if (head.type == ValueType::kString) {
      for (uint64_t i = 0; i < head.count; ++i) Take(Number<uint64_t>());
    } else if (head.type == ValueType::kArray) {
      for (uint64_t i = 0; i < head.count; ++i) SkipElements(Head(depth + 1), depth + 1);
    } else {
      Take(head.count * LeastBytes(head.type));
    }
  }

  uint64_t Alignment(const Json& metadata) {
    constexpr std::string_view kKey = "general.alignment";
    const auto alignment = JsonValue(metadata, source_).Find(kKey);
    if (!alignment) return kDefaultAlignment;
    const auto value = static_cast<uint64_t>(alignment->Int(1, int64_t{1} << 31));
    if (!std::has_single_bit(value)) {
      throw alignment->Error("must be a power of two, got ", value);
    }
    return value;
  }

  GgufTensor TensorEntry() {
    GgufTensor tensor;
    const std::string_view name = Name();
    if (!names_.insert(name).second) throw Error("there twice");
    tensor.name = name;
    const auto rank = Number<uint32_t>();
    if (rank > uint32_t{kMaxRank}) throw Error("must have at most ", kMaxRank, " axes, got ", rank);
    std::vector<int64_t> lengths(rank);
    for (int64_t& length : lengths) {
      length = Number<int64_t>();
      if (length < 0) throw Error("an axis is longer than a 63-bit number can say");
    }
    std::reverse(lengths.begin(), lengths.end());
    tensor.shape = Dims(lengths);
    tensor.type = Number<uint32_t>();
    tensor.offset = Number<uint64_t>();
    return tensor;
  }

  void CheckData(const GgufTensor& tensor, uint64_t data_offset, uint64_t alignment) {
    place_ = tensor.name;
    const uint64_t data_size = bytes_.size() - std::min<uint64_t>(bytes_.size(), data_offset);
    const auto dtype = tensor.dtype();
    const auto size = ByteCount(tensor.shape, dtype ? SizeOf(*dtype) : 1);
    if (!size) throw Error("shape ", tensor.shape.ToString(), " is too large");
    if (tensor.offset % alignment != 0) {
      throw Error("offset ", tensor.offset, " is not a multiple of the alignment, ", alignment);
    }
    // Of blocks whose size is unknown only the first byte: they may be smaller than one byte for
    // each number.
    const uint64_t needed = dtype ? *size : std::min<uint64_t>(1, *size);
    if (tensor.offset > data_size || needed > data_size - tensor.offset) {
      throw Error("cut short: ", dtype ? "" : "at least ", needed, " bytes from byte ",
                  tensor.offset, " of the data on, the data has ", data_size);
    }
  }

  std::span<const std::byte> bytes_;
  std::string source_;
  uint64_t pos_ = 0;
  uint64_t kept_ = 0;                 // values in arrays
  std::set<std::string_view> names_;  // of tensors, in bytes_
  std::string place_;                 // what is being read, for errors
};

}  // namespace

std::optional<DType> GgufTensor::dtype() const {
  switch (type) {
    case 0:
      return DType::kF32;
    case 1:
      return DType::kF16;
    case 26:
      return DType::kI32;
    case 27:
      return DType::kI64;
    case 28:
      return DType::kF64;
    case 30:
      return DType::kBF16;
    default:
      return std::nullopt;
  }
}

const GgufTensor* GgufHeader::Find(std::string_view name) const {
  const auto tensor = std::find_if(tensors.begin(), tensors.end(),
                                   [&](const GgufTensor& entry) { return entry.name == name; });
  return tensor == tensors.end() ? nullptr : &*tensor;
}

GgufHeader ParseGgufHeader(std::span<const std::byte> bytes, std::string_view source) {
  return Parser(bytes, source).Parse();
}

GgufHeader ReadGgufHeader(const std::filesystem::path& path) {
  return ParseGgufHeader(MappedFile(path).bytes(), path.string());
}

std::vector<float> ParseGgufNumbers(std::span<const std::byte> bytes, std::string_view source,
                                    const GgufHeader& header, std::string_view name) {
  const GgufTensor* tensor = header.Find(name);
  if (tensor == nullptr) throw ReadError(source, "there is no tensor ", name);
  const auto dtype = tensor->dtype();
  if (dtype != DType::kF32 && dtype != DType::kF16 && dtype != DType::kBF16) {
    throw ReadError(source, name, " must be f32, f16 or bf16 (types 0, 1 and 30), got type ",
                    tensor->type);
  }
  const auto count = ByteCount(tensor->shape, 1);
  if (!count || *count > kGgufMaxLength) {
    throw ReadError(source, name, " has shape ", tensor->shape.ToString(), ", more than ",
                    kGgufMaxLength, " numbers");
  }
  const uint64_t size = *count * SizeOf(*dtype);
  const uint64_t after_header = bytes.size() - std::min<uint64_t>(bytes.size(), header.data_offset);
  if (tensor->offset > after_header || size > after_header - tensor->offset) {
    throw ReadError(source, "cut short: ", name, " has ", size, " bytes from byte ", tensor->offset,
                    " of the data on, the data has ", after_header);
  }
  std::vector<float> numbers(*count);
  const std::byte* data = bytes.data() + header.data_offset + tensor->offset;
  for (float& number : numbers) {
    if (dtype == DType::kF32) number = LittleEndian<float>(data);
    if (dtype == DType::kF16) number = ToFloat(F16{LittleEndian<uint16_t>(data)});
    if (dtype == DType::kBF16) number = ToFloat(BF16{LittleEndian<uint16_t>(data)});
    data += SizeOf(*dtype);
  }
  return numbers;
}

std::vector<float> ReadGgufNumbers(const std::filesystem::path& path, const GgufHeader& header,
                                   std::string_view name) {
  return ParseGgufNumbers(MappedFile(path).bytes(), path.string(), header, name);
}

}  // namespace rotary
