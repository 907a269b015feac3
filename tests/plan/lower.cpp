// Outlines written out as regions: which are the same loops, and what a program is freed of.
// options: -O0 -DHEED_UNOPTIMISED
#include <boost/test/unit_test.hpp>
#include "planned.hpp"
using namespace heed;
using namespace heed::internal;
using namespace heed_tests::graphs;
using heed_tests::planned;
using plan::region;

namespace {
constexpr auto w5 = input<"w5">(o, c);
constexpr auto w6 = input<"w6">(o, c);
constexpr auto w4 = input<"w4">(o, c);
constexpr auto bias_4 = input<"bias_4">(o);
constexpr auto whole_bias = input<"whole_bias", std::int32_t>(o);

std::unique_ptr<region> region_of_plan(const plan::execution_plan& p, int i) {
  return std::make_unique<region>(plan::lowered(p, i));
}
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
