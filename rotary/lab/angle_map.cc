#include "rotary/lab/angle_map.h"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <nlohmann/json.hpp>
#include <numbers>
#include <string_view>

#include "rotary/base/error.h"
#include "rotary/lab/page.h"

namespace rotary {

// Compiled in from assets/ (CMakeLists.txt).
extern const std::string_view kAngleMapScript;

namespace {

using Json = nlohmann::json;

std::string Base64(std::string_view bytes) {
  constexpr std::string_view kDigits =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string text;
  for (size_t i = 0; i < bytes.size(); i += 3) {
    const size_t count = std::min<size_t>(3, bytes.size() - i);
    uint32_t group = 0;
    for (size_t b = 0; b < 3; ++b) {
      group = group << 8 | (b < count ? static_cast<unsigned char>(bytes[i + b]) : 0u);
    }
    for (size_t digit = 0; digit < 4; ++digit) {
      text += digit > count ? '=' : kDigits[group >> (18 - 6 * digit) & 63];
    }
  }
  return text;
}

// 32767 is half a turn, -32768 stands for unknown; little endian.
std::string Packed(const std::vector<double>& angles) {
  std::string bytes;
  for (const double angle : angles) {
    const double share = std::remainder(angle, 2 * std::numbers::pi) / std::numbers::pi;
    const int value = std::isfinite(share) ? static_cast<int>(std::lround(32767 * share)) : -32768;
    bytes += static_cast<char>(value & 0xFF);
    bytes += static_cast<char>(value >> 8 & 0xFF);
  }
  return bytes;
}

void CheckTicks(const std::vector<MapTick>& ticks, size_t count) {
  for (const auto& [at, text] : ticks) {
    Require(at < count, "angle map: there is no row or column ", at, " for the tick \"", text,
            "\"");
  }
}

}  // namespace

std::string AngleMaps(const std::vector<AngleMap>& maps) {
  constexpr std::string_view kRest = "Point at a cell to read its angle.";
  std::string figures;
  Json data = Json::array();
  for (const AngleMap& map : maps) {
    Require(map.angle.size() == map.rows.size() * map.columns.size(), "angle map: \"", map.title,
            "\" has ", map.angle.size(), " angles for ", map.rows.size(), " rows of ",
            map.columns.size());
    CheckTicks(map.x_ticks, map.columns.size());
    CheckTicks(map.y_ticks, map.rows.size());
    CheckTicks(map.right_ticks, map.rows.size());
    const std::string id = "angles-" + std::to_string(data.size() + 1);
    data.push_back({{"id", id},
                    {"x_label", map.x_label},
                    {"y_label", map.y_label},
                    {"right_label", map.right_label},
                    {"quantity", map.quantity},
                    {"zero", map.zero},
                    {"rows", map.rows},
                    {"columns", map.columns},
                    {"x_ticks", map.x_ticks},
                    {"y_ticks", map.y_ticks},
                    {"right_ticks", map.right_ticks},
                    {"breaks", map.breaks},
                    {"angle", Base64(Packed(map.angle))}});
    figures += "<figure>\n<h3>" + EscapeHtml(map.title) + "</h3>\n<p class=\"note\">" +
               EscapeHtml(map.note) + "</p>\n<div style=\"margin-top:.6rem\"><canvas id=\"" + id +
               "\" style=\"display:block;width:100%\" role=\"img\" aria-label=\"" +
               EscapeHtml(map.title + ": " + map.y_label + " by " + map.x_label) +
               "\"></canvas></div>\n<p class=\"note\" id=\"" + id + "-reading\" data-rest=\"";
    figures.append(kRest).append("\">").append(kRest).append("</p>\n</figure>\n");
  }
  std::string html = "<div class=\"row\">\n" + figures +
                     "</div>\n<script type=\"application/json\" id=\"angle-data\">\n" +
                     ScriptText(data.dump()) + "\n</script>\n<script>\n";
  return html.append(kAngleMapScript).append("</script>\n");
}

}  // namespace rotary
