// The check of what picks rows or columns: ids of an embedding, targets of a loss.
#ifndef ROTARY_NN_INDICES_H_
#define ROTARY_NN_INDICES_H_

#include <cstdint>
#include <optional>
#include <span>
#include <stdexcept>

#include "rotary/base/error.h"

namespace rotary {

// Throws std::invalid_argument unless there are `rows` indices, and std::out_of_range unless each
// is `ignored` or in [0, end). `name` is what one of them is called.
inline void RequireIndices(std::span<const int32_t> indices, int64_t rows, int64_t end,
                           const char* operation, const char* name,
                           std::optional<int32_t> ignored = std::nullopt) {
  Require(static_cast<int64_t>(indices.size()) == rows, operation, ": there must be ", rows, " ",
          name, "s, got ", indices.size());
  for (size_t i = 0; i < indices.size(); ++i) {
    if ((indices[i] < 0 || indices[i] >= end) && indices[i] != ignored) {
      throw std::out_of_range(Sentence(operation, ": ", name, " ", indices[i], " of row ", i,
                                       " is not in [0, ", end, ")"));
    }
  }
}

}  // namespace rotary

#endif  // ROTARY_NN_INDICES_H_
