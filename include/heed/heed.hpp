// heed: attention architectures as typed expression graphs, fused by the compiler into parallel SIMD loops.
#pragma once
#include "block/activation.hpp"
#include "block/attention.hpp"
#include "block/bias.hpp"
#include "block/heads.hpp"
#include "block/mask.hpp"
#include "block/norm.hpp"
#include "block/similarity.hpp"
#include "run/fused.hpp"
#include "show/drawing.hpp"
#include "show/explain.hpp"
#include "show/look.hpp"
