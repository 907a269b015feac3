// heed for a source that is compiled into a library of kernels: all of heed, and a HEED_KERNEL that defines what it
// names. Comes before the headers that declare kernels.
#pragma once
#include "heed.hpp"
#include "export/kernel.hpp"

namespace heed {
using internal::gradient;
using internal::wrt_named;
}  // namespace heed
