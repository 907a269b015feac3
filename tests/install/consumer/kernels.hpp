// A kernel for C.
#pragma once
#include <heed/heed.hpp>

#include "factor.hpp"

constexpr heed::axis<"n"> n;
constexpr heed::axis<"c"> c;
constexpr auto weights = factor * heed::softmax<c>(heed::input<"x">(n, c));
HEED_KERNEL(weigh, weights)
