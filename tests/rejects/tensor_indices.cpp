// expect: heed: an element of a tensor has one index for each axis
// expect: axes.*3
// expect: indices.*2
#include <heed/heed.hpp>
using namespace heed;
#ifdef REPAIRED
float last(const tensor<float, 3>& Q) { return Q(1, 2, 3) + Q.at(1, 2, 3); }
#else
float last(const tensor<float, 3>& Q) { return Q(1, 2); }
#endif
