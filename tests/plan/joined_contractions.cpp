// Contractions of one score that share an operand, and scores that are shifted: one contraction, forward and backward,
// that means what is declared; gradients equal central differences of the declared graph.
// options: -O0 -DHEED_UNOPTIMISED
#include "rewritten.hpp"
using namespace heed;
using namespace heed::internal;
using heed_tests::is_rewritten, heed_tests::planned, heed_tests::kinds, heed_tests::stores_pairs;

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

// Scores that are 0 behind a mask: what the score's own mask settles is joined, the rest a contraction for each column.
constexpr auto zeroed = where(m <= n, s, 0);
constexpr auto behind_mask =
    attended(tap.at(0) * shift<m>(zeroed, -1) + tap.at(1) * zeroed + tap.at(2) * shift<m>(zeroed, 1));
constexpr auto both_ways = attended(tap.at(0) * shift<m>(zeroed, -1) + tap.at(1) * shift<n>(zeroed, 1) +
                                    tap.at(2) * shift<n>(shift<m>(zeroed, 1), 1));
constexpr auto in_window = where(m <= n + 1 && n - m < 3 && !(m == 2), s, 0);
constexpr auto of_window = attended(tap.at(0) * in_window + tap.at(1) * shift<m>(in_window, 1));
constexpr auto levels = input<"levels", double>(m);
constexpr auto by_level = where(levels > 0, 0, s);  // the condition lies over keys
constexpr auto of_levels = attended(tap.at(0) * by_level + tap.at(1) * shift<m>(by_level, 1));
template <int... I> constexpr auto wide_of(std::integer_sequence<int, I...>) {
  return attended((... + (input<"taps", double>(h, axis<"w", 11>{}).at(I) * shift<m>(zeroed, I - 5))));
}
constexpr auto wide = wide_of(std::make_integer_sequence<int, 11>{});  // as in the paper: 5 later keys, 5 earlier ones
constexpr auto wide_back = gradient<wide>(wrt(q, k, v));

constexpr auto otherwise = attended(s + shift<m>(where(m <= n, s, 1), 1));                     // 0 comes in, not 1
constexpr auto chosen = attended(dot<d>(u, k) + shift<m>(where(s > dot<d>(u, k1), s, 0), 1));  // by scores
constexpr auto apart = attended(dot<d>(q, k) + dot<d>(u, k1));                                 // nothing is shared
constexpr auto product = attended(dot<d>(q, k) * dot<d>(u, k));                                // no sum
constexpr auto by_rows = attended(s + input<"rate", double>(n) * dot<d>(q, k1));  // a factor that keys do not have
constexpr auto dense = attended(s + dot<d>(u, k) + input<"bias", double>(h, n, m));
constexpr auto divided = attended(s + shift<m>(s / input<"level", double>(m), 2));  // 0 / 0 where nothing is moved to
}  // namespace

BOOST_AUTO_TEST_CASE(sums) {
  CHECK_REWRITTEN(added, q, k, v, u);
  CHECK_REWRITTEN(subtracted, q, k, u, slope);
  CHECK_REWRITTEN(of_keys, q, k, k1, slope);
  const auto one = planned(added);
  BOOST_TEST(kinds(*one) == "rs");
}
BOOST_AUTO_TEST_CASE(shifts) {
  CHECK_REWRITTEN(moved, q, k);
  CHECK_REWRITTEN(along_keys, q, k, tap);
  CHECK_REWRITTEN(along_queries, q, k, tap);
  CHECK_REWRITTEN(weighted_keys, q, k);
  CHECK_REWRITTEN(with_mixture, q, k, tap);
}
BOOST_AUTO_TEST_CASE(behind_a_mask) {
  CHECK_REWRITTEN(behind_mask, q, k, tap);
  CHECK_REWRITTEN(both_ways, q, k, tap);
  CHECK_REWRITTEN(of_window, q, k, tap);
  CHECK_REWRITTEN(of_levels, q, k, tap);
  for (const auto& p : {planned(wide), planned<wide_back>()})
    BOOST_TEST((kinds(*p).find('l') == std::string::npos && !stores_pairs(*p)), kinds(*p));
}
BOOST_AUTO_TEST_CASE(what_stays) {
  BOOST_TEST((!is_rewritten<otherwise>() && !is_rewritten<chosen>()));
  BOOST_TEST((!is_rewritten<apart>() && !is_rewritten<product>() && !is_rewritten<by_rows>()));
  BOOST_TEST((!is_rewritten<dense>() && !is_rewritten<divided>()));
}
