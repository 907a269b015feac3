// What a contraction of rows and columns makes of two elements before it adds up. It is known while compiling, so that
// each kind has a loop of its own.
#pragma once
#include <cstdint>

namespace heed::internal {

enum class contraction_kind : std::uint8_t { product, squared_difference, absolute_difference };

}  // namespace heed::internal
