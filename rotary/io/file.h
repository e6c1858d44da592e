// Reading files whole or by memory map, and writing them so that a reader sees the old bytes or the
// new ones, never a part.
//
// Errors are FileErrors of one form: "cannot read PATH: REASON" and "cannot write PATH: REASON".
#ifndef ROTARY_IO_FILE_H_
#define ROTARY_IO_FILE_H_

#include <cstddef>
#include <filesystem>
#include <span>
#include <string>
#include <string_view>

#include "rotary/base/error.h"

namespace rotary {

// Joins `parts` into the reason why `path` could not be read.
template <class... Parts>
FileError ReadError(const std::filesystem::path& path, const Parts&... parts) {
  return FileError(Sentence("cannot read ", path.string(), ": ", parts...));
}

// Reads all bytes; pipes and devices too, until they end.
// Throws FileError: missing, a folder, not permitted, empty, a read that fails.
std::string ReadFile(const std::filesystem::path& path);

// A file's bytes without reading them first. The file must not be cut short while it is mapped (the
// system would kill the process at the first access beyond its end); AtomicFile replaces files and
// so never does that.
class MappedFile {
 public:
  // Throws FileError as ReadFile does, and for anything but a regular file.
  explicit MappedFile(std::filesystem::path path);
  ~MappedFile();
  MappedFile(const MappedFile&) = delete;
  MappedFile& operator=(const MappedFile&) = delete;

  const std::filesystem::path& path() const { return path_; }
  std::span<const std::byte> bytes() const { return {data_, size_}; }

 private:
  std::filesystem::path path_;
  const std::byte* data_ = nullptr;
  size_t size_ = 0;
};

// Writes under a temporary name in the same folder; Commit() syncs and renames it. Without Commit()
// (an exception, an error) the temporary file goes away and what was at `path` stays as it was.
// Only a killed process leaves one behind, named .rotary-*.tmp. A symbolic link is followed, an
// existing file's permissions are kept.
class AtomicFile {
 public:
  // Throws FileError: the folder is missing or not writable, `path` is a folder or a device.
  explicit AtomicFile(const std::filesystem::path& path);
  ~AtomicFile();
  AtomicFile(const AtomicFile&) = delete;
  AtomicFile& operator=(const AtomicFile&) = delete;

  // Both throw FileError when the disk is full or fails; nothing but destruction makes sense then.
  void Write(std::span<const std::byte> bytes);
  void Write(std::string_view text) { Write(std::as_bytes(std::span(text))); }
  // Once, after the last Write.
  void Commit();

 private:
  [[noreturn]] void Fail(int error) const;

  std::filesystem::path path_;  // as errors show it
  std::filesystem::path target_;
  std::filesystem::path temporary_;
  int descriptor_ = -1;
};

// The whole of AtomicFile in one call.
void WriteFileAtomically(const std::filesystem::path& path, std::string_view text);

// A folder that comes into being as a whole: files go into folder(), which becomes `path` at
// Commit(). Without Commit() it goes away with all that is in it.
class AtomicFolder {
 public:
  // Throws FileError: there is something at `path`, its parent is missing or not writable.
  explicit AtomicFolder(std::filesystem::path path);
  ~AtomicFolder();
  AtomicFolder(const AtomicFolder&) = delete;
  AtomicFolder& operator=(const AtomicFolder&) = delete;

  const std::filesystem::path& folder() const { return temporary_; }
  // Once, after the last file, each of which must be on the disk. Throws FileError.
  void Commit();

 private:
  std::filesystem::path path_;
  std::filesystem::path temporary_;
};

// Sends on what was printed to standard output, by the C library or C++ streams. Throws FileError
// where not all of it arrived: a full disk, a closed output.
void FlushStandardOutput();

// Makes `path` and its parents where they are missing. Throws FileError.
void MakeFolder(const std::filesystem::path& path);

// Makes the names in a folder survive a power cut: AtomicFile does this for its own. Throws
// FileError.
void SyncFolder(const std::filesystem::path& path);

}  // namespace rotary

#endif  // ROTARY_IO_FILE_H_
