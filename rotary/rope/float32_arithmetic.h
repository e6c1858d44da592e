// The numbers that training frameworks compute: frequencies, angles, cosines and sines in float.
//
// A model has been trained with these, so a comparison to the last bits needs them; Arithmetic says
// which ones a table has. The price is the float product of position and frequency: at position
// 131,071 a phase is off by up to 4e-3 radians, at a million by 3e-2. Nothing chooses this by
// itself. Source: transformers 5.23, modeling_rope_utils.py and the rotary embeddings of its
// models.
#ifndef ROTARY_ROPE_FLOAT32_ARITHMETIC_H_
#define ROTARY_ROPE_FLOAT32_ARITHMETIC_H_

#include "rotary/rope/phase_rows.h"
#include "rotary/rope/rotation.h"
#include "rotary/rope/rules.h"

namespace rotary {

// The frequencies of MakeSpectrum as transformers computes them, operation by operation. Powers are
// rounded correctly, as by torch's code for any CPU (ATEN_CPU_CAPABILITY=default); its vector code
// is one unit in the last place off now and then: 1 unit in the result, 2 where a division follows.
// Rules that it does not have (the two of Su Jianlin, NTK-by-parts, Qwen's steps, YaRN's other
// codes) are computed in double and rounded.
//
// Throws as MakeSpectrum does.
Spectrum MakeFloat32Spectrum(int rotary_dim, double theta, const Rule& rule, double length = 0);

// `rotation` with its frequencies and attention factor rounded to float. xPos's decay is no part of
// what frameworks agree on, and stays.
Rotation RoundedToFloat32(Rotation rotation);

// The turn by the angle sum_x frequency[x] position[x], frequencies and positions rounded to float
// and so is every product, sum, cosine and sine.
Turn Float32TurnBy(const double* frequency, const double* position, int axes);

}  // namespace rotary

#endif  // ROTARY_ROPE_FLOAT32_ARITHMETIC_H_
