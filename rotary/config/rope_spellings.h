// Theta and layout, each of which configs spell in several ways, often in two at once.
#ifndef ROTARY_CONFIG_ROPE_SPELLINGS_H_
#define ROTARY_CONFIG_ROPE_SPELLINGS_H_

#include <optional>

#include "rotary/config/config_object.h"
#include "rotary/config/family.h"
#include "rotary/config/head_span.h"
#include "rotary/config/layer_numbers.h"
#include "rotary/config/rope_config.h"
#include "rotary/config/rope_dictionary.h"

namespace rotary {

// That of `options`, of kLayoutKey or of the family.
Layout ReadLayout(const ConfigObject& config, const Family& family,
                  const RopeConfigOptions& options);

// Of the layers of `numbers`, whose type has a rope of its `own` (or null).
// Throws FileError: a theta that is not positive, or two that disagree.
double ReadTheta(const ConfigObject& config, const Family& family, const LayerTypeRope* own,
                 const RopeDictionary& dictionary, const LayerNumbers& numbers);

// Other names of what is already known may stand beside it, with the same value.
// Throws FileError where they do not agree; not for keys that `options` ignores.
//   theta  nothing: not checked
void CheckOtherSpellings(const ConfigObject& config, const Family& family,
                         const RopeConfigOptions& options, const LayerNumbers& numbers,
                         const HeadSpan& span, Layout layout, std::optional<double> theta);

}  // namespace rotary

#endif  // ROTARY_CONFIG_ROPE_SPELLINGS_H_
