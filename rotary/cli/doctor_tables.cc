#include "rotary/cli/doctor_tables.h"

#include <algorithm>
#include <cctype>
#include <cmath>
#include <iostream>
#include <stdexcept>
#include <string_view>

#include "rotary/cli/tensor_flags.h"
#include "rotary/doctor/frequency_check.h"
#include "rotary/doctor/table_check.h"
#include "rotary/io/npy.h"
#include "rotary/io/safetensors.h"

namespace rotary {
namespace {

// What the angles of a list of frequencies are compared over, where no config says more.
constexpr double kLength = 4096;

bool Holds(std::string name, std::string_view word) {
  std::transform(name.begin(), name.end(), name.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return name.find(word) != name.npos;
}

// The tensors of the file that are tables, by their names: cosines before sines.
std::vector<std::string> TablesOf(const SafetensorsFile& file,
                                  const std::vector<std::string>& asked) {
  std::vector<std::string> names = asked;
  if (names.empty()) {
    for (const std::string& name : file.names()) {
      if (Holds(name, "cos") || Holds(name, "sin") || Holds(name, "cis") ||
          Holds(name, "inv_freq")) {
        names.push_back(name);
      }
    }
    if (names.empty() && file.names().size() == 1) names = file.names();
    if (names.empty()) {
      throw ReadError(file.path(),
                      "no tensor is called after cos, sin, cis or inv_freq; say by --name which to "
                      "look at");
    }
  }
  for (const std::string& name : names) RequireTensor(file, name);
  if (names.size() == 2) {
    if (Holds(names[0], "sin") && !Holds(names[0], "cos")) std::swap(names[0], names[1]);
    return names;
  }
  if (names.size() > 2) {
    throw ReadError(file.path(), names.size(), " tensors may be tables (", names[0], ", ", names[1],
                    ", ", names[2], names.size() > 3 ? ", .." : "",
                    "); say by --name which one, or which two");
  }
  return names;
}

// Complex numbers as pairs of floats, which is what they are.
struct LoadedTensor {
  Tensor copy;
  ConstTensorView view;
};

LoadedTensor Load(const SafetensorsFile& file, const std::string& name) {
  if (file.dtype_name(name) != "C64") return {{}, file.view(name)};
  const Dims& shape = file.shape(name);
  std::vector<int64_t> lengths(shape.begin(), shape.end());
  lengths.push_back(2);
  LoadedTensor loaded{Tensor(DType::kF32, Dims(std::span<const int64_t>(lengths))), {}};
  std::copy_n(file.bytes(name).begin(), loaded.copy.bytes(), loaded.copy.raw());
  loaded.view = loaded.copy.const_view();
  return loaded;
}

std::vector<double> Numbers(const ConstTensorView& view) {
  std::vector<double> numbers;
  if (view.dtype() == DType::kI64 || view.dtype() == DType::kI32) {
    for (int64_t i = 0; i < view.count(); ++i) {
      numbers.push_back(view.dtype() == DType::kI64 ? static_cast<double>(view.As<int64_t>()[i])
                                                    : view.As<int32_t>()[i]);
    }
    return numbers;
  }
  DispatchFloat(view.dtype(), "doctor", [&]<class T>() {
    for (int64_t i = 0; i < view.count(); ++i) {
      if constexpr (std::is_same_v<T, double>) {
        numbers.push_back(view.As<T>()[i]);
      } else {
        numbers.push_back(ToFloat(view.As<T>()[i]));
      }
    }
  });
  return numbers;
}

// A list, not a row of a table.
bool IsFrequencies(const std::string& name, const ConstTensorView& view) {
  const bool is_list =
      std::count_if(view.shape().begin(), view.shape().end(), [](int64_t n) { return n > 1; }) <= 1;
  const bool is_table = Holds(name, "cos") || Holds(name, "sin") || Holds(name, "cis");
  return is_list && !is_table && (view.rank() == 1 || Holds(name, "freq"));
}

// Calls `body`; what it refuses is refused in the name of the file, and of a tensor in it.
template <class Body>
auto InNameOf(const std::filesystem::path& file, const Body& body, const std::string& tensor = "") {
  try {
    return body();
  } catch (const std::invalid_argument& error) {
    std::string_view reason = error.what();
    constexpr std::string_view kOperation = "doctor: ";
    if (reason.starts_with(kOperation)) reason.remove_prefix(kOperation.size());
    throw ReadError(file, tensor, tensor.empty() ? "" : ": ", reason);
  }
}

// The positions of rows, where the file holds some.
std::vector<double> PositionsOf(const SafetensorsFile& file, const std::string& name) {
  constexpr double kMost = 0x1p53;
  std::vector<double> positions = Numbers(file.view(name));
  for (const double p : positions) {
    Require(std::abs(p) <= kMost, "must be at most 2^53 in magnitude, got ", p);
  }
  return positions;
}

TableDiagnosis Check(const std::filesystem::path& file, const std::string& name,
                     const ConstTensorView& first, const std::optional<ConstTensorView>& second,
                     const std::vector<double>& positions,
                     const std::optional<Expectation>& expected) {
  InNameOf(file, [&] { Require(first.count() > 0, name, " holds no numbers"); });
  if (!second && IsFrequencies(name, first)) {
    const double length = expected && expected->length > 0 ? expected->length : kLength;
    const std::vector<double> list = InNameOf(file, [&] { return Numbers(first); });
    return CheckFrequencies(list, first.dtype(), length, expected);
  }
  const CosSinTable table = InNameOf(file, [&] {
    CosSinTable read = ReadCosSinTable(first, second);
    Require(positions.empty() || std::ssize(positions) == read.all_rows, "there are ",
            positions.size(), " positions for ", read.all_rows, " rows");
    return read;
  });
  return CheckTable(table, first.dtype(), positions, expected);
}

TableDiagnosis CheckFile(const DoctorTables& tables, const std::string& positions,
                         const std::optional<Expectation>& expected) {
  if (tables.file.extension() == ".npy") {
    Require(tables.names.empty() && positions.empty(),
            "doctor: a .npy file holds one tensor, without a name");
    const NpyFile file(tables.file);
    return Check(tables.file, tables.file.stem().string(), file.view(), std::nullopt, {}, expected);
  }
  const SafetensorsFile file(tables.file);
  const std::vector<std::string> names = TablesOf(file, tables.names);
  if (!positions.empty()) RequireTensor(file, positions);
  const std::string own = positions.empty() && file.Contains("positions") ? "positions" : positions;
  std::vector<double> rows;
  if (!own.empty())
    rows = InNameOf(
        tables.file, [&] { return PositionsOf(file, own); }, own);
  const LoadedTensor first = Load(file, names[0]);
  if (names.size() == 1) {
    return Check(tables.file, names[0], first.view, std::nullopt, rows, expected);
  }
  const LoadedTensor second = Load(file, names[1]);
  return Check(tables.file, names[0], first.view, second.view, rows, expected);
}

}  // namespace

void AddDoctorTables(CLI::App& command, DoctorTables& tables) {
  CLI::Option* file = command
                          .add_option("--tables", tables.file,
                                      "look at a table of cosines and sines, or at inv_freq, in "
                                      "this file instead: .safetensors or .npy")
                          ->type_name("FILE");
  command
      .add_option("--name", tables.names,
                  "its tensors: one, or that of cosines and that of sines [those called so]")
      ->needs(file)
      ->delimiter(',')
      ->type_name("");
}

bool RunDoctorTables(const DoctorTables& tables, const std::string& positions,
                     const std::optional<Expectation>& expected, bool json) {
  const TableDiagnosis diagnosis = CheckFile(tables, positions, expected);
  std::cout << (json ? TableJson(diagnosis) + "\n" : TableText(diagnosis));
  return HasFault(diagnosis.findings);
}

}  // namespace rotary
