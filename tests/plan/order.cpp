// The memory order of what lies between regions: as declared, whatever simplification did to the operands.
// options: -O0 -DHEED_UNOPTIMISED
#include <boost/test/unit_test.hpp>
#include "graphs.hpp"
#include "heed/block/activation.hpp"
#include "heed/block/heads.hpp"
#include "heed/block/norm.hpp"
using namespace heed;
using namespace heed::internal;
using namespace heed_tests::graphs;

namespace {
constexpr auto scale = input<"scale">(c);
constexpr auto first = layer_norm<c>(x, scale, scale);
constexpr auto up = project<c>(first, w, bias_o);
constexpr auto second = layer_norm<c>(scale + (first + project<o>(gelu(up), w2)), scale, scale);
constexpr auto chosen = project<c>(where(scale > 0, scale, x) * first, w);
}  // namespace

// scale[c] * x[b, n, c] is written with the scale on the left; stored as (c, b, n) every projection would read it
// across rows.
BOOST_AUTO_TEST_CASE(an_operand_that_covers_the_other_gives_the_order) {
  const auto rows_are_contiguous = [](const plan::execution_plan& p) {
    const int last[] = {p.g.find_axis(make_label("c")), p.g.find_axis(make_label("o"))};
    BOOST_TEST(p.buffer_count > 1);
    for (int i = 0; i < p.buffer_count; ++i) {
      if (p.buffers[std::size_t(i)].result >= 0) continue;  // as its type says, whatever that costs
      const plan::axis_list& order = p.buffers[std::size_t(i)].order;
      BOOST_TEST_REQUIRE(order.count == 3);
      BOOST_TEST(order[0] == p.g.find_axis(make_label("b")));
      BOOST_TEST(order[1] == p.g.find_axis(make_label("n")));
      BOOST_TEST((order[2] == last[0] || order[2] == last[1]));
    }
  };
  rows_are_contiguous(plan_for<results(second)>(std::make_index_sequence<1>{}));
  rows_are_contiguous(plan_for<results(chosen)>(std::make_index_sequence<1>{}));
}
