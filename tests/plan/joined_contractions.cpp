// Contractions of one score that share an operand, and scores that are shifted: one contraction, forward and backward,
// that means what is declared; gradients equal central differences of the declared graph.
// options: -O0 -DHEED_UNOPTIMISED
#include "rewritten.hpp"
using namespace heed;
using namespace heed::internal;
using heed_tests::is_rewritten, heed_tests::planned;

namespace {
constexpr axis<"n"> n;
constexpr axis<"m"> m;
constexpr axis<"h", 2> h;
constexpr axis<"g", 3> g;
constexpr axis<"d", 3> d;
constexpr axis<"e", 2> e;
constexpr axis<"t", 5> t;
constexpr auto q = input<"q", double>(h, n, d);
constexpr auto u = input<"u", double>(h, n, d);
constexpr auto k = input<"k", double>(h, m, d);
constexpr auto k1 = input<"k1", double>(h, m, d);
constexpr auto v = input<"v", double>(h, m, e);
constexpr auto tap = input<"tap", double>(h, t);
constexpr auto slope = input<"slope", double>(h);
constexpr auto s = scaled_dot<d>(q, k);
template <class S> constexpr auto attended(const S& score) { return dot<m>(softmax<m>(mask(score, m <= n)), v); }

constexpr auto added = attended((dot<d>(q, k) + dot<d>(u, k)) / 2);
constexpr auto subtracted = attended(slope * s - dot<d>(k, u));
constexpr auto of_keys = attended(tanh(dot<d>(q, k) * 0.5 + slope * (m - n) + dot<d>(k1, q)));
constexpr auto moved = attended(shift<m>(s, 1));
constexpr auto along_keys =
    attended(tap.at(0) * s + tap.at(1) * shift<m>(s, 1) + tap.at(2) * shift<m>(s, 2) - tap.at(3) * shift<m>(s, -1) / 3);
constexpr auto along_queries =
    attended(tap.at(0) * s + tap.at(1) * shift<n>(s, 1) + tap.at(2) * shift<n>(s * slope, -2));
constexpr auto weighted_keys = attended(s + shift<m>(s * input<"level", double>(m), 2));
// Shifted, mixed over heads and shifted again.
constexpr auto mixed = dot<h>(input<"mix", double>(g, h), s + tap.at(0) * shift<m>(s, 1));
constexpr auto with_mixture = dot<m>(softmax<m>(mixed - shift<n>(mixed, 1)), input<"vg", double>(g, m, e));

constexpr auto apart = attended(dot<d>(q, k) + dot<d>(u, k1));                    // nothing is shared
constexpr auto product = attended(dot<d>(q, k) * dot<d>(u, k));                   // no sum
constexpr auto by_rows = attended(s + input<"rate", double>(n) * dot<d>(q, k1));  // a factor that keys do not have
constexpr auto dense = attended(s + dot<d>(u, k) + input<"bias", double>(h, n, m));
constexpr auto divided = attended(s + shift<m>(s / input<"level", double>(m), 2));  // 0 / 0 where nothing is moved to
}  // namespace

BOOST_AUTO_TEST_CASE(sums) {
  CHECK_REWRITTEN(added, q, k, v, u);
  CHECK_REWRITTEN(subtracted, q, k, u, slope);
  CHECK_REWRITTEN(of_keys, q, k, k1, slope);
  const auto one = planned(added);
  BOOST_TEST(heed_tests::kinds(*one) == "rs");
}
BOOST_AUTO_TEST_CASE(shifts) {
  CHECK_REWRITTEN(moved, q, k);
  CHECK_REWRITTEN(along_keys, q, k, tap);
  CHECK_REWRITTEN(along_queries, q, k, tap);
  CHECK_REWRITTEN(weighted_keys, q, k);
  CHECK_REWRITTEN(with_mixture, q, k, tap);
}
BOOST_AUTO_TEST_CASE(what_stays) {
  BOOST_TEST((!is_rewritten<apart>() && !is_rewritten<product>() && !is_rewritten<by_rows>()));
  BOOST_TEST((!is_rewritten<dense>() && !is_rewritten<divided>()));
}
