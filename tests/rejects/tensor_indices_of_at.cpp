// expect: heed: an element of a tensor has one index for each axis
// expect: axes.*3
// expect: indices.*4
#include <heed/heed.hpp>
using namespace heed;
#ifdef REPAIRED
void set(tensor<float, 3>& Q) { Q.at(1, 2, 3) = 0; }
#else
void set(tensor<float, 3>& Q) { Q.at(1, 2, 3, 4) = 0; }
#endif
