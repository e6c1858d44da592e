// Angles by pair and token as colours: a figure for a page that works offline.
//
//   page.Markup(AngleMaps({{.title = "Measured", .columns = {...}, .angle = {...}}, ...}));
//
// 0 has the colour of the paper, a quarter of a turn ahead is orange and one back is blue, half a
// turn, where the two meet, is dark (in dark pages light). Unknown angles are hatched. Under the
// pointer a map says its numbers. The script that draws is part of the figure.
#ifndef ROTARY_LAB_ANGLE_MAP_H_
#define ROTARY_LAB_ANGLE_MAP_H_

#include <cstddef>
#include <string>
#include <utility>
#include <vector>

namespace rotary {

// A tick: the row or column, and what stands there.
using MapTick = std::pair<size_t, std::string>;

struct AngleMap {
  std::string title, note;
  std::string x_label, y_label, right_label;  // right_label: of the ticks at the right
  std::string quantity;                       // of a reading: "off by"
  std::string zero;                           // what 0 means, in the legend: "right"
  std::vector<std::string> rows, columns;     // names of each in a reading: "pair 3", "token 17"
  std::vector<MapTick> x_ticks, y_ticks, right_ticks;
  std::vector<size_t> breaks;  // columns before which a line parts the map
  std::vector<double> angle;   // [rows, columns], radians within half a turn; NaN: unknown
};

// The figures, side by side where the screen is wide enough, with the script that draws them: once
// a page. Angles are kept in 16 bits, to 5e-5 radians.
// Throws std::invalid_argument where angles are not as many as cells, or a tick is none of them.
std::string AngleMaps(const std::vector<AngleMap>& maps);

}  // namespace rotary

#endif  // ROTARY_LAB_ANGLE_MAP_H_
