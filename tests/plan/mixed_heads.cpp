// Heads that are mixed before a softmax and behind it: what is planned has no loops and stores nothing over pairs, and
// means what is declared; gradients equal central differences of the declared graph. What has to stay as it is does.
// options: -O0 -DHEED_UNOPTIMISED
#include "rewritten.hpp"
using namespace heed;
using namespace heed::internal;
using heed_tests::difference, heed_tests::is_rewritten, heed_tests::planned, heed_tests::rewritten_extents;

namespace {
constexpr axis<"b"> b;
constexpr axis<"n"> n;
constexpr axis<"m"> m;
constexpr axis<"yk"> yk;
constexpr axis<"xk"> xk;
constexpr axis<"g", 2> g;  // heads, and groups of r
constexpr axis<"r", 2> r;
constexpr axis<"h", 3> h;  // what they are mixed to
constexpr axis<"j", 2> j;
constexpr axis<"d", 3> d;
constexpr axis<"e", 2> e;
constexpr axis<"z", 11> z;
constexpr axis<"l"> l;  // heads whose number is not known
constexpr auto q = input<"q", double>(g, n, d);
constexpr auto k = input<"k", double>(g, m, d);
constexpr auto v = input<"v", double>(j, m, e);
constexpr auto mix = input<"mix", double>(h, g);
constexpr auto back = input<"back", double>(j, h);
constexpr auto slope = input<"slope", double>(g);
constexpr auto table = input<"table", double>(g, z);
constexpr auto s = scaled_dot<d>(q, k);
constexpr auto own = input<"own", double>(h, m, e);
template <class S> constexpr auto attended(const S& score) { return dot<m>(softmax<m>(score), own); }

constexpr auto mixed = dot<g>(mix, s);
constexpr auto before = attended(mixed);
constexpr auto masked = attended(mask(mixed, m <= n));
constexpr auto summed = attended(mask(sum<g>(s * mix), m <= n));
constexpr auto right = attended(2 * tanh(dot<g>(s, mix) / 2));
constexpr auto with_slopes = attended(dot<g>(mix, s - slope * (m - n)));
constexpr auto with_table = attended(dot<g>(mix, s + table.at(n - m + 5)));
constexpr auto of_queries = attended(dot<g>(input<"mixq", double>(n, h, g), s));
constexpr auto of_keys = attended(dot<g>(input<"mixk", double>(m, h, g), s / slope));
constexpr auto statistic = logsumexp<m>(mask(mixed, m <= n));
constexpr auto same_names = dot<m>(softmax<m>(rename<j, g>(dot<g>(input<"mix2", double>(j, g), s))), rename<j, g>(v));
constexpr auto grouped =
    attended(dot<g, r>(input<"mix3", double>(h, g, r), dot<d>(input<"qr", double>(g, r, n, d), k)));
constexpr auto one_key = attended(dot<g>(mix, dot<d>(q, input<"k1", double>(m, d))));
constexpr auto batch =
    dot<m>(softmax<m>(dot<g>(mix, dot<d>(input<"qb", double>(b, g, n, d), input<"kb", double>(b, g, m, d)))),
           input<"vb", double>(b, h, m, e));
constexpr auto two_contents =
    attended(dot<g>(mix, s + dot<e>(input<"q2", double>(g, n, e), input<"k2", double>(m, e))));
constexpr auto on_a_grid = dot<yk, xk>(softmax<yk, xk>(dot<g>(mix, dot<d>(q, input<"kg", double>(g, yk, xk, d)))),
                                       input<"vg", double>(h, yk, xk, e));

constexpr auto weights = softmax<m>(mask(s, m <= n));
constexpr auto mix_behind = input<"mixb", double>(j, g);
constexpr auto behind = dot<m>(dot<g>(mix_behind, weights), v);
constexpr auto behind_summed = dot<m>(v, sum<g>(weights* mix_behind) / 2);
constexpr auto behind_renamed = dot<m>(rename<j, g>(dot<g>(mix_behind, weights)), rename<j, g>(v));
constexpr auto shared_weights = dot<m>(softmax<m>(dot<d>(input<"q1", double>(n, d), input<"k1", double>(m, d))), v);
constexpr auto both = dot<m>(dot<h>(back, softmax<m>(mask(mixed, m <= n))), v);

// Without a softmax.
constexpr auto product = dot<m>(mask(mixed, m <= n), own);
constexpr auto squared = dot<m>(max(mask(mixed, m <= n), 0) * max(mixed, 0) / size<m>, own);
constexpr auto divided = dot<m>(mask(sigmoid(mixed), m <= n), own) / (1 + sum<m>(mask(sigmoid(mixed), m <= n)));
constexpr auto product_behind = dot<m>(mask(dot<g>(mix_behind, tanh(s)), m <= n), v);
constexpr auto product_both = dot<m>(mask(dot<h>(back, tanh(mixed)), m <= n), v);
// Numbers of heads that a call brings.
constexpr axis<"o"> o;
constexpr auto ql = input<"ql", double>(l, n, d);
constexpr auto kl = input<"kl", double>(l, m, d);
constexpr auto mixl = input<"mixl", double>(o, l);
constexpr auto vo = input<"vo", double>(o, m, e);
constexpr auto of_a_call = dot<m>(softmax<m>(mask(dot<l>(mixl, scaled_dot<d>(ql, kl)), m <= n)), vo);
constexpr auto of_a_call_behind = dot<m>(dot<l>(mixl, softmax<m>(mask(scaled_dot<d>(ql, kl), m <= n))), vo);
constexpr auto sigmoids_of_a_call = dot<m>(mask(sigmoid(dot<l>(mixl, scaled_dot<d>(ql, kl))), m <= n), vo);
// Widths that a call brings: one that values of several heads have, beside what is mixed and beside what is not.
constexpr axis<"w"> w;
constexpr auto vw = input<"vw", double>(j, m, w);
constexpr auto ow = input<"ow", double>(o, m, w);
constexpr auto wide_behind = dot<m>(dot<g>(mix_behind, weights), vw);
constexpr auto wide_both = dot<m>(dot<h>(back, softmax<m>(mask(mixed, m <= n))), vw);
constexpr auto wide_of_a_call = dot<m>(dot<l>(mixl, softmax<m>(mask(scaled_dot<d>(ql, kl), m <= n))), ow);
constexpr auto wide_product = dot<m>(mask(dot<g>(mix_behind, tanh(s)), m <= n), vw);
constexpr auto one_softmax = softmax<m>(dot<d>(input<"q1", double>(n, d), input<"k1", double>(m, d)));
constexpr auto heads_first = dot<m>(one_softmax, vw);
constexpr auto heads_last = dot<m>(one_softmax, input<"wj", double>(m, w, j));
constexpr auto width_between = dot<m>(one_softmax, input<"ew", double>(m, e, w));

// Stays a loop.
constexpr auto hidden = attended(dot<g>(mix, mask(s, m <= n)));  // 0 where nothing is left
// May be stored, for a bias lies over the pairs.
constexpr auto dense = attended(mixed + input<"dense", double>(h, n, m));
// Nothing is over pairs of positions.
constexpr auto layer = dot<g>(mix, dot<d>(q, input<"w", double>(g, e, d)));

// Of each score region that weighs values: "items of the batch|width".
std::string batch_and_width(const plan::execution_plan& p) {
  const auto name = [&](int axis) { return std::string(p.g.axes[std::size_t(axis)].name.text()); };
  std::string r;
  for (int i = 0; i < p.region_count; ++i) {
    if (p.regions[std::size_t(i)].kind != plan::region_kind::score) continue;
    const auto loops = std::make_unique<plan::region>(plan::lowered(p, i));
    r += r.empty() ? "" : " ";
    for (int k = 0; k < loops->batch.count; ++k) r += (k ? "," : "") + name(loops->batch[k]);
    r += "|";
    for (int k = 0; k < loops->width.count; ++k) r += name(loops->width[k]);
  }
  return r;
}

}  // namespace

BOOST_AUTO_TEST_CASE(scores) {
  CHECK_REWRITTEN(before, q, k, own, mix);
  CHECK_REWRITTEN(masked, q, k, own, mix);
  CHECK_REWRITTEN(summed, q, k, own, mix);
  CHECK_REWRITTEN(right, q, k, mix);
  CHECK_REWRITTEN(with_slopes, q, k, mix, slope);
  CHECK_REWRITTEN(with_table, q, k, mix);
  CHECK_REWRITTEN(of_queries, q, k);
  CHECK_REWRITTEN(of_keys, q, k, slope);
  CHECK_REWRITTEN(statistic, q, k, mix);
  CHECK_REWRITTEN(same_names, q, k, v);
  CHECK_REWRITTEN(grouped, k, own);
  CHECK_REWRITTEN(one_key, q, mix);
  CHECK_REWRITTEN(batch, mix);
  CHECK_REWRITTEN(two_contents, q, k, mix);
  CHECK_REWRITTEN(on_a_grid, q, mix);
}
BOOST_AUTO_TEST_CASE(weights_and_values) {
  CHECK_REWRITTEN(behind, q, k, v, mix_behind);
  CHECK_REWRITTEN(behind_summed, q, k, v, mix_behind);
  CHECK_REWRITTEN(behind_renamed, q, k, v, mix_behind);
  CHECK_REWRITTEN(shared_weights, v);
  CHECK_REWRITTEN(both, q, k, v, mix, back);
}
BOOST_AUTO_TEST_CASE(without_softmax) {
  CHECK_REWRITTEN(product, q, k, own, mix);
  CHECK_REWRITTEN(squared, q, k, own, mix);
  CHECK_REWRITTEN(divided, q, k, own, mix);
  CHECK_REWRITTEN(product_behind, q, k, v, mix_behind);
  CHECK_REWRITTEN(product_both, q, k, v, mix, back);
}
BOOST_AUTO_TEST_CASE(heads_of_a_call) {
  CHECK_REWRITTEN(of_a_call, ql, kl, mixl, vo);
  CHECK_REWRITTEN(of_a_call_behind, ql, kl, mixl, vo);
  CHECK_REWRITTEN(sigmoids_of_a_call, ql, kl, mixl, vo);
}
BOOST_AUTO_TEST_CASE(widths_of_a_call) {
  CHECK_REWRITTEN(wide_behind, q, k, vw, mix_behind);
  CHECK_REWRITTEN(wide_both, q, k, vw, mix, back);
  CHECK_REWRITTEN(wide_of_a_call, ql, kl, mixl, ow);
  CHECK_REWRITTEN(wide_product, q, k, vw, mix_behind);
}
// Weights are made once for the values of all mixed heads, and never again for each element of a width.
// mutants: known_axis_taken_for_the_width
BOOST_AUTO_TEST_CASE(a_width_is_no_batch) {
  BOOST_TEST(batch_and_width(*planned(wide_behind)) == "g|j*w");
  BOOST_TEST(batch_and_width(*planned(wide_both)) == "|j*w");
  BOOST_TEST(batch_and_width(*planned(wide_of_a_call)) == "l|o*w");
  BOOST_TEST(batch_and_width(*planned(heads_first)) == "j|w");
  BOOST_TEST(batch_and_width(*planned(heads_last)) == "w|j");
  BOOST_TEST(batch_and_width(*planned(width_between)) == "e|w");
  BOOST_TEST(difference(*planned(heads_first), heads_first, rewritten_extents) == "");
  BOOST_TEST(difference(*planned(heads_last), heads_last, rewritten_extents) == "");
  BOOST_TEST(difference(*planned(width_between), width_between, rewritten_extents) == "");
}
// The scores of all heads through a small network at each pair, beside those of the head itself under another name: in
// loops, with nothing over pairs.
namespace {
constexpr axis<"heads", 3> heads;
constexpr axis<"units", 3> units;
constexpr axis<"wide", 3> wide;
constexpr auto of_network = [] {
  const auto score = dot<wide>(input<"nq">(heads, n, wide), input<"nk">(heads, m, wide));
  const auto hidden = tanh(dot<heads>(input<"into">(units, heads), score));
  const auto added = dot<units>(input<"out_of">(h, units), hidden);
  return dot<m>(softmax<m>(mask(rename<heads, h>(score) + added, m <= n)), input<"nv">(h, m, wide));
}();
constexpr auto grad_network = gradient<of_network>(wrt(input<"nq">(heads, n, wide), input<"nk">(heads, m, wide),
                                                       input<"into">(units, heads), input<"out_of">(h, units)));
}  // namespace
BOOST_AUTO_TEST_CASE(a_small_network_over_heads) {
  const auto forward = planned<of_network>(), backward = planned<grad_network>();
  BOOST_TEST(!heed_tests::stores_pairs(*forward));
  BOOST_TEST(!heed_tests::stores_pairs(*backward));
  BOOST_TEST(difference(*forward, of_network, rewritten_extents) == "");
  BOOST_TEST(difference(*backward, grad_network, rewritten_extents) == "");
}
BOOST_AUTO_TEST_CASE(what_stays) {
  for (const bool rewritten : {is_rewritten<hidden>(), is_rewritten<dense>(), is_rewritten<layer>()})
    BOOST_TEST(!rewritten);
  BOOST_TEST(is_rewritten<both>());
  BOOST_TEST(difference(*planned(hidden), hidden, rewritten_extents) == "");
}
