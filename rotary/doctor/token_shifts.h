// By how much each token stands further than was given, when the frequencies are known.
//
// A slow pair tells roughly how far, up to whole turns of its own that are longer than most texts;
// each faster one then tells more exactly. Many tokens mostly share few shifts, which tell more
// together than each alone.
#ifndef ROTARY_DOCTOR_TOKEN_SHIFTS_H_
#define ROTARY_DOCTOR_TOKEN_SHIFTS_H_

#include <optional>
#include <vector>

#include "rotary/doctor/turn_fit.h"

namespace rotary {

// What one pair says of the shift of one token.
struct ShiftReading {
  double frequency;  // radians per position, with the sign of the direction
  double angle;      // by which the token stands further, within half a turn
  double deviation;
  double given;  // the position that was given
};

struct TokenShift {
  double shift = 0;
  double deviation = 0;  // infinite: nothing turned enough to tell
};

class TokenShifts {
 public:
  //   frequency  [pairs, axes]
  //   given      [tokens, axes]
  //   tolerance  of angles, relative, as for FitOf
  //   axis       by the pairs that read this axis alone; nothing: one shift of all axes together
  TokenShifts(const TurnTable& table, const std::vector<double>& frequency, int axes, bool inverse,
              const std::vector<double>& given, double tolerance, std::optional<int> axis);

  // [tokens]: of shifts that differ by whole turns of all pairs that can be seen, the least, up to
  // two turns of the slowest that tells.
  // Work: a few operations for each pair and token.
  std::vector<TokenShift> Near() const;

  // The same, where these do not fit up to 2^18 positions away, or twice the largest position.
  // Work: up to some thousand times that, for tokens with fast pairs only.
  std::vector<TokenShift> Each() const;

  // [tokens]: none, where that fits; one of the shifts that many tokens share, where it does; else
  // the token's own.
  std::vector<double> Shared(const std::vector<TokenShift>& own) const;

 private:
  // Puts the shift up to `span` into its place where it fits or `span` is 0; whether it fits.
  bool Look(size_t token, double span, TokenShift& found) const;
  double ChiAt(size_t token, double shift, double most) const;

  std::vector<std::vector<ShiftReading>> readings_;  // [tokens], from slow pairs to fast ones
  double tolerance_;
  double span_ = 0x1p18;
};

}  // namespace rotary

#endif  // ROTARY_DOCTOR_TOKEN_SHIFTS_H_
