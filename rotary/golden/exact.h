// Numbers of 200 bits (MPFR): the arithmetic of the golden vectors, which shares nothing with that
// of the rope room. Every operation rounds once, to 60 decimal digits.
#ifndef ROTARY_GOLDEN_EXACT_H_
#define ROTARY_GOLDEN_EXACT_H_

#include <mpfr.h>

#include <algorithm>
#include <utility>

namespace rotary {

class Exact {
 public:
  Exact(double value = 0) : Exact(Raw()) {  // NOLINT(google-explicit-constructor): numbers mix
    mpfr_set_d(value_, value, MPFR_RNDN);
  }
  Exact(const Exact& other) : Exact(Raw()) { mpfr_set(value_, other.value_, MPFR_RNDN); }
  Exact(Exact&& other) noexcept : Exact(Raw()) { mpfr_swap(value_, other.value_); }
  Exact& operator=(Exact other) noexcept {
    mpfr_swap(value_, other.value_);
    return *this;
  }
  ~Exact() { mpfr_clear(value_); }

  // Rounded once, to nearest even.
  double Double() const { return mpfr_get_d(value_, MPFR_RNDN); }
  // The same for a narrower type, whose numbers are doubles: `digits` bits of mantissa, numbers
  // below 2^least_exponent subnormal.
  double Rounded(int digits, int least_exponent) const {
    if (mpfr_zero_p(value_) != 0) return 0;
    // MPFR's mantissas are in [1/2, 1).
    const auto exponent = std::max<mpfr_exp_t>(mpfr_get_exp(value_) - 1, least_exponent);
    const mpfr_exp_t last_bit = exponent - (digits - 1);
    Exact scaled = *this;
    mpfr_mul_2si(scaled.value_, scaled.value_, -last_bit, MPFR_RNDN);
    mpfr_rint(scaled.value_, scaled.value_, MPFR_RNDN);  // ties to even
    mpfr_mul_2si(scaled.value_, scaled.value_, last_bit, MPFR_RNDN);
    return scaled.Double();
  }

  static Exact Pi() {
    Exact pi;
    mpfr_const_pi(pi.value_, MPFR_RNDN);
    return pi;
  }

  Exact operator-() const { return Apply(mpfr_neg); }
  friend Exact operator+(const Exact& a, const Exact& b) { return a.Apply(mpfr_add, b); }
  friend Exact operator-(const Exact& a, const Exact& b) { return a.Apply(mpfr_sub, b); }
  friend Exact operator*(const Exact& a, const Exact& b) { return a.Apply(mpfr_mul, b); }
  friend Exact operator/(const Exact& a, const Exact& b) { return a.Apply(mpfr_div, b); }
  friend bool operator<(const Exact& a, const Exact& b) { return mpfr_cmp(a.value_, b.value_) < 0; }
  friend bool operator==(const Exact& a, const Exact& b) {
    return mpfr_equal_p(a.value_, b.value_) != 0;
  }

  friend Exact Log(const Exact& a) { return a.Apply(mpfr_log); }
  friend Exact Exp(const Exact& a) { return a.Apply(mpfr_exp); }
  friend Exact Sqrt(const Exact& a) { return a.Apply(mpfr_sqrt); }
  friend Exact Cos(const Exact& a) { return a.Apply(mpfr_cos); }
  friend Exact Sin(const Exact& a) { return a.Apply(mpfr_sin); }
  friend Exact Pow(const Exact& a, const Exact& b) { return a.Apply(mpfr_pow, b); }
  friend Exact Floor(const Exact& a) {
    Exact result;
    mpfr_floor(result.value_, a.value_);
    return result;
  }
  friend Exact Ceil(const Exact& a) { return -Floor(-a); }

 private:
  static constexpr mpfr_prec_t kBits = 200;
  struct Raw {};
  explicit Exact(Raw) { mpfr_init2(value_, kBits); }

  Exact Apply(int (*function)(mpfr_ptr, mpfr_srcptr, mpfr_rnd_t)) const {
    Exact result;
    function(result.value_, value_, MPFR_RNDN);
    return result;
  }
  Exact Apply(int (*function)(mpfr_ptr, mpfr_srcptr, mpfr_srcptr, mpfr_rnd_t),
              const Exact& b) const {
    Exact result;
    function(result.value_, value_, b.value_, MPFR_RNDN);
    return result;
  }

  mpfr_t value_;
};

// The friends above, for arguments that are not Exact yet.
Exact Log(const Exact& a);
Exact Exp(const Exact& a);
Exact Sqrt(const Exact& a);
Exact Cos(const Exact& a);
Exact Sin(const Exact& a);
Exact Pow(const Exact& a, const Exact& b);

}  // namespace rotary

#endif  // ROTARY_GOLDEN_EXACT_H_
