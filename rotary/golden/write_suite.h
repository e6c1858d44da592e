// Writing the golden vectors.
#ifndef ROTARY_GOLDEN_WRITE_SUITE_H_
#define ROTARY_GOLDEN_WRITE_SUITE_H_

#include <filesystem>

namespace rotary {

// Writes NAME.json and NAME.safetensors of every case into a new folder, all or nothing; the same
// bytes wherever and whenever. Returns the number of cases.
// Throws FileError: `folder` exists, cannot be made; std::runtime_error in a build without MPFR.
int WriteGoldenSuite(const std::filesystem::path& folder);

}  // namespace rotary

#endif  // ROTARY_GOLDEN_WRITE_SUITE_H_
