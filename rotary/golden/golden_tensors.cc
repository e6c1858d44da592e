#include "rotary/golden/golden_tensors.h"

#include <type_traits>

#include "rotary/io/file.h"
#include "rotary/io/safetensors.h"

namespace rotary {

std::vector<double> Doubles(ConstTensorView view) {
  Require(view.IsPacked(), "golden: tensors must be packed");
  std::vector<double> values(static_cast<size_t>(view.count()));
  const auto convert = [&]<typename T>() {
    const T* from = view.As<T>();
    for (size_t i = 0; i < values.size(); ++i) {
      if constexpr (std::is_same_v<T, double> || std::is_same_v<T, int64_t>) {
        values[i] = static_cast<double>(from[i]);
      } else {
        values[i] = ToFloat(from[i]);
      }
    }
  };
  if (view.dtype() == DType::kI64) {
    convert.operator()<int64_t>();
  } else {
    DispatchFloat(view.dtype(), "golden", convert);
  }
  return values;
}

GoldenTensors ReadGoldenTensors(const GoldenCase& golden, const std::filesystem::path& path) {
  const SafetensorsFile file(path);
  GoldenTensors tensors;
  tensors.shape = file.shape("x");
  const auto read = [&](std::string_view name) {
    if (!(file.shape(name) == tensors.shape))
      throw ReadError(path, name, " has another shape than x");
    return Doubles(file.view(name));
  };
  if (tensors.shape.rank() != 4 || tensors.shape[2] != golden.heads ||
      tensors.shape[3] != golden.rotation.head_dim) {
    throw ReadError(path, "x has the shape ", tensors.shape.ToString(), ", the case has ",
                    golden.heads, " heads of ", golden.rotation.head_dim, " channels");
  }
  tensors.x = read("x");
  tensors.y = read("y_f64");
  tensors.d_y = read("d_y");
  tensors.d_x = read("d_x");
  tensors.positions = Doubles(file.view("positions"));
  if (static_cast<int64_t>(tensors.positions.size()) !=
      tensors.shape[0] * tensors.shape[1] * golden.rotation.axes) {
    throw ReadError(path, "positions has the shape ", file.shape("positions").ToString());
  }
  return tensors;
}

}  // namespace rotary
