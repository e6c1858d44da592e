// Rows of tokens in a file, under the names that transformers gives its arguments.
#ifndef ROTARY_MODEL_TOKEN_INPUTS_H_
#define ROTARY_MODEL_TOKEN_INPUTS_H_

#include <cstdint>
#include <filesystem>
#include <vector>

#include "rotary/model/transformer.h"

namespace rotary {

// What a Batch borrows, owned.
struct TokenInputs {
  int64_t rows = 0;
  int64_t tokens = 0;
  std::vector<int32_t> ids;
  std::vector<int32_t> token_types;
  std::vector<int64_t> positions;
  std::vector<uint8_t> padding;

  // Valid as long as this object.
  Batch batch() const {
    return {.rows = rows,
            .tokens = tokens,
            .ids = ids,
            .token_types = token_types,
            .positions = positions,
            .padding = padding,
            .documents = {},
            .targets = {}};
  }
};

// Reads a safetensors file.
//   input_ids       [batch, tokens]
//   attention_mask  the same shape, 1 for a token and 0 for padding; absent: no padding
//   token_type_ids  the same shape; absent: all 0
//   position_ids    the same shape; absent: 0, 1, 2, ... in every row
// i64, i32, u8 or BOOL. Throws FileError: input_ids missing or empty, another shape or dtype,
// another name, a value that its tensor cannot have.
TokenInputs ReadTokenInputs(const std::filesystem::path& path);

}  // namespace rotary

#endif  // ROTARY_MODEL_TOKEN_INPUTS_H_
