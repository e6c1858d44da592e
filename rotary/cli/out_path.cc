#include "rotary/cli/out_path.h"

#include <system_error>

#include "rotary/base/error.h"

namespace rotary {
namespace {

namespace fs = std::filesystem;

// Whether both are there and the same.
bool IsSame(const fs::path& a, const fs::path& b) {
  std::error_code missing;
  return fs::equivalent(a, b, missing) && !missing;
}

bool IsOfCheckpoint(const std::string& name) {
  return name == "config.json" || name.starts_with("model") ||
         name.starts_with("diffusion_pytorch_model");
}

bool Holds(const fs::path& input, const fs::path& out) {
  std::error_code missing;
  if (!fs::exists(out, missing)) return false;
  const bool is_folder = fs::is_directory(input, missing);
  if (!is_folder && !input.filename().string().ends_with(".index.json")) return false;
  // "." stands for the folder of a name without one.
  const fs::path folder = is_folder ? input : input.parent_path() / ".";
  return IsSame(folder, out.parent_path() / ".") && IsOfCheckpoint(out.filename().string());
}

}  // namespace

void RequireNoInput(const std::string& command, const fs::path& out,
                    const std::vector<fs::path>& inputs) {
  if (out.empty()) return;
  for (const fs::path& input : inputs) {
    if (input.empty()) continue;
    Require(!IsSame(input, out) && !Holds(input, out), command, ": --out ", out.string(),
            " is an input, which would be lost");
  }
}

}  // namespace rotary
