// Which rotation a table of cosines and sines makes, and whether it is what a config asks for.
//
// A row of a table is what a rotation makes of the vector (1, 0) in every pair: the same search
// that explains rotated queries explains tables, without the search for pairs.
#ifndef ROTARY_DOCTOR_TABLE_CHECK_H_
#define ROTARY_DOCTOR_TABLE_CHECK_H_

#include <optional>
#include <vector>

#include "rotary/doctor/cos_sin_table.h"
#include "rotary/doctor/expectation.h"
#include "rotary/doctor/table_diagnosis.h"

namespace rotary {

//   stored     the dtype of the tensors
//   positions  [rows], of all rows; empty: 0 .. rows - 1
// Throws std::invalid_argument in the name of doctor: other positions than rows; an expected
// rotation that no such table holds (a list of frequencies for each head, two angles in a pair,
// xPos).
TableDiagnosis CheckTable(const CosSinTable& table, DType stored,
                          const std::vector<double>& positions,
                          const std::optional<Expectation>& expected);

}  // namespace rotary

#endif  // ROTARY_DOCTOR_TABLE_CHECK_H_
