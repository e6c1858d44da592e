// Tables of cosines and sines as engines keep them, brought to one form: a column for each pair.
//
//   order      one row of the tensor(s), for pairs a b
//   kApart     cos: a b       sin: a b        two tensors, or one [2, rows, width]
//   kCosSin    cos a, cos b, sin a, sin b     vLLM, FlashInfer
//   kSinCos    sin a, sin b, cos a, cos b     GPT-J, RoFormer
//   kComplex   cos a, sin a, cos b, sin b     [rows, pairs, 2]: freqs_cis
//
//   width      a row of cosines
//   kHalf      a b                            one column a pair
//   kTwice     a b a b                        "cat", for pairs (i, i + half)
//   kEach      a a b b                        "repeat_interleave", for pairs of neighbours
#ifndef ROTARY_DOCTOR_COS_SIN_TABLE_H_
#define ROTARY_DOCTOR_COS_SIN_TABLE_H_

#include <complex>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "rotary/base/tensor.h"

namespace rotary {

enum class TableOrder { kApart, kCosSin, kSinCos, kComplex };
enum class TableWidth { kHalf, kTwice, kEach };

std::string Name(TableOrder order);  // "cos, sin", "cos-sin", "sin-cos", "complex"
std::string Name(TableWidth width);  // "half", "twice", "each"

// What is wrong with single numbers, of all rows.
struct TableFlaws {
  int64_t not_finite = 0;
  int64_t bad_row = 0, bad_column = 0;  // of the first that is not finite
  int64_t zero_rows = 0;                // without any number but 0
  int64_t zero_row = 0;                 // the first of them
};

struct CosSinTable {
  int64_t all_rows = 0, pairs = 0;
  std::vector<int64_t> rows;               // those that were taken
  std::vector<std::complex<double>> turn;  // [rows taken, pairs]: cos + i sin
  TableOrder order = TableOrder::kApart;
  TableWidth width = TableWidth::kHalf;
  bool is_swapped = false;    // what came as cosines are sines, and the other way round
  bool signed_sines = false;  // one copy of the sines is negated, for operators without a minus
  // Whether order and width show: not in rows that turn nothing, nor in noise.
  bool form_shows = false;
  double unevenness = 0;  // root mean square of length / median length - 1 over what was taken
  // Bits from the first to the last that is set, of the longest number of all: bf16 has 8, f16 and
  // TF32 11, f32 24. 0 where fewer than 16 numbers are other than 0, 1 and -1.
  int bits = 0;
  TableFlaws flaws;

  std::complex<double> At(size_t row, int64_t pair) const {
    return turn[row * static_cast<size_t>(pairs) + static_cast<size_t>(pair)];
  }
};

// Reads tables: all rows, or 256, half of them from the beginning and half evenly from the rest.
// Axes of length 1 count nothing. With numbers that are not finite, `turn` stays empty.
//   cos, sin  [rows, width] each; without `sin`, `cos` holds both in one of the orders above
// Throws std::invalid_argument in the name of doctor: shapes that are no tables, no numbers, a
// dtype that is no float.
CosSinTable ReadCosSinTable(const ConstTensorView& cos, const std::optional<ConstTensorView>& sin);

}  // namespace rotary

#endif  // ROTARY_DOCTOR_COS_SIN_TABLE_H_
