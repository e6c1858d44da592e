// .npy: one array, as numpy.save writes it, read by memory map.
// Source: the format's description in numpy.lib.format, versions 1.0, 2.0 and 3.0: the bytes
// \x93NUMPY, two of the version, the header's length in 2 bytes (from 2.0 on 4), little endian, a
// dictionary as Python prints it
//   {'descr': '<f4', 'fortran_order': False, 'shape': (2, 3), }
// and the numbers.
#ifndef ROTARY_IO_NPY_H_
#define ROTARY_IO_NPY_H_

#include <filesystem>

#include "rotary/base/tensor.h"
#include "rotary/io/file.h"

namespace rotary {

// Little endian, in C order: f2 f4 f8 i4 i8, and bf16. NumPy has no bf16 of its own; an array of
// ml_dtypes.bfloat16 (JAX's and TensorFlow's) is saved as two bytes without a type, '<V2' or '|V2',
// which is therefore read as bf16, as is a descr 'bfloat16'. At most kMaxRank axes.
// Safe to share between threads.
class NpyFile {
 public:
  // Checks the whole header against the bytes that are there.
  // Throws FileError, in one sentence: as MappedFile does; no .npy file, one of another version,
  // cut short or longer than its shape; Fortran order, big endian, objects, structured and other
  // types.
  explicit NpyFile(const std::filesystem::path& path);

  const std::filesystem::path& path() const { return file_.path(); }
  // Valid as long as this object.
  const ConstTensorView& view() const { return view_; }

 private:
  MappedFile file_;
  Tensor copy_;  // where the map holds the numbers unaligned
  ConstTensorView view_;
};

}  // namespace rotary

#endif  // ROTARY_IO_NPY_H_
