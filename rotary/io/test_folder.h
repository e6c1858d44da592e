// For tests: a folder of their own that goes away; test_thrown.h comes with it.
#ifndef ROTARY_IO_TEST_FOLDER_H_
#define ROTARY_IO_TEST_FOLDER_H_

#include <stdlib.h>

#include <filesystem>
#include <fstream>
#include <string>
#include <string_view>

#include "rotary/base/error.h"
#include "rotary/base/test_thrown.h"

namespace rotary {

class TestFolder {
 public:
  TestFolder() {
    // In memory where there is such a place: every file that is written atomically waits for the
    // disk twice.
    for (const std::filesystem::path& parent :
         {std::filesystem::path("/dev/shm"), std::filesystem::temp_directory_path()}) {
      std::string name = (parent / "rotary_test_XXXXXX").string();
      if (mkdtemp(name.data()) == nullptr) continue;
      path_ = name;
      return;
    }
    throw FileError("cannot make a folder for a test");
  }
  ~TestFolder() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  TestFolder(const TestFolder&) = delete;
  TestFolder& operator=(const TestFolder&) = delete;

  std::filesystem::path operator/(std::string_view name) const { return path_ / name; }
  const std::filesystem::path& path() const { return path_; }
  // Writes a file without any of the code under test.
  std::filesystem::path Put(std::string_view name, std::string_view bytes) const {
    std::filesystem::path path = path_ / name;
    std::ofstream(path, std::ios::binary)
        .write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
    return path;
  }

 private:
  std::filesystem::path path_;
};

}  // namespace rotary

#endif  // ROTARY_IO_TEST_FOLDER_H_
