// Products of f32 matrices, and nothing else: the one door to the matrix library.
//
// A product is cut into blocks by its shape alone, and each block is one call of the library on one
// thread. So the bits do not depend on the number of threads, which the libraries themselves do not
// promise.
#ifndef ROTARY_NN_MATMUL_H_
#define ROTARY_NN_MATMUL_H_

#include "rotary/base/function_ref.h"
#include "rotary/nn/matrix.h"

namespace rotary {

enum class Transpose { kNo, kYes };

// c = op(a) op(b) + beta c.
//   a, b  op(a) is [m, k], op(b) is [k, n], where op transposes or not; with k = 0 the product is 0
//   c     [m, n]; overlaps neither a nor b
//   beta  0 (c is not read and may hold anything) or 1
// Throws std::invalid_argument on a mismatch; c is then untouched.
// Threads: 0 means all cores; the result is the same to the bit for any count.
void MatMul(Transpose transpose_a, Transpose transpose_b, Matrix<const float> a,
            Matrix<const float> b, float beta, Matrix<float> c, int threads = 0);

// How c is cut: by what is fastest, or into blocks of whole rows, which is as fast up to 2048
// columns.
enum class Blocks { kAny, kWholeRows };

// The same, and calls done(row, col, block) for each finished block of c, which is
// c.Rows(row, ..).Cols(col, ..) and still in the cache of the thread that made it: element-wise
// work that follows costs no pass over memory. The blocks cover c once; calls come from several
// threads.
void MatMul(Transpose transpose_a, Transpose transpose_b, Matrix<const float> a,
            Matrix<const float> b, float beta, Matrix<float> c, int threads, Blocks blocks,
            FunctionRef<void(int64_t row, int64_t col, Matrix<float> block)> done);

// The library behind it: "oneDNN" or "BLIS".
const char* MatMulBackend();

}  // namespace rotary

#endif  // ROTARY_NN_MATMUL_H_
