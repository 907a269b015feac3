// Outlines written out as regions: which are the same loops, and what a program is freed of.
// options: -O0 -DHEED_UNOPTIMISED
#include <boost/test/unit_test.hpp>
#include "planned.hpp"
using namespace heed;
using namespace heed::internal;
using namespace heed_tests::graphs;
using heed_tests::planned;
using plan::execution_plan, plan::outline, plan::region, plan::region_kind;

namespace {
constexpr auto w5 = input<"w5">(o, c);
constexpr auto w6 = input<"w6">(o, c);
constexpr auto w4 = input<"w4">(o, c);
constexpr auto bias_4 = input<"bias_4">(o);
constexpr auto share = input<"share">(b);
constexpr auto gain = input<"gain">(h);
constexpr auto whole_bias = input<"whole_bias", std::int32_t>(o);

std::unique_ptr<region> region_of_plan(const execution_plan& p, int i) {
  return std::make_unique<region>(plan::lowered(p, i));
}
// A pairwise value as a score-gradient region finds it, with the mask m <= n of its score, in a plan of its own.
struct pairwise {
  execution_plan p;
  outline outlined;
  std::unique_ptr<plan::value_writer> to;

  template <class E> explicit pairwise(const E& value) : p{}, outlined{} {
    p.g = value.g;
    root = value.root;
    outlined.kind = region_kind::score_gradient;
    for (int i = 1; i < p.g.size; ++i)
      if (p.g[i].code == op::input) outlined.reads[outlined.read_count++] = node_id(i);
    to = std::make_unique<plan::value_writer>(p, outlined);
    const expression causal = m <= n;
    to->loops.pair.keep = to->value_of(to->nodes.graft(causal.g, causal.root)).value;
  }
  // What is taken off where an item is one of `items`.
  plan::peeled_pair peeled(axis_set items) { return plan::peeled(*to, items, {.pair = root, .factor = 0.5}); }
  axis_set axis(const label& name) const { return plan::bit(p.g.find_axis(name)); }
  node_id root{};
};
}  // namespace

// What one kernel serves: regions that differ in which values they read and write, and in nothing else.
BOOST_AUTO_TEST_CASE(equal_regions_are_the_same_loops) {
  const auto p =
      planned(dot<c>(x, w) + bias_o, dot<c>(x, w4) + bias_4, dot<c>(x, w5) - bias_4, dot<c>(x, w6) + whole_bias);
  BOOST_TEST_REQUIRE(p->region_count == 4);
  const auto one = region_of_plan(*p, 0), same = region_of_plan(*p, 1);
  BOOST_TEST((*one == *same));
  BOOST_TEST(p->regions[0].reads[0] != p->regions[1].reads[0]);
  BOOST_TEST(!(*one == *region_of_plan(*p, 2)));  // another instruction
  BOOST_TEST(!(*one == *region_of_plan(*p, 3)));  // another element
  region other = *one;
  other.code.add({.code = op::constant, .type = element::f32, .value = 3});
  BOOST_TEST(!(*one == other));
  other.code.size = one->code.size;  // what lies behind the last instruction is nobody's
  BOOST_TEST((*one == other));
}
// Every field of every part counts.
BOOST_AUTO_TEST_CASE(regions_differ_in_any_part) {
  const auto p = planned(past_only);
  const auto one = region_of_plan(*p, 0);
  const auto differs = [&](const auto& change) {
    region other = *one;
    change(other);
    return !(*one == other);
  };
  BOOST_TEST(!differs([](region&) {}));
  BOOST_TEST(differs([](region& r) { r.tile.row_operand = 7; }));
  BOOST_TEST(differs([](region& r) { r.pair.keep = 0; }));
  BOOST_TEST(differs([](region& r) { r.score.maximum = 0; }));
  BOOST_TEST(differs([](region& r) { r.gradient.serial_axes = 1; }));
  BOOST_TEST(differs([](region& r) { r.gradient.sinks.add({}); }));
  BOOST_TEST(differs([](region& r) { r.row.lanes_along = false; }));
  BOOST_TEST(differs([](region& r) { r.scatter.index = 1; }));
  BOOST_TEST(differs([](region& r) { r.outputs[0].type = element::f64; }));
  BOOST_TEST(differs([](region& r) { r.operands.count = 2; }));
  BOOST_TEST(differs([](region& r) { r.width = {}; }));
}
// What need not be done for each pair moves to what the sum is multiplied by.
BOOST_AUTO_TEST_CASE(pairs_are_peeled) {
  pairwise all(-(3 * (share * (gain * where(m <= n, dense, 0)))));
  const plan::peeled_pair p = all.peeled(all.axis(make_label("b")) | all.axis(make_label("h")));
  BOOST_TEST(bool(all.to->nodes[p.pair].code == op::input));
  BOOST_TEST(p.factor == -1.5);
  const plan::instruction& scale = all.to->loops.code[p.scale];
  BOOST_TEST_REQUIRE(bool(scale.code == op::multiply));  // of both values of an item
  BOOST_TEST(scale.axes == (all.axis(make_label("b")) | all.axis(make_label("h"))));

  const plan::peeled_pair of_batch = all.peeled(all.axis(make_label("b")));  // a sum over h takes a value for each h
  BOOST_TEST(of_batch.factor == -1.5);
  BOOST_TEST(bool(all.to->nodes[of_batch.pair].code == op::multiply));
  BOOST_TEST(all.to->loops.code[of_batch.scale].axes == all.axis(make_label("b")));

  pairwise masked(mask(dense, m <= n));
  BOOST_TEST(bool(masked.to->nodes[masked.peeled(0).pair].code == op::input));
}
// What says more than the mask of the score stays with the pairs, and so do values that may be absent.
BOOST_AUTO_TEST_CASE(what_changes_with_pairs_is_not_peeled) {
  const auto stays = [](const auto& value, int code) {
    pairwise x(value);
    const plan::peeled_pair p = x.peeled(x.axis(make_label("b")) | x.axis(make_label("h")));
    BOOST_TEST(p.factor == 0.5);
    BOOST_TEST(p.scale == 0);
    BOOST_TEST(int(x.to->nodes[p.pair].code) == code);
  };
  stays(where(m < n, dense, 0), int(op::where));
  stays(where(m <= n, dense, 1), int(op::where));
  stays(mask(dense, m < n), int(op::mask));
  stays(mask(share, share > 0) * dense, int(op::multiply));
  stays(exp(dense), int(op::exp));
}
