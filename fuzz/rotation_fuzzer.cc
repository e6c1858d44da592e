// Any bytes as the JSON of a rotation, or of the layers that inspect prints. What is read keeps the
// rules of a rotation, and comes back to the bit from the text that RotationToJson makes of it.
#include <string_view>

#include "fuzz/fuzzing.h"
#include "rotary/io/rotation_json.h"

namespace rotary {
namespace {

void Run(std::string_view input) {
  ReadOrRefuse([&] {
    const JsonDocument document(input, "rotation.json");
    const QueryKeyRotations rotations = QueryKeyRotationsFromJson(document.root());
    for (const auto& rotation : {rotations.query, rotations.key}) {
      if (!rotation) continue;
      CheckRotation(*rotation);
      const JsonDocument written(RotationToJson(*rotation), "written");
      Promise(RotationFromJson(written.root()) == *rotation, "a written rotation comes back");
    }
  });
}

}  // namespace
}  // namespace rotary

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  rotary::Run({reinterpret_cast<const char*>(data), size});
  return 0;
}
