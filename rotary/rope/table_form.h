// For tests: rotations as published code writes them, an angle for each channel and an operator
// that finds the partner,
//
//   y = x cos(table) + partner(x) sin(table),  partner: (-x2, x1) of halves, or of neighbours,
//
// which is how tables and pairings come to disagree. Independent of lists of pairs.
#ifndef ROTARY_ROPE_TABLE_FORM_H_
#define ROTARY_ROPE_TABLE_FORM_H_

#include <cmath>
#include <cstddef>
#include <initializer_list>
#include <stdexcept>
#include <string>
#include <vector>

#include "gtest/gtest.h"
#include "rotary/base/random.h"
#include "rotary/base/test_thrown.h"
#include "rotary/rope/rotate_ref.h"

namespace rotary {

using Numbers = std::vector<double>;

inline Numbers Cat(std::initializer_list<Numbers> parts) {
  Numbers all;
  for (const Numbers& part : parts) all.insert(all.end(), part.begin(), part.end());
  return all;
}

// a b c a b c
inline Numbers Tile(const Numbers& angles) { return Cat({angles, angles}); }

// a a b b c c
inline Numbers RepeatEach(const Numbers& angles) {
  Numbers all;
  for (const double a : angles) all.insert(all.end(), {a, a});
  return all;
}

// position / base^(2i / dim), i < dim / 2, the way of inverse frequencies.
inline Numbers Outer(double position, double base, int dim) {
  Numbers angles;
  for (int i = 0; i < dim; i += 2) {
    angles.push_back(position / std::exp(std::log(base) * i / dim));
  }
  return angles;
}

// Rotates x[begin .. begin + table.size()), leaves the rest.
inline void RotateByTable(const Numbers& table, Layout partner, size_t begin, Numbers& x) {
  const size_t n = table.size(), half = n / 2;
  const Numbers from(x.begin() + static_cast<std::ptrdiff_t>(begin), x.end());
  for (size_t c = 0; c < n; ++c) {
    const double other = partner == Layout::kHalf ? (c < half ? -from[c + half] : from[c - half])
                                                  : (c % 2 == 0 ? -from[c + 1] : from[c - 1]);
    x[begin + c] = from[c] * std::cos(table[c]) + other * std::sin(table[c]);
  }
}

inline Numbers NormalNumbers(int count, uint64_t stream) {
  const Random random(11, stream);
  Numbers x;
  for (int i = 0; i < count; ++i) x.push_back(random.Normal(static_cast<uint64_t>(i)));
  return x;
}

inline Numbers Turned(const Rotation& rotation, int head, const Numbers& position,
                      const Numbers& x) {
  return ref::Rotate(rotation, Direction::kForward, Side::kQuery, 0, head, position, x);
}

// `rotation` at `position` does what the table does to its first channels.
inline void ExpectTable(const Rotation& rotation, const Numbers& position, const Numbers& table,
                        Layout partner, int head = 0) {
  ASSERT_LE(table.size(), static_cast<size_t>(rotation.head_dim));
  const Numbers x = NormalNumbers(rotation.head_dim, 1);
  Numbers expected = x;
  RotateByTable(table, partner, 0, expected);
  const Numbers got = Turned(rotation, head, position, x);
  for (size_t c = 0; c < x.size(); ++c) {
    EXPECT_TRUE(std::abs(got[c] - expected[c]) < 1e-9)
        << "channel " << c << ": " << got[c] << ", not " << expected[c];
  }
}

inline double Score(const Rotation& rotation, int head, const Numbers& p_query,
                    const Numbers& p_key) {
  const Numbers q = Turned(rotation, head, p_query, NormalNumbers(rotation.head_dim, 2));
  const Numbers k = Turned(rotation, head, p_key, NormalNumbers(rotation.head_dim, 3));
  double sum = 0;
  for (size_t c = 0; c < q.size(); ++c) sum += q[c] * k[c];
  return sum;
}

// How much a score changes when query and key move together, on each axis by another step.
inline double ChangeUnderTranslation(const Rotation& rotation, double unit) {
  Numbers p_query, p_key, moved_query, moved_key;
  for (int axis = 0; axis < rotation.axes; ++axis) {
    p_query.push_back(unit * (3 + axis));
    p_key.push_back(unit * (7 - 2 * axis));
    const double step = unit * (1001 + 17 * axis);
    moved_query.push_back(p_query.back() + step);
    moved_key.push_back(p_key.back() + step);
  }
  double change = 0;
  for (int head = 0; head < rotation.heads; ++head) {
    change = std::max(change, std::abs(Score(rotation, head, moved_query, moved_key) -
                                       Score(rotation, head, p_query, p_key)));
  }
  return change;
}

}  // namespace rotary

#endif  // ROTARY_ROPE_TABLE_FORM_H_
