// Text files as a model trains and is judged on them.
#ifndef ROTARY_TEXT_READ_TEXT_H_
#define ROTARY_TEXT_READ_TEXT_H_

#include <cstdint>
#include <filesystem>
#include <functional>
#include <span>
#include <string>
#include <string_view>

namespace rotary {

// Is shown the bytes of a text file as it is read.
using TextVisitor = std::function<void(const std::filesystem::path& path, std::string_view bytes)>;

// The bytes of all files, one after the other in the order given, with nothing between them.
// Throws FileError for the first one that is missing, unreadable or empty; std::invalid_argument
// where none is given.
//   visit  sees each file, in order: a pipe cannot be read a second time
std::string ReadTexts(std::span<const std::filesystem::path> paths, const TextVisitor& visit = {});

// Throws FileError unless `tokens`, the length of the text of `paths`, reaches `least`, naming the
// files and `purpose`: "a.txt, b.txt: too short: 12 tokens, training with context 128 needs at
// least 130".
void RequireTokens(std::span<const std::filesystem::path> paths, int64_t tokens, int64_t least,
                   std::string_view purpose);

}  // namespace rotary

#endif  // ROTARY_TEXT_READ_TEXT_H_
