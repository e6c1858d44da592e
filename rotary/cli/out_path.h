// A look at --out before a command writes there.
#ifndef ROTARY_CLI_OUT_PATH_H_
#define ROTARY_CLI_OUT_PATH_H_

#include <filesystem>
#include <string>
#include <vector>

namespace rotary {

// Throws std::invalid_argument, in the name of `command`, where `out` is one of `inputs` by any
// name or link. An input that is a folder, or the index of shards, stands for the files of that
// folder that a checkpoint is made of: config.json, and names that begin as weights do. Empty paths
// are flags not given.
void RequireNoInput(const std::string& command, const std::filesystem::path& out,
                    const std::vector<std::filesystem::path>& inputs);

}  // namespace rotary

#endif  // ROTARY_CLI_OUT_PATH_H_
