// A user's debug build: every kind of region compiles and is right without optimisation.
// options: -O0
#include "fused_against_oracle.hpp"
using namespace heed;

namespace {
using namespace heed_tests::graphs;
constexpr auto grad_sloped = gradient<results(sloped, lse)>(wrt(q, k, v, slope));
constexpr auto grad_embedded = gradient<embedded>(wrt(word));
}  // namespace

BOOST_AUTO_TEST_CASE(without_optimisation) {
  heed_tests::check_fused<results(sloped)>("attention", 1e-4);
  heed_tests::check_fused<grad_sloped>("its gradient", 1e-4);
  heed_tests::check_fused<mlp>("products and rows", 1e-4);
  heed_tests::check_fused<grad_embedded>("scatter", 1e-4);
}
