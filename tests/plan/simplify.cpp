// The simplification pass, called as an ordinary function on graphs built while this program runs: what it folds, what
// it leaves alone, and that equal expressions are one node.
// options: -O0 -DHEED_UNOPTIMISED
#include <boost/test/unit_test.hpp>
#include "heed/heed.hpp"
#include <memory>
using namespace heed;
using namespace heed::internal;

namespace {
constexpr axis<"n"> n;
constexpr axis<"m"> m;
constexpr axis<"z"> z;
constexpr axis<"d", 16> d;
constexpr auto x = input<"x">(n, m);
constexpr auto y = input<"y">(n, m);
constexpr auto row = input<"row">(n);
constexpr auto doc = input<"doc", std::int32_t>(z);
constexpr auto keep = input<"keep", bool>(n, m);

using simple = std::unique_ptr<plan::simplified_graph>;
template <class E> simple simplified(const E& e) {
  const fixed_array<node_id, 1> root{node_id(e.root)};
  return std::make_unique<plan::simplified_graph>(plan::simplified(e.g, root, 1));
}
const node& top(const simple& s) { return s->g[s->roots[0]]; }
int nodes(const simple& s) { return s->g.size - 1; }
// Are two expressions one value after simplification? Hashes are structural.
template <class A, class B> bool same(const A& a, const B& b) {
  return top(simplified(a)).hash == top(simplified(b)).hash;
}
template <class E> bool becomes_constant(const E& e, double v) {
  const simple s = simplified(e);
  return top(s).code == op::constant && top(s).value == v;
}
}  // namespace

BOOST_AUTO_TEST_CASE(constants_fold) {
  const auto two = size<d> * 0 + 2;  // an expression, not a number of C++
  BOOST_TEST(becomes_constant(two, 2));
  BOOST_TEST(becomes_constant(size<d> + 1, 17));
  BOOST_TEST(becomes_constant(size<d> - 20, -4));
  BOOST_TEST(becomes_constant(size<d> / 32, 0.5));
  BOOST_TEST(becomes_constant(sqrt(size<d>), 4));
  BOOST_TEST(becomes_constant(rsqrt(size<d>), 0.25));
  BOOST_TEST(becomes_constant(abs(-size<d>), 16));
  BOOST_TEST(becomes_constant(min(size<d>, 3), 3));
  BOOST_TEST(becomes_constant(max(size<d>, 3), 16));
  BOOST_TEST(becomes_constant(size<d> < 16, 0));
  BOOST_TEST(becomes_constant(size<d> <= 16, 1));
  BOOST_TEST(becomes_constant(size<d> == 16, 1));
  BOOST_TEST(becomes_constant(size<d> != 16, 0));
  BOOST_TEST(becomes_constant(size<d> < 16 || size<d> > 3, 1));
  BOOST_TEST(becomes_constant(!(size<d> < 16 && size<d> > 3), 1));
  BOOST_TEST(becomes_constant(where(size<d> < 3, size<d>, size<d> * 2), 32));
}
BOOST_AUTO_TEST_CASE(what_is_not_a_number_is_left_for_run_time) {
  BOOST_TEST(bool(top(simplified(1 / (size<d> - 16))).code != op::constant));
  BOOST_TEST(bool(top(simplified(sqrt(size<d> - 17))).code != op::constant));
  BOOST_TEST(bool(top(simplified(rsqrt(size<d> - 16))).code != op::constant));
}
BOOST_AUTO_TEST_CASE(neutral_elements_vanish) {
  BOOST_TEST(same(x + 0, x));
  BOOST_TEST(same(0 + x, x));
  BOOST_TEST(same(x - 0, x));
  BOOST_TEST(same(0 - x, -x));
  BOOST_TEST(same(-(-x), x));
  BOOST_TEST(same(x * 1, x));
  BOOST_TEST(same(1 * x, x));
  BOOST_TEST(same(x / 1, x));
  BOOST_TEST(same(!!keep, keep));
  BOOST_TEST(same(keep && true, keep));
  BOOST_TEST(same(true && keep, keep));
  BOOST_TEST(same(keep || false, keep));
  BOOST_TEST(becomes_constant(keep && false, 0));
  BOOST_TEST(becomes_constant(true || keep, 1));
  BOOST_TEST(same(where(keep, x, x), x));
  BOOST_TEST(same(mask(x, true), x));
  BOOST_TEST(same(cast<float>(x), x));
}
BOOST_AUTO_TEST_CASE(what_nan_could_tell_apart_stays) {
  BOOST_TEST(bool(top(simplified(x * 0)).code == op::multiply));
  BOOST_TEST(bool(top(simplified(x - x)).code == op::subtract));
  BOOST_TEST(bool(top(simplified(x / x)).code == op::divide));
  BOOST_TEST(bool(top(simplified(mask(x, false))).code == op::mask));
}
BOOST_AUTO_TEST_CASE(whole_numbers_stay_whole) {  // n + 0.0 is real, n is not
  BOOST_TEST(bool(is_real(top(simplified(n + 0.0)).type)));
  BOOST_TEST(bool(is_integer(top(simplified(n + 0)).type)));
  BOOST_TEST(bool(is_real(top(simplified(where(true, n, x))).type)));
  BOOST_TEST(bool(top(simplified(cast<std::int32_t>(x))).code == op::cast));
}
BOOST_AUTO_TEST_CASE(constants_gather) {
  BOOST_TEST(same(2 * (3 * x), 6.0 * x));
  BOOST_TEST(same((x * 2) * 3, 6.0 * x));
  BOOST_TEST(same((2 * x) * (4 * y), 8.0 * (x * y)));
  BOOST_TEST(same(x / 4, 0.25 * x));
  BOOST_TEST(same((x / 2) / 2, 0.25 * x));
  const simple s = simplified(2 * (row * x));  // into what varies least
  BOOST_TEST(bool(top(s).code == op::multiply && s->g[top(s).a].axes != s->g[top(s).b].axes));
  BOOST_TEST(bool(s->g[top(s).a].code == op::multiply && s->g[s->g[top(s).a].a].code == op::constant));
  const auto slope = input<"slope">(z);
  const simple l = simplified(2 * ((m - n) * slope));  // and that though it has none of the other's axes
  BOOST_TEST(std::popcount(l->g[top(l).a].axes) == 1);
  BOOST_TEST(bool(l->g[top(l).a].code == op::multiply && l->g[l->g[top(l).a].a].code == op::constant));
}
BOOST_AUTO_TEST_CASE(a_division_stays_one) {
  BOOST_TEST(bool(top(simplified(x / 3)).code == op::divide));
  BOOST_TEST(bool(top(simplified(x / sqrt(size<n>))).code == op::divide));
  BOOST_TEST(same(x / 1024, 0x1p-10 * x));  // nothing is rounded
  const auto score = dot<d>(input<"q">(n, d), input<"k">(m, d));
  const auto denominators = [](const auto& e) {  // of quotients that vary
    const simple s = simplified(e);
    int count = 0;
    for (int i = 1; i < s->g.size; ++i) count += s->g[i].code == op::divide && s->g[i].axes != 0;
    return count;
  };
  BOOST_TEST(denominators(softmax<m>(score / sqrt(size<n>))) == 0);  // queries take the factor
  BOOST_TEST(denominators(softmax<m>(score / 20)) == 0);
  BOOST_TEST(denominators(score / 20) == 1);                                    // a result sees its last place
  BOOST_TEST(denominators(softmax<m>(mask(score / 20, score / 20 < 1))) == 1);  // a comparison does
  BOOST_TEST(denominators(softmax<m>(score / 1e-39)) == 1);                     // its inverse is no float
  BOOST_TEST(denominators(softmax<m>(score / input<"t">())) == 1);              // which may be as small
}
BOOST_AUTO_TEST_CASE(a_factor_moves_to_the_leaves) {
  auto s = simplified(where(keep, x * 3, 5 - y));
  const node_id scaled = plan::scaled(s->g, s->roots[0], 2);
  const simple want = simplified(where(keep, x * 6.0, 10.0 - 2.0 * y));
  BOOST_TEST(s->g[scaled].hash == top(want).hash);
  auto masked = simplified(mask(x - 1, keep));
  BOOST_TEST(masked->g[plan::scaled(masked->g, masked->roots[0], 4)].hash ==
             top(simplified(mask(4.0 * x - 4.0, keep))).hash);
}
BOOST_AUTO_TEST_CASE(equal_expressions_are_one_node) {
  const auto a = exp(x * 2 + row), again = exp(x * 2 + row);
  BOOST_TEST((a + again).g.size == a.g.size + 1);  // the sum alone is new
  BOOST_TEST(nodes(simplified(a * again)) == nodes(simplified(a)) + 1);
  BOOST_TEST(nodes(simplified(exp(x * 2) + exp(2 * x))) == nodes(simplified(exp(2 * x))) + 1);
  const auto other = exp(row + x * 2);  // operands the other way round are another node
  BOOST_TEST((a + other).g.size > a.g.size + 1);
}
BOOST_AUTO_TEST_CASE(what_nobody_needs_is_gone) {
  const auto big = exp(x) + tanh(y);
  const auto chosen = where(size<d> < 3, big, x);
  BOOST_TEST(top(simplified(chosen)).hash == top(simplified(x)).hash);
  const auto one = simplified(mask(x, keep || true));
  const fixed_array<node_id, 1> root{one->roots[0]};
  const auto again = std::make_unique<plan::simplified_graph>(plan::simplified(one->g, root, 1));
  BOOST_TEST(nodes(again) == 1);
}
BOOST_AUTO_TEST_CASE(tables_at_an_axis_are_views_and_names_change_at_the_leaves) {
  BOOST_TEST(bool(top(simplified(doc.at(n))).code == op::slice));
  BOOST_TEST(bool(top(simplified(doc.at(n + 1))).code == op::gather));
  BOOST_TEST(bool(top(simplified(gather<z>(doc, z))).code == op::input));
  BOOST_TEST(bool(top(simplified(gather<d>(input<"t">(n, d), 3))).code == op::pick));
  BOOST_TEST(bool(top(simplified(gather<d>(input<"t">(n, d), 16))).code == op::gather));  // outside: the nearest end
  BOOST_TEST(bool(top(simplified(doc.at(3))).code == op::gather));                        // perhaps outside
  const simple s = simplified(rename<n, z>(exp(row) + n));
  BOOST_TEST(bool(top(s).code == op::add));
  for (int i = 1; i < s->g.size; ++i) BOOST_TEST((s->g[i].code != op::rename || s->g[s->g[i].a].code == op::input));
  BOOST_TEST(same(rename<n, z>(rename<z, n>(input<"t">(z))), rename<z, z>(rename<n, z>(rename<z, n>(input<"t">(z))))));
}
BOOST_AUTO_TEST_CASE(reductions_go_one_axis_at_a_time) {
  BOOST_TEST(same(sum<n, m>(x), sum<n>(sum<m>(x))));
  BOOST_TEST(same(max<n, m>(x), max<n>(max<m>(x))));
  BOOST_TEST(same(min<n, m>(mask(x, keep)), min<n>(min<m>(mask(x, keep)))));
  BOOST_TEST(same(mean<n, m>(x), sum<n>(sum<m>(x)) / max(1 * (size<n> * size<m>), 1)));
  BOOST_TEST(same(mean<n, d>(input<"t">(n, d)), sum<n>(sum<d>(input<"t">(n, d))) / max(16 * size<n>, 1)));
  BOOST_TEST(bool(top(simplified(mean<n, m>(mask(x, keep)))).code == op::mean));  // of how many is not known
  const auto p = softmax<m>(x);
  BOOST_TEST(bool(top(simplified(sum<n, m>(p * p))).over == top(simplified(sum<n, m>(p * p + 1))).over) ==
             false);  // pairs: at once
}
BOOST_AUTO_TEST_CASE(simplifying_twice_changes_nothing) {
  const auto e = mask(softcap(2 * (x / sqrt(size<d>)) + row * 3 - n, 5), m <= n && keep);
  const simple once = simplified(e);
  const fixed_array<node_id, 1> root{once->roots[0]};
  const auto twice = std::make_unique<plan::simplified_graph>(plan::simplified(once->g, root, 1));
  BOOST_TEST(twice->g[twice->roots[0]].hash == top(once).hash);
}
BOOST_AUTO_TEST_CASE(square_roots_are_right_to_the_last_bits) {
  for (const double v : {0.0, 1.0, 2.0, 3.0, 64.0, 96.0, 128.0, 1e-300, 1e300, 0.1, 257.0})
    BOOST_TEST(std::fabs(plan::square_root(v) - std::sqrt(v)) <= 2.3e-16 * std::sqrt(v));
  BOOST_TEST(std::isnan(plan::square_root(-1)));
  BOOST_TEST(plan::square_root(INFINITY) == INFINITY);
}
