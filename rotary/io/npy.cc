#include "rotary/io/npy.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cstring>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace rotary {
namespace {

constexpr std::string_view kMagic = "\x93NUMPY";
constexpr size_t kVersionEnd = 8;
constexpr size_t kMaxHeader = size_t{1} << 20;  // NumPy's own stop at 64 KiB

struct Header {
  std::optional<std::string> descr;
  std::optional<bool> fortran_order;
  std::optional<std::vector<int64_t>> shape;
};

// The dictionary, whose values are of three known kinds: no more of Python than that.
class HeaderReader {
 public:
  HeaderReader(const std::filesystem::path& path, std::string_view text)
      : path_(path), text_(text) {}

  Header Read() {
    Header header;
    Expect('{');
    while (!Take('}')) {
      const std::string key = String();
      Expect(':');
      if (key == "descr" && !header.descr) {
        if (Peek() == '[') throw ReadError(path_, "a structured type; save its fields apart");
        header.descr = String();
      } else if (key == "fortran_order" && !header.fortran_order) {
        header.fortran_order = Bool();
      } else if (key == "shape" && !header.shape) {
        header.shape = Shape();
      } else {
        throw Mismatch("another key");
      }
      if (!Take(',') && Peek() != '}') throw Mismatch("a comma or a brace");
    }
    Blanks();
    if (at_ != text_.size()) throw Mismatch("the end");
    if (!header.descr || !header.fortran_order || !header.shape) {
      throw ReadError(path_, "its header lacks one of descr, fortran_order and shape");
    }
    return header;
  }

 private:
  FileError Mismatch(std::string_view wanted) const {
    return ReadError(path_, "its header wants ", wanted, " at byte ", at_,
                     " of {'descr': .., 'fortran_order': .., 'shape': ..}");
  }
  void Blanks() {
    while (at_ < text_.size() && (text_[at_] == ' ' || text_[at_] == '\n')) ++at_;
  }
  // The next that is no blank; 0 at the end.
  char Peek() {
    Blanks();
    return at_ < text_.size() ? text_[at_] : '\0';
  }
  bool Take(char c) {
    if (Peek() != c || at_ == text_.size()) return false;
    ++at_;
    return true;
  }
  void Expect(char c) {
    if (!Take(c)) throw Mismatch(std::string{'\'', c, '\''});
  }

  std::string String() {
    const char quote = Peek();
    if (quote != '\'' && quote != '"') throw Mismatch("a string");
    const size_t end = text_.find(quote, at_ + 1);
    if (end == text_.npos) throw Mismatch("the end of a string");
    std::string value(text_.substr(at_ + 1, end - at_ - 1));
    const bool is_plain =
        std::all_of(value.begin(), value.end(), [](char c) { return c >= ' ' && c <= '~'; });
    if (!is_plain || value.find('\\') != value.npos || value.size() > 64) {
      throw Mismatch("a short plain string");
    }
    at_ = end + 1;
    return value;
  }

  bool Bool() {
    Blanks();
    for (const auto& [word, value] :
         {std::pair(std::string_view("True"), true), std::pair(std::string_view("False"), false)}) {
      if (!text_.substr(at_).starts_with(word)) continue;
      at_ += word.size();
      return value;
    }
    throw Mismatch("True or False");
  }

  // (), (3,), (2, 3)
  std::vector<int64_t> Shape() {
    std::vector<int64_t> shape;
    Expect('(');
    while (!Take(')')) {
      Blanks();
      int64_t length = 0;
      const char* begin = text_.data() + at_;
      const auto parsed = std::from_chars(begin, text_.data() + text_.size(), length);
      if (parsed.ec != std::errc() || length < 0) throw Mismatch("the length of an axis");
      at_ += static_cast<size_t>(parsed.ptr - begin);
      shape.push_back(length);
      if (shape.size() > size_t{kMaxRank}) {
        throw ReadError(path_, "more than ", kMaxRank, " axes");
      }
      if (!Take(',') && Peek() != ')') throw Mismatch("a comma or ')'");
    }
    return shape;
  }

  const std::filesystem::path& path_;
  std::string_view text_;
  size_t at_ = 0;
};

DType DTypeOf(const std::filesystem::path& path, const std::string& descr) {
  constexpr std::array<std::pair<std::string_view, DType>, 9> kKnown = {
      {{"<f2", DType::kF16},
       {"<f4", DType::kF32},
       {"<f8", DType::kF64},
       {"<i4", DType::kI32},
       {"<i8", DType::kI64},
       {"<V2", DType::kBF16},
       {"|V2", DType::kBF16},
       {"V2", DType::kBF16},
       {"bfloat16", DType::kBF16}}};
  for (const auto& [name, dtype] : kKnown) {
    if (name == descr) return dtype;
  }
  if (descr.find('O') != descr.npos) {
    throw ReadError(path, "Python objects ('", descr, "'); save an array of numbers");
  }
  if (descr.starts_with('>')) {
    throw ReadError(path, "big endian ('", descr, "'); save x.astype('<", descr.substr(1), "')");
  }
  throw ReadError(path, "its dtype is '", descr,
                  "', and '<f2', '<f4', '<f8', '<i4', '<i8' and bfloat16 can be read");
}

// Bytes of `shape` elements, or nothing when they overflow; an axis of length 0 counts as 1 for the
// overflow, as it does in strides.
std::optional<uint64_t> ByteCount(const Dims& shape, DType dtype) {
  auto bytes = static_cast<int64_t>(SizeOf(dtype));
  bool empty = false;
  for (const int64_t length : shape) {
    empty = empty || length == 0;
    if (__builtin_mul_overflow(bytes, std::max<int64_t>(1, length), &bytes)) return std::nullopt;
  }
  return empty ? 0 : static_cast<uint64_t>(bytes);
}

}  // namespace

NpyFile::NpyFile(const std::filesystem::path& path) : file_(path) {
  const std::span<const std::byte> bytes = file_.bytes();
  const std::string_view text(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  if (text.starts_with("PK")) {
    throw ReadError(path, "a zip of arrays (.npz); save one by numpy.save");
  }
  if (!text.starts_with(kMagic)) {
    throw ReadError(path, "not a .npy file: it does not begin with \\x93NUMPY");
  }
  const auto byte = [&](size_t i) { return std::to_integer<size_t>(bytes[i]); };
  const size_t version = text.size() > kMagic.size() ? byte(kMagic.size()) : 0;
  const size_t length_bytes = version == 1 ? 2 : 4;
  const size_t prefix = kVersionEnd + length_bytes;
  if (text.size() < prefix) {
    throw ReadError(path, "cut short: ", text.size(), " bytes end before the header");
  }
  if (version < 1 || version > 3 || byte(kMagic.size() + 1) != 0) {
    throw ReadError(path, "version ", version, ".", byte(kMagic.size() + 1),
                    " of the format; 1.0, 2.0 and 3.0 can be read");
  }
  size_t header_size = 0;
  for (size_t i = 0; i < length_bytes; ++i) header_size |= byte(kVersionEnd + i) << (8 * i);
  if (header_size > kMaxHeader) {
    throw ReadError(path, "its header would have ", header_size, " bytes, the limit is ",
                    kMaxHeader);
  }
  if (header_size > text.size() - prefix) {
    throw ReadError(path, "cut short: the header has ", header_size, " bytes, ",
                    text.size() - prefix, " are there");
  }
  const Header header = HeaderReader(path, text.substr(prefix, header_size)).Read();
  const DType dtype = DTypeOf(path, *header.descr);
  const Dims shape{std::span<const int64_t>(*header.shape)};
  if (*header.fortran_order && shape.rank() > 1) {
    throw ReadError(path, "Fortran order; save numpy.ascontiguousarray(x)");
  }
  const size_t there = text.size() - prefix - header_size;
  const std::optional<uint64_t> wanted = ByteCount(shape, dtype);
  if (!wanted || *wanted != there) {
    throw ReadError(path, !wanted || *wanted > there ? "cut short" : "too long", ": ",
                    shape.ToString(), " of ", Name(dtype), " do not fill the ", there,
                    " bytes after the header");
  }
  const std::byte* data = bytes.data() + prefix + header_size;
  if (reinterpret_cast<uintptr_t>(data) % SizeOf(dtype) == 0) {
    view_ = {data, dtype, shape};
  } else {
    copy_ = Tensor(dtype, shape);
    if (there != 0) std::memcpy(copy_.raw(), data, there);
    view_ = copy_.const_view();
  }
}

}  // namespace rotary
