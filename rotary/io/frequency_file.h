// Frequencies from a file: the inv_freq of somebody else's program, taken as it is.
#ifndef ROTARY_IO_FREQUENCY_FILE_H_
#define ROTARY_IO_FREQUENCY_FILE_H_

#include <filesystem>
#include <vector>

namespace rotary {

// Of a safetensors file (a name that ends in .safetensors) the one tensor whose name ends in
// inv_freq, [pairs] in f64, f32, bf16 or f16; of any other file a JSON array of numbers, or numbers
// apart by spaces, commas or line breaks.
// Throws FileError: no such tensor, or several; another dtype or rank; something that is no number.
std::vector<double> ReadFrequencies(const std::filesystem::path& path);

}  // namespace rotary

#endif  // ROTARY_IO_FREQUENCY_FILE_H_
