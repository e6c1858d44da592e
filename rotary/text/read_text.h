// Text files as a model trains and is judged on them.
#ifndef ROTARY_TEXT_READ_TEXT_H_
#define ROTARY_TEXT_READ_TEXT_H_

#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <string_view>

namespace rotary {

// The bytes of all files, one after the other in the order given, with nothing between them.
// Throws FileError for the first one that is missing, unreadable or empty; std::invalid_argument
// where none is given.
std::string ReadTexts(std::span<const std::filesystem::path> paths);

// Throws FileError unless `tokens`, the length of the text of `paths`, reaches `least`, naming the
// files and `purpose`: "a.txt, b.txt: too short: 12 tokens, training with context 128 needs at
// least 130".
void RequireTokens(std::span<const std::filesystem::path> paths, int64_t tokens, int64_t least,
                   std::string_view purpose);

}  // namespace rotary

#endif  // ROTARY_TEXT_READ_TEXT_H_
