// What is known of a value that need not be stored: one score region alone reads it, as its keys or its values, and may
// have a piece of it made wherever it reads a chunk of them.
#pragma once
#include "../../graph/node.hpp"

namespace heed::internal::plan {

struct staging {
  std::int16_t by = 0;     // the score region, number + 1; 0: the value is stored
  std::int8_t column = 0;  // the axis of the keys
  bool cheap = false;      // what makes it costs less than it takes to store and to read it, however often
  axis_set item{};         // the axes that an item of the region fixes
  axis_set again{};        // the region's other batch axes: for each of their elements it is made again
  axis_set rows{};         // the region's rows: for each strip of them it is made again

  bool operator==(const staging&) const = default;
};

}  // namespace heed::internal::plan
