// The page of a comparison, made from its results alone.
#ifndef ROTARY_LAB_REPORT_H_
#define ROTARY_LAB_REPORT_H_

#include <string>

#include "rotary/lab/results.h"

namespace rotary {

// A whole HTML page (page.h): findings, curves, tables, samples, settings.
std::string ReportHtml(const Results& results);

}  // namespace rotary

#endif  // ROTARY_LAB_REPORT_H_
