// Properties: files come back byte for byte; a write is seen whole or not at all, whatever fails;
// each failure is a FileError with its exact sentence.
#include "rotary/io/file.h"

#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <thread>

#include "gtest/gtest.h"
#include "rotary/io/test_folder.h"

namespace rotary {
namespace {

namespace fs = std::filesystem;

std::string AsString(std::span<const std::byte> bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

size_t FilesIn(const fs::path& folder) {
  return static_cast<size_t>(
      std::distance(fs::directory_iterator(folder), fs::directory_iterator()));
}

TEST(FileTest, ReadsWhatWasWritten) {
  const TestFolder folder;
  std::string bytes;
  for (int i = 0; i < 200'001; ++i) bytes += static_cast<char>(i * 31);
  WriteFileAtomically(folder / "a", bytes);
  EXPECT_EQ(ReadFile(folder / "a"), bytes);
  EXPECT_EQ(AsString(MappedFile(folder / "a").bytes()), bytes);
  EXPECT_EQ(FilesIn(folder.path()), 1u);
}

TEST(FileTest, ReadsPipesUntilTheyEnd) {
  const TestFolder folder;
  const fs::path path = folder / "pipe";
  ASSERT_EQ(mkfifo(path.c_str(), 0600), 0);
  const std::string bytes(300'000, 'x');  // more than a pipe holds and more than the first guess
  std::thread writer([&] { std::ofstream(path) << bytes; });
  const std::string got = ReadFile(path);
  writer.join();
  EXPECT_EQ(got, bytes);
  EXPECT_EQ(Thrown([&] { AtomicFile file(path); }),
            "cannot write " + path.string() + ": it is not a regular file");
}

TEST(FileTest, EveryReadErrorHasItsSentence) {
  const TestFolder folder;
  const std::string missing = (folder / "missing").string();
  const std::string empty = folder.Put("empty", "").string();
  const std::string here = folder.path().string();
  struct Case {
    std::string path, reason;
  };
  for (const Case& c : {Case{missing, "no such file or folder"}, Case{empty, "the file is empty"},
                        Case{here, "it is a folder"}, Case{empty + "/x", "Not a directory"}}) {
    const std::string sentence = "cannot read " + c.path + ": " + c.reason;
    EXPECT_EQ(Thrown([&] { ReadFile(c.path); }), sentence);
    EXPECT_EQ(Thrown([&] { MappedFile file(c.path); }), sentence);
  }
  EXPECT_EQ(Thrown([] { MappedFile file("/dev/null"); }),
            "cannot read /dev/null: it is not a regular file");
  // Opens, and then fails to read: address 0 is in no map.
  EXPECT_EQ(Thrown([] { ReadFile("/proc/self/mem"); }),
            "cannot read /proc/self/mem: Input/output error");
}

TEST(FileTest, PermissionsAreKeptAndRespected) {
  const TestFolder folder;
  const fs::path secret = folder.Put("secret", "x");
  ASSERT_EQ(chmod(secret.c_str(), 0600), 0);
  WriteFileAtomically(secret, "y");
  struct stat status;
  ASSERT_EQ(stat(secret.c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 0777u, 0600u);

  // The super-user may read everything: become nobody for a moment.
  ASSERT_EQ(chmod(secret.c_str(), 0), 0);
  ASSERT_EQ(chmod(folder.path().c_str(), 0555), 0);
  const bool root = geteuid() == 0;
  ASSERT_TRUE(!root || seteuid(65534) == 0);
  const std::string reading = Thrown([&] { ReadFile(secret); });
  const std::string writing = Thrown([&] { AtomicFile file(folder / "new"); });
  ASSERT_TRUE(!root || seteuid(0) == 0);
  ASSERT_EQ(chmod(folder.path().c_str(), 0755), 0);
  EXPECT_EQ(reading, "cannot read " + secret.string() + ": permission denied");
  EXPECT_EQ(writing, "cannot write " + (folder / "new").string() + ": permission denied");
}

TEST(AtomicFileTest, WithoutCommitTheOldFileStays) {
  const TestFolder folder;
  const fs::path path = folder.Put("a", "old");
  {
    AtomicFile file(path);
    file.Write("new");
    EXPECT_EQ(ReadFile(path), "old");
  }
  EXPECT_EQ(ReadFile(path), "old");
  EXPECT_EQ(FilesIn(folder.path()), 1u);
}

// The limit on a file's size stands for a full disk: write() stores a part and then refuses.
TEST(AtomicFileTest, WhenTheDiskRefusesNothingChanges) {
  const TestFolder folder;
  const fs::path path = folder.Put("a", "old");
  rlimit before;
  ASSERT_EQ(getrlimit(RLIMIT_FSIZE, &before), 0);
  const rlimit small = {.rlim_cur = 4096, .rlim_max = before.rlim_max};
  const auto previous = signal(SIGXFSZ, SIG_IGN);
  ASSERT_EQ(setrlimit(RLIMIT_FSIZE, &small), 0);
  const std::string sentence = Thrown([&] { WriteFileAtomically(path, std::string(10'000, 'x')); });
  ASSERT_EQ(setrlimit(RLIMIT_FSIZE, &before), 0);
  signal(SIGXFSZ, previous);
  EXPECT_EQ(sentence, "cannot write " + path.string() + ": File too large");
  EXPECT_EQ(ReadFile(path), "old");
  EXPECT_EQ(FilesIn(folder.path()), 1u);
}

TEST(AtomicFileTest, EveryWriteErrorHasItsSentence) {
  const TestFolder folder;
  const std::string nowhere = (folder / "no/such/file").string();
  EXPECT_EQ(Thrown([&] { AtomicFile file(nowhere); }),
            "cannot write " + nowhere + ": no such file or folder");
  EXPECT_EQ(Thrown([&] { AtomicFile file(folder.path()); }),
            "cannot write " + folder.path().string() + ": it is a folder");
  EXPECT_EQ(Thrown([] { AtomicFile file("/dev/null"); }),
            "cannot write /dev/null: it is not a regular file");
  EXPECT_EQ(FilesIn(folder.path()), 0u);
  const std::string file = folder.Put("file", "x").string();
  EXPECT_EQ(Thrown([&] { MakeFolder(file + "/below"); }),
            "cannot make folder " + file + "/below: Not a directory");
}

TEST(AtomicFileTest, FollowsLinksAndWritesToTheCurrentFolder) {
  const TestFolder folder;
  const fs::path real = folder.Put("real", "old");
  fs::create_symlink("real", folder / "link");
  WriteFileAtomically(folder / "link", "new");
  EXPECT_TRUE(fs::is_symlink(folder / "link"));
  EXPECT_EQ(ReadFile(real), "new");

  const fs::path before = fs::current_path();
  fs::current_path(folder.path());
  WriteFileAtomically("plain", "here");
  fs::current_path(before);
  EXPECT_EQ(ReadFile(folder / "plain"), "here");
}

TEST(AtomicFolderTest, AppearsAsAWholeOrNotAtAll) {
  const TestFolder folder;
  {
    AtomicFolder made((folder / "made").string() + "/");
    WriteFileAtomically(made.folder() / "file", "here");
    EXPECT_FALSE(fs::exists(folder / "made"));
    made.Commit();
  }
  EXPECT_EQ(ReadFile(folder / "made" / "file"), "here");
  {
    AtomicFolder dropped(folder / "dropped");
    WriteFileAtomically(dropped.folder() / "file", "gone");
  }
  EXPECT_EQ(FilesIn(folder.path()), 1u);
  const std::string there = (folder / "made").string();
  EXPECT_EQ(Thrown([&] { AtomicFolder again(there); }),
            "cannot write " + there + ": it exists already");
  const std::string nowhere = (folder / "no/such").string();
  EXPECT_EQ(Thrown([&] { AtomicFolder below(nowhere); }),
            "cannot write " + nowhere + ": no such file or folder");
}

}  // namespace
}  // namespace rotary
