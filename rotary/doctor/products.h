// In which arithmetic frequencies were multiplied by positions.
#ifndef ROTARY_DOCTOR_PRODUCTS_H_
#define ROTARY_DOCTOR_PRODUCTS_H_

#include "rotary/doctor/explanation.h"

namespace rotary {

// Of what explains the turns within the tolerance of float32, without that tolerance. Five fits a
// pair and four of all.
//   table  the turns of the explanation's layout
Products ProductsOf(const TurnTable& table, const Explanation& found, int axes);

}  // namespace rotary

#endif  // ROTARY_DOCTOR_PRODUCTS_H_
