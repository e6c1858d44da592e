// Which positions the keys of a cache take when a text outgrows what a model was trained on.
#ifndef ROTARY_ROPE_CACHE_POSITIONS_H_
#define ROTARY_ROPE_CACHE_POSITIONS_H_

#include <cstdint>
#include <vector>

namespace rotary {

// StreamingLLM (arXiv:2309.17453): of a text of `tokens`, the first `sinks` and the last `window`
// stay in the cache, ascending; all where that is no more than there are.
//
// Each then sits at its index in the cache, not in the text: kept[i] - i is how far it has moved
// up. Throws std::invalid_argument: a negative number.
std::vector<int64_t> StreamingTokens(int64_t tokens, int64_t sinks, int64_t window);

// By how far the kept keys move when the text grows from `tokens` to `grown`: for each token of
// StreamingTokens(grown, ..) its new index minus the one before; a token that is new has 0, as it
// is rotated at its index in the first place.
std::vector<int64_t> StreamingDeltas(int64_t tokens, int64_t grown, int64_t sinks, int64_t window);

// Self-extend (LongLM, arXiv:2401.01325, section 3): pairs of tokens less than `window` apart keep
// their distance; beyond, positions count in groups of `group` tokens, and queries are set back so
// that distances go on from the window: floor(q/g) + w - floor(w/g) - floor(k/g).
// Throws std::invalid_argument: group below 1, window negative.
class SelfExtend {
 public:
  SelfExtend(int64_t group, int64_t window);

  // Of keys and queries further apart than the window; near ones keep their positions.
  int64_t FarKey(int64_t position) const;
  int64_t FarQuery(int64_t position) const;
  // The distance that a query sees: never smaller for keys further away, and at most one above that
  // of the text (where the key ends a group).
  int64_t Distance(int64_t query, int64_t key) const;

 private:
  int64_t group_, window_;
};

}  // namespace rotary

#endif  // ROTARY_ROPE_CACHE_POSITIONS_H_
