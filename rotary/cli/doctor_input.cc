#include "rotary/cli/doctor_input.h"

#include <algorithm>
#include <cmath>
#include <stdexcept>
#include <string_view>
#include <type_traits>

#include "rotary/base/dtype.h"
#include "rotary/base/error.h"
#include "rotary/cli/tensor_flags.h"
#include "rotary/rope/batch_view.h"
#include "rotary/rope/positions.h"

namespace rotary {
namespace {

namespace fs = std::filesystem;

bool IsNpy(const std::string& name) { return fs::path(name).extension() == ".npy"; }

// The reason why a tensor cannot be used, in the name of its file.
template <class... Parts>
FileError TensorError(const fs::path& file, const std::string& name, const Parts&... parts) {
  return ReadError(file, name, name.empty() ? "" : ": ", parts...);
}

// Throws where a number is not finite, or so large that sums of squares are not, with its place.
void RequireFinite(const fs::path& file, const std::string& name, const ConstTensorView& x) {
  constexpr double kLargest = 1e100;
  DispatchFloat(x.dtype(), "doctor", [&]<class T>() {
    for (int64_t row = 0; row < x.shape(0); ++row) {
      for (int64_t token = 0; token < x.shape(1); ++token) {
        for (int64_t head = 0; head < x.shape(2); ++head) {
          const T* from = x.As<T>() + row * x.stride(0) + token * x.stride(1) + head * x.stride(2);
          for (int64_t channel = 0; channel < x.shape(3); ++channel) {
            const T value = from[channel * x.stride(3)];
            double number = 0;
            if constexpr (std::is_same_v<T, double>) {
              number = value;
            } else {
              number = ToFloat(value);
            }
            if (std::abs(number) <= kLargest) continue;
            const std::string of_row = x.shape(0) == 1 ? "" : Sentence("row ", row, ", ");
            const char* what = std::isfinite(number) ? "beyond 1e100" : "that is not finite";
            throw TensorError(file, name, "a number ", what, ", at ", of_row, "token ", token,
                              ", head ", head, ", channel ", channel);
          }
        }
      }
    }
  });
}

// Whole numbers as i64, others as f64, as Positions takes them.
Tensor Widened(const ConstTensorView& view) {
  const auto fill = [&]<class To, class From>(DType dtype) {
    Tensor wide(dtype, view.shape());
    const From* from = view.As<From>();
    for (int64_t i = 0; i < view.count(); ++i) wide.data<To>()[i] = static_cast<To>(from[i]);
    return wide;
  };
  if (view.dtype() == DType::kI32) return fill.operator()<int64_t, int32_t>(DType::kI64);
  return fill.operator()<double, float>(DType::kF64);
}

// Positions with their axes first, as the program takes them, or last, as the golden vectors hold
// them: whichever fits the tensors.
ConstTensorView OnAxes(const ConstTensorView& view, int axes, int64_t rows, int64_t tokens) {
  const Dims& shape = view.shape();
  const int rank = view.rank();
  const auto fits = [&](int row_axis, int token_axis) {
    return shape[token_axis] == tokens && (rank == 2 || shape[row_axis] == rows);
  };
  const bool is_first = axes > 1 && rank >= 2 && shape[0] == axes && fits(1, rank - 1);
  const bool is_last = axes > 1 && rank >= 2 && shape[rank - 1] == axes && fits(0, rank - 2);
  if (!is_last || is_first) return PositionsOnAxes(view, axes);
  if (rank == 3) return view;
  return {view.data(), view.dtype(), {1, tokens, axes}, {0, view.stride(0), view.stride(1)}};
}

}  // namespace

bool DoctorSource::Asked() const {
  return !file.empty() || before != DoctorSource().before || after != DoctorSource().after;
}

std::string DoctorSource::NameOfBefore() const {
  return file.empty() ? fs::path(before).stem().string() : before;
}

std::vector<fs::path> DoctorSource::Files() const {
  if (!file.empty()) return {file};
  return {before, after, positions};
}

DoctorInput::DoctorInput(const DoctorSource& source, int axes) {
  const std::string& shape = source.shape;
  Require(shape.empty() || shape == "bthd" || shape == "bhtd" || shape == "thd" || shape == "htd",
          "doctor: shape must be one of ", kShapes, ", got \"", shape, "\"");
  if (source.file.empty()) {
    Require(IsNpy(source.before) && IsNpy(source.after) &&
                (source.positions.empty() || IsNpy(source.positions)),
            "doctor: without a FILE, --before, --after and --positions are .npy files");
  } else {
    Require(source.file.extension() != ".npy",
            "doctor: a .npy file holds one tensor: give two, by --before a.npy --after b.npy");
    file_ = std::make_unique<SafetensorsFile>(source.file);
    RequireTensor(*file_, source.before);
    RequireTensor(*file_, source.after);
  }
  const Named before = ReadShaped(source, source.before);
  const Named after = ReadShaped(source, source.after);
  if (before.view.shape() != after.view.shape()) {
    throw TensorError(after.file, after.name, "it is ", after.view.shape().ToString(),
                      " and what went in is ", before.view.shape().ToString(),
                      " (rows, tokens, heads, channels)");
  }
  if (before.view.shape(3) < 2) {
    throw TensorError(before.file, before.name, "heads have one channel, and a pair has two: ",
                      before.view.shape().ToString(), " (rows, tokens, heads, channels)");
  }
  for (const Named* one : {&before, &after}) RequireFinite(one->file, one->name, one->view);
  observation_.before = before.view;
  observation_.after = after.view;
  observation_.axes = axes;
  std::string positions = source.positions;
  if (positions.empty() && file_ && file_->Contains("positions")) positions = "positions";
  if (!positions.empty()) ReadPositions(Read(source, positions));
}

DoctorInput::Named DoctorInput::Read(const DoctorSource& source, const std::string& name) {
  if (file_) {
    RequireTensor(*file_, name);
    return {source.file, name, file_->view(name)};
  }
  arrays_.push_back(std::make_unique<NpyFile>(name));
  return {name, "", arrays_.back()->view()};
}

DoctorInput::Named DoctorInput::ReadShaped(const DoctorSource& source, const std::string& name) {
  Named read = Read(source, name);
  const DType dtype = read.view.dtype();
  if (dtype != DType::kF64 && dtype != DType::kF32 && dtype != DType::kF16 &&
      dtype != DType::kBF16) {
    throw TensorError(read.file, read.name, "it is ", Name(dtype),
                      ", and f64, f32, f16 and bf16 are rotated");
  }
  if (read.view.count() == 0) {
    throw TensorError(read.file, read.name, "there are no numbers: ", read.view.shape().ToString());
  }
  if (source.shape.empty() && read.view.rank() != 3 && read.view.rank() != 4) {
    throw TensorError(read.file, read.name, "must be [tokens, heads, channels], with rows of a ",
                      "batch before them or not, got ", read.view.shape().ToString());
  }
  try {
    read.view = WithBatch(TokensThenHeads(read.view, source.shape), "doctor");
  } catch (const std::invalid_argument& error) {
    throw TensorError(read.file, read.name, error.what());
  }
  return read;
}

void DoctorInput::ReadPositions(const Named& positions) {
  constexpr std::string_view kOperation = "doctor";
  const int axes = observation_.axes;
  const int64_t rows = observation_.before.shape(0), tokens = observation_.before.shape(1);
  try {
    const DType dtype = positions.view.dtype();
    Tensor wide;
    ConstTensorView view = positions.view;
    if (dtype == DType::kI32 || dtype == DType::kF32) {
      wide = Widened(view);
      view = wide.const_view();
    }
    Require(view.dtype() == DType::kI64 || view.dtype() == DType::kF64,
            "must be i64, i32, f64 or f32, got ", Name(dtype));
    if (view.dtype() == DType::kF64) {
      const double* from = view.As<double>();
      Require(std::all_of(from, from + view.count(), [](double p) { return std::isfinite(p); }),
              "a number that is not finite");
    }
    const Positions read(OnAxes(view, axes, rows, tokens), axes, kOperation);
    Require(read.tokens() == tokens && (read.batch() == 1 || read.batch() == rows), "they are for ",
            read.batch(), " rows of ", read.tokens(), " tokens, the tensors have ", rows, " of ",
            tokens);
    observation_.positions.resize(static_cast<size_t>(rows * tokens * axes));
    double* out = observation_.positions.data();
    for (int64_t row = 0; row < rows; ++row) {
      for (int64_t token = 0; token < tokens; ++token, out += axes) {
        read.Read(read.batch() == 1 ? 0 : row, token, out);
      }
    }
  } catch (const std::invalid_argument& error) {
    std::string_view reason = error.what();
    if (reason.starts_with(kOperation)) reason.remove_prefix(kOperation.size() + 2);
    throw TensorError(positions.file, positions.name, reason);
  }
}

}  // namespace rotary
