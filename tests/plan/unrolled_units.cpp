// Small networks of a distance, written with an axis of units: pointwise in the score, forward and backward; gradients
// equal central differences of the declared graph.
// options: -O0 -DHEED_UNOPTIMISED
#include "rewritten.hpp"
using namespace heed;
using namespace heed::internal;
using heed_tests::is_rewritten;

namespace {
constexpr axis<"n"> n;
constexpr axis<"m"> m;
constexpr axis<"h", 2> h;
constexpr axis<"d", 3> d;
constexpr axis<"e", 2> e;
constexpr axis<"u", 4> u;
constexpr axis<"w", 17> w;
constexpr axis<"far", 33> far;
constexpr axis<"l"> l;
constexpr axis<"b"> b;
constexpr auto q = input<"q", double>(h, n, d);
constexpr auto k = input<"k", double>(h, m, d);
constexpr auto v = input<"v", double>(h, m, e);
constexpr auto s = scaled_dot<d>(q, k);
template <class S> constexpr auto attended(const S& score) { return dot<m>(softmax<m>(mask(score, m <= n)), v); }

// Li et al. 2024, FIRE: heads share the hidden layer, but not what they make of it.
constexpr auto slope = input<"slope", double>(u);
constexpr auto offset = input<"offset", double>(u);
constexpr auto out = input<"out", double>(h, u);
constexpr auto units = tanh(slope * log(1 + abs(n - m)) + offset);
constexpr auto network = attended(s + dot<u>(out, units));
constexpr auto summed = attended(s * sum<u>(units * out + 0.1 * u));
constexpr auto of_queries = attended(s + dot<u>(units, input<"qu", double>(n, u)));

// Blocks that queries have picked, of each head, and the places of a table that others have.
constexpr auto pick = input<"pick", std::int32_t>(h, n, u);
constexpr auto picked = dot<m>(softmax<m>(mask(s, any<u>(pick == floor_divide(m, 2)))), v);
constexpr auto shared = input<"shared", std::int32_t>(l, u);
constexpr auto left_out = dot<m>(softmax<m>(mask(s, all<u>(gather<l>(shared, floor_divide(n, 3)) != m) || m == n)), v);
constexpr auto of_many = dot<m>(softmax<m>(mask(s, any<far>(input<"far", std::int32_t>(n, far) == m))), v);

template <auto Axis> constexpr auto wide =
    dot<Axis>(input<"wide", double>(Axis), cos((n - m) * input<"rate", double>(Axis)));
constexpr auto many = attended(s + wide<w>);
constexpr auto narrow = dot<m>(softmax<m>(dot<d>(input<"qb", double>(b, n, d), tanh(input<"kb", double>(b, m, d)))),
                               input<"vb", double>(b, m, e));
constexpr auto table = input<"table", double>(u, w);
constexpr auto of_table = attended(s + dot<u>(input<"qu", double>(n, u), table.at(n - m + 8)));
}  // namespace

BOOST_AUTO_TEST_CASE(networks) {
  CHECK_REWRITTEN(network, q, k, slope, offset, out);
  CHECK_REWRITTEN(summed, q, slope, out);
  CHECK_REWRITTEN(of_queries, q, offset);
}
BOOST_AUTO_TEST_CASE(conditions) {
  CHECK_REWRITTEN(picked, q, k, v);
  CHECK_REWRITTEN(left_out, q, k, v);
}
BOOST_AUTO_TEST_CASE(what_stays) {
  BOOST_TEST((!is_rewritten<many>() && !is_rewritten<of_table>() && !is_rewritten<of_many>()));
  BOOST_TEST(!is_rewritten<narrow>());  // a contraction as any other
}
