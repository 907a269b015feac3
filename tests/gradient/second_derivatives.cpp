// Gradients of gradients of attention: what a penalty on a gradient, or a product with the Hessian, asks for. They have
// regions as the first ones have, and are what the oracle says, whose second derivatives composites.cpp holds against
// differences.
// options: -O0 -DHEED_UNOPTIMISED
// labels: meaning
#include "fused_against_oracle.hpp"
using namespace heed;

namespace {
using namespace heed_tests::graphs;
constexpr auto of_queries = gradient<past_only>(wrt(q));
constexpr auto of_all = gradient<past_only>(wrt(q, k, v));
constexpr auto again = gradient<of_queries>(wrt(q, k, v));
constexpr auto hessian = gradient<of_all>(wrt(q, k, v));
constexpr auto heard = dot<m>(sigmoid(mask(s - 1, m <= n)), v);  // without a softmax
constexpr auto of_heard = gradient<heard>(wrt(q, k));
constexpr auto heard_again = gradient<of_heard>(wrt(q, v));
}  // namespace

template <result_list... R> constexpr bool all_fused() { return ((static_cast<void>(fuse<R, strict>), true) && ...); }
static_assert(all_fused<again, hessian, heard_again>());

#define CHECK(R) heed_tests::check_fused<R>(#R, 2e-4)
BOOST_AUTO_TEST_CASE(of_attention) {
  CHECK(again);
  CHECK(hessian);
}
BOOST_AUTO_TEST_CASE(without_a_softmax) { CHECK(heard_again); }
