#include "rotary/io/file.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <cstdio>
#include <iostream>
#include <limits>
#include <system_error>
#include <utility>

namespace rotary {
namespace {

namespace fs = std::filesystem;

std::string Reason(int error) {
  switch (error) {
    case ENOENT:
      return "no such file or folder";
    case EACCES:
    case EPERM:
      return "permission denied";
    case EISDIR:
      return "it is a folder";
    case ENOSPC:
      return "the disk is full";
    default:
      return std::generic_category().message(error);
  }
}

FileError WriteError(const fs::path& path, std::string_view reason) {
  return FileError(Sentence("cannot write ", path.string(), ": ", reason));
}

// Closes on the way out.
class Descriptor {
 public:
  explicit Descriptor(int value) : value_(value) {}
  ~Descriptor() {
    if (value_ >= 0) close(value_);
  }
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  int get() const { return value_; }

 private:
  int value_;
};

struct stat OpenForReading(const fs::path& path, const Descriptor& file) {
  if (file.get() < 0) throw ReadError(path, Reason(errno));
  struct stat status;
  if (fstat(file.get(), &status) != 0) throw ReadError(path, Reason(errno));
  if (S_ISDIR(status.st_mode)) throw ReadError(path, Reason(EISDIR));
  return status;
}

int OpenReadOnly(const fs::path& path) { return open(path.c_str(), O_RDONLY | O_CLOEXEC); }

}  // namespace

std::string ReadFile(const fs::path& path) {
  const Descriptor file(OpenReadOnly(path));
  const struct stat status = OpenForReading(path, file);
  // The size is a first guess only: pipes and files under /proc say 0, and a file may grow. One
  // byte more than it sees the end without another round.
  constexpr size_t kChunk = size_t{1} << 16;
  std::string text(status.st_size > 0 ? static_cast<size_t>(status.st_size) + 1 : kChunk, '\0');
  size_t size = 0;
  for (;;) {
    const ssize_t got = read(file.get(), text.data() + size, text.size() - size);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) throw ReadError(path, Reason(errno));
    if (got == 0) break;
    size += static_cast<size_t>(got);
    if (size == text.size()) text.resize(2 * size);
  }
  if (size == 0) throw ReadError(path, "the file is empty");
  text.resize(size);
  return text;
}

MappedFile::MappedFile(fs::path path) : path_(std::move(path)) {
  const Descriptor file(OpenReadOnly(path_));
  const struct stat status = OpenForReading(path_, file);
  if (!S_ISREG(status.st_mode)) throw ReadError(path_, "it is not a regular file");
  if (status.st_size == 0) throw ReadError(path_, "the file is empty");
  if (static_cast<uint64_t>(status.st_size) > std::numeric_limits<size_t>::max()) {
    throw ReadError(path_, "the file is too large for this machine's addresses");
  }
  size_ = static_cast<size_t>(status.st_size);
  void* data = mmap(nullptr, size_, PROT_READ, MAP_PRIVATE, file.get(), 0);
  if (data == MAP_FAILED) throw ReadError(path_, Reason(errno));
  data_ = static_cast<const std::byte*>(data);
}

MappedFile::~MappedFile() { munmap(const_cast<std::byte*>(data_), size_); }

AtomicFile::AtomicFile(const fs::path& path) : path_(path), target_(path) {
  std::error_code error;
  if (fs::is_symlink(fs::symlink_status(path, error))) {
    target_ = fs::weakly_canonical(path, error);
    if (error) throw WriteError(path, Reason(error.value()));
  }
  struct stat existing;
  const bool exists = stat(target_.c_str(), &existing) == 0;
  if (exists && S_ISDIR(existing.st_mode)) throw WriteError(path, Reason(EISDIR));
  // A rename would replace the device itself.
  if (exists && !S_ISREG(existing.st_mode)) throw WriteError(path, "it is not a regular file");

  static std::atomic<unsigned> counter = 0;
  do {
    temporary_ =
        target_.parent_path() / Sentence(".rotary-", getpid(), "-", counter.fetch_add(1), ".tmp");
    descriptor_ = open(temporary_.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
  } while (descriptor_ < 0 && errno == EEXIST);
  if (descriptor_ < 0) throw WriteError(path, Reason(errno));
  if (exists)
    fchmod(descriptor_, existing.st_mode & 0777);  // a file of another owner keeps the default ones
}

AtomicFile::~AtomicFile() {
  if (descriptor_ >= 0) close(descriptor_);
  if (!temporary_.empty()) unlink(temporary_.c_str());
}

void AtomicFile::Fail(int error) const { throw WriteError(path_, Reason(error)); }

void AtomicFile::Write(std::span<const std::byte> bytes) {
  while (!bytes.empty()) {
    const ssize_t written = write(descriptor_, bytes.data(), bytes.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) Fail(errno);
    bytes = bytes.subspan(static_cast<size_t>(written));
  }
}

void AtomicFile::Commit() {
  if (fsync(descriptor_) != 0) Fail(errno);
  const int descriptor = std::exchange(descriptor_, -1);
  if (close(descriptor) != 0) Fail(errno);
  if (std::rename(temporary_.c_str(), target_.c_str()) != 0) Fail(errno);
  temporary_.clear();
  SyncFolder(target_.parent_path());
}

void WriteFileAtomically(const fs::path& path, std::string_view text) {
  AtomicFile file(path);
  file.Write(text);
  file.Commit();
}

AtomicFolder::AtomicFolder(fs::path path) : path_(std::move(path)) {
  std::error_code error;
  // "out/" is "out": the parent of the first would be "out".
  if (!path_.has_filename()) path_ = path_.parent_path();
  if (fs::exists(fs::symlink_status(path_, error))) throw WriteError(path_, "it exists already");
  static std::atomic<unsigned> counter = 0;
  do {
    temporary_ = path_.parent_path() /
                 Sentence(".rotary-", getpid(), "-", counter.fetch_add(1), ".folder.tmp");
    if (mkdir(temporary_.c_str(), 0777) == 0) return;
  } while (errno == EEXIST);
  const int reason = errno;
  temporary_.clear();
  throw WriteError(path_, Reason(reason));
}

AtomicFolder::~AtomicFolder() {
  std::error_code ignored;
  if (!temporary_.empty()) fs::remove_all(temporary_, ignored);
}

void AtomicFolder::Commit() {
  SyncFolder(temporary_);
  if (std::rename(temporary_.c_str(), path_.c_str()) != 0) throw WriteError(path_, Reason(errno));
  temporary_.clear();
  SyncFolder(path_.parent_path());
}

void FlushStandardOutput() {
  errno = 0;
  std::cout.flush();
  const bool flushed = std::fflush(stdout) == 0;
  if (flushed && std::cout.good() && std::ferror(stdout) == 0) return;
  // A write before this one may have failed, with a reason that is gone.
  throw WriteError("standard output", errno == 0 ? "a write failed" : Reason(errno));
}

void MakeFolder(const fs::path& path) {
  std::error_code error;
  fs::create_directories(path, error);
  if (error)
    throw FileError(Sentence("cannot make folder ", path.string(), ": ", Reason(error.value())));
}

void SyncFolder(const fs::path& path) {
  const fs::path folder = path.empty() ? fs::path(".") : path;
  const Descriptor descriptor(open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (descriptor.get() < 0) throw WriteError(folder, Reason(errno));
  // EINVAL: this file system has no such thing as syncing a folder.
  if (fsync(descriptor.get()) != 0 && errno != EINVAL) throw WriteError(folder, Reason(errno));
}

}  // namespace rotary
