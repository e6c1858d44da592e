// What went into a rotation and what came out, from a safetensors file or from .npy files.
#ifndef ROTARY_CLI_DOCTOR_INPUT_H_
#define ROTARY_CLI_DOCTOR_INPUT_H_

#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "rotary/doctor/samples.h"
#include "rotary/io/npy.h"
#include "rotary/io/safetensors.h"

namespace rotary {

// Where to read.
struct DoctorSource {
  std::filesystem::path file;  // empty: the names are .npy files
  // Names of tensors. positions may be empty: "positions" where the file has it.
  std::string before = "before", after = "after", positions;
  std::string shape;  // the order of their axes, one of kShapes; empty: by their number

  // Whether tensors are to be read at all.
  bool Asked() const;
  // As the library names sides: the name of `before`, without folder and ending of a .npy file.
  std::string NameOfBefore() const;
  // Every file that is read.
  std::vector<std::filesystem::path> Files() const;
};

// Reads and checks.
class DoctorInput {
 public:
  //   axes  of the rotation, of which positions have a number each
  // Throws std::invalid_argument: a shape that is none, .npy files beside names of tensors.
  // FileError: as the readers do; a tensor that is not there; before and after of different dtypes
  // or shapes, of integers, empty, or with a number that is not finite; positions that do not fit.
  DoctorInput(const DoctorSource& source, int axes);

  // Valid as long as this object.
  const Observation& observation() const { return observation_; }

 private:
  struct Named {
    std::filesystem::path file;
    std::string name;  // empty: the file's only one
    ConstTensorView view;
  };
  Named Read(const DoctorSource& source, const std::string& name);
  Named ReadShaped(const DoctorSource& source, const std::string& name);
  void ReadPositions(const Named& positions);

  std::unique_ptr<SafetensorsFile> file_;
  std::vector<std::unique_ptr<NpyFile>> arrays_;
  Observation observation_;
};

}  // namespace rotary

#endif  // ROTARY_CLI_DOCTOR_INPUT_H_
