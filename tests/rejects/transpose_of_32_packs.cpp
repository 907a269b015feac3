// expect: heed: a transpose takes 2, 4, 8 or 16 packs
#include <heed/heed.hpp>
using namespace heed;
using namespace heed::internal;
#ifdef REPAIRED
void x(simd::pack<float, 4> (&p)[4]) { simd::transpose(p); }
#else
void x(simd::pack<float, 32> (&p)[32]) { simd::transpose(p); }
#endif
