// expect: heed: a tensor takes one extent for each of its axes
// expect: axes.*3
// expect: extents.*2
#include <heed/heed.hpp>
using namespace heed;
#ifdef REPAIRED
tensor<float, 3> Q(4, 512, 64), nothing;
#else
tensor<float, 3> Q(512, 64);
#endif
