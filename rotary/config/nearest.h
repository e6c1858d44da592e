// The known word that is nearest to an unknown one, for sentences about typing mistakes.
#ifndef ROTARY_CONFIG_NEAREST_H_
#define ROTARY_CONFIG_NEAREST_H_

#include <span>
#include <string>
#include <string_view>

namespace rotary {

// How many letters must be put in, left out or replaced to make one word of the other.
int EditDistance(std::string_view a, std::string_view b);

// Whether EditDistance(a, b) <= distance; quick where the lengths say no. distance: from 0 up.
bool IsWithin(int distance, std::string_view a, std::string_view b);

// The known word that `word` may be a misspelling of; empty where none is near.
std::string_view Nearest(std::string_view word, std::span<const std::string_view> known);

// "did you mean yarn?", or, where nothing is near, "known are default, linear, ...".
std::string DidYouMean(std::string_view word, std::span<const std::string_view> known);

}  // namespace rotary

#endif  // ROTARY_CONFIG_NEAREST_H_
