// Contractions over several axes at the pairs of a softmax: one axis, forward and backward, that means what is
// declared; gradients equal central differences of the declared graph.
// options: -O0 -DHEED_UNOPTIMISED
#include "rewritten.hpp"
using namespace heed;
using namespace heed::internal;
using heed_tests::is_rewritten;

namespace {
constexpr axis<"b"> b;
constexpr axis<"n"> n;
constexpr axis<"m"> m;
constexpr axis<"h", 2> h;
constexpr axis<"j", 2> j;
constexpr axis<"d", 3> d;
constexpr axis<"e", 2> e;
constexpr auto q = input<"q", double>(h, n, d);
constexpr auto k = input<"k", double>(h, m, d);
constexpr auto v = input<"v", double>(m, e);
constexpr auto vb = input<"vb", double>(b, h, m, e);
constexpr auto vbj = input<"vbj", double>(b, j, h, m, e);
constexpr auto s = mask(scaled_dot<d>(q, k), m <= n);

constexpr auto two_widths = dot<m>(softmax<m>(mask(dot<h, d>(q, k) / 2, m <= n)), v);
constexpr auto statistic = logsumexp<m>(dot<h, d>(q, k));
constexpr auto shared_weights = dot<m>(softmax<m>(s), vb);
constexpr auto shared_twice = dot<m>(softmax<m>(s), vbj);
constexpr auto backward = gradient<shared_weights>(wrt(q, k, vb));
constexpr auto backward_twice = gradient<shared_twice>(wrt(q, k, vbj));

constexpr auto own_weights = dot<m>(softmax<m>(mask(dot<h, d>(q, k) + input<"bias", double>(n, m), m <= n)), v);
constexpr auto layer = dot<h, d>(q, input<"w", double>(h, d, e));

template <result_list Out, result_list Backward> void check_gradient(const char* name) {
  const auto backward_plan = heed_tests::planned<Backward>();
  BOOST_TEST(heed_tests::kinds(*backward_plan).find('l') == std::string::npos, heed_tests::kinds(*backward_plan));
  BOOST_TEST(!heed_tests::stores_pairs(*backward_plan));
  BOOST_TEST(heed_tests::difference(*backward_plan, Backward, heed_tests::rewritten_extents) == "");
  heed_tests::check_differences(name, Out, heed_tests::rewritten_extents);
}
}  // namespace

BOOST_AUTO_TEST_CASE(scores) {
  CHECK_REWRITTEN(two_widths, q, k, v);
  CHECK_REWRITTEN(statistic, q, k);
}
BOOST_AUTO_TEST_CASE(values_of_a_batch) {
  BOOST_TEST(!is_rewritten<shared_weights>());  // its values have a region as they stand
  check_gradient<shared_weights, backward>("shared_weights");
  check_gradient<shared_twice, backward_twice>("shared_twice");
}
BOOST_AUTO_TEST_CASE(what_stays) { BOOST_TEST((!is_rewritten<own_weights>() && !is_rewritten<layer>())); }
