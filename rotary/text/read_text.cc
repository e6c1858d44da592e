#include "rotary/text/read_text.h"

#include "rotary/base/error.h"
#include "rotary/io/file.h"

namespace rotary {

std::string ReadTexts(std::span<const std::filesystem::path> paths, const TextVisitor& visit) {
  Require(!paths.empty(), "text: at least one file is needed, got none");
  std::string text;
  for (const std::filesystem::path& path : paths) {
    const std::string bytes = ReadFile(path);
    if (visit) visit(path, bytes);
    text += bytes;
  }
  return text;
}

void RequireTokens(std::span<const std::filesystem::path> paths, int64_t tokens, int64_t least,
                   std::string_view purpose) {
  if (tokens >= least) return;
  std::string names;
  for (const std::filesystem::path& path : paths) {
    names += (names.empty() ? "" : ", ") + path.string();
  }
  throw FileError(
      Sentence(names, ": too short: ", tokens, " tokens, ", purpose, " needs at least ", least));
}

}  // namespace rotary
