// heed: attention architectures as typed expression graphs, fused by the compiler into parallel SIMD loops.
#pragma once
#include "run/fused.hpp"
#include "show/drawing.hpp"
#include "show/explain.hpp"
