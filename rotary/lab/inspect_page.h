// What a config says about its rotations, as a page: which layers rotate alike, which channels of
// a head make pairs, how long each pair takes for a turn.
#ifndef ROTARY_LAB_INSPECT_PAGE_H_
#define ROTARY_LAB_INSPECT_PAGE_H_

#include <string>

#include "rotary/config/rope_config.h"

namespace rotary {

std::string InspectHtml(const RopeConfig& config);

}  // namespace rotary

#endif  // ROTARY_LAB_INSPECT_PAGE_H_
