// Splitting into regions and lowering, as ordinary functions on graphs of every kind: regions run when what they read
// is written, every result is written once, buffers live as long as they are read and share no memory while they do,
// programs hold primitives alone.
// options: -O0 -DHEED_UNOPTIMISED
#include <boost/test/unit_test.hpp>
#include "planned.hpp"
#include <heed/graph/gradient.hpp>
#include "heed/call/frame/make_call_table.hpp"
#include "heed/call/places.hpp"
#include <memory>
#include <set>
using namespace heed;
using namespace heed::internal;
using namespace heed_tests::graphs;
using heed::internal::plan::execution_plan, heed::internal::plan::region, heed::internal::plan::region_kind,
    heed::internal::plan::role, heed::internal::plan::outline;
using heed_tests::planned;

namespace {
int below(const execution_plan& p, int i) {  // what a view lies in: an input or a written value
  while (is_view(p.g[i].code)) {
    for (int r = 0; r < p.region_count; ++r)
      for (int k = 0; k < p.regions[std::size_t(r)].write_count; ++k)
        if (p.regions[std::size_t(r)].writes[std::size_t(k)].value == i && !copies(p.regions[std::size_t(r)])) return i;
    i = p.g[i].a;
  }
  return i;
}

// What holds for every plan.
void check_order(const std::string& name, const execution_plan& p) {
  BOOST_TEST_REQUIRE(bool(p.fault == plan::plan_fault::none));
  std::set<int> written;
  std::map<int, int> results;
  for (int r = 0; r < p.region_count; ++r) {
    const outline& o = p.regions[std::size_t(r)];
    for (int k = 0; k < o.read_count; ++k) {
      const int i = below(p, o.reads[std::size_t(k)]);
      BOOST_TEST((p.g[i].code == op::input || written.count(i)),
                 name + ": region " + std::to_string(r) + " reads what is not written yet");
      if (p.g[i].code == op::input) continue;
      for (int b = 0; b < p.buffer_count; ++b)  // and what it reads still lives
        for (int w = 0; w < r; ++w)
          for (int j = 0; j < p.regions[std::size_t(w)].write_count; ++j)
            if (p.regions[std::size_t(w)].writes[std::size_t(j)].value == i &&
                p.regions[std::size_t(w)].writes[std::size_t(j)].into == b && !copies(p.regions[std::size_t(w)]))
              BOOST_TEST((p.buffers[std::size_t(b)].first <= w && p.buffers[std::size_t(b)].last >= r),
                         name + ": a buffer dies before it is read");
    }
    BOOST_TEST(o.write_count > 0);
    for (int k = 0; k < o.write_count; ++k) {
      const plan::buffer& b = p.buffers[std::size_t(o.writes[std::size_t(k)].into)];
      if (!copies(o)) BOOST_TEST(written.insert(o.writes[std::size_t(k)].value).second, name + ": written twice");
      if (b.result >= 0) ++results[b.result];
      BOOST_TEST(b.order.count == plan::count_of(p.g[b.value].axes));
    }
  }
  for (int k = 0; k < p.result_count; ++k)
    BOOST_TEST(results[k] == 1, name + ": result " + std::to_string(k) + " is not written once");
}
void check_programs(const std::string& name, const execution_plan& p) {
  for (int i = 0; i < p.region_count; ++i) {
    const auto r = std::make_unique<region>(plan::lowered(p, i));
    BOOST_TEST(r->outputs.count >= 1);
    BOOST_TEST(!r->code.full);
    BOOST_TEST(plan::computable(*r), name + ": region " + std::to_string(i) + " holds what its kernel cannot compute");
    for (int k = 1; k < r->code.size; ++k) {
      const plan::instruction& x = r->code[k];
      BOOST_TEST_CONTEXT(name << ", region " << i << ", instruction " << k) {
        BOOST_TEST((x.a < k && x.b < k && x.c < k));
        const bool primitive = is_pointwise(x.code) || x.code == op::constant || x.code == op::index ||
                               x.code == op::size || x.code == op::gather || x.code == op::load || x.code == op::tile ||
                               x.code == op::sum || x.code == op::max || x.code == op::min;
        BOOST_TEST(primitive);
        if (x.code == op::load || x.code == op::gather) BOOST_TEST(x.operand < r->operands.count);
        using plan::class_of;
        if (x.b && is_pointwise(x.code) && x.code != op::where)
          BOOST_TEST(bool(class_of(r->code[x.a].type) == class_of(r->code[x.b].type)));  // nothing mixes
        if (x.code == op::where)
          BOOST_TEST(bool(class_of(r->code[x.a].type) == plan::value_class::truth &&
                          class_of(r->code[x.b].type) == class_of(r->code[x.c].type)));
        if (x.code != op::constant) BOOST_TEST((class_of(x.type) != plan::value_class::real || x.type == r->real));
      }
    }
    // every axis has one job (keys and values may be one value, and then depth and width one axis)
    std::set<int> axes;
    for (const plan::axis_list* l : {&r->batch, &r->rows, &r->columns,
                                     r->kind == region_kind::score && r->score.values >= 0 ? &r->width : &r->depth})
      for (int a = 0; a < l->count; ++a)
        BOOST_TEST((r->kind == region_kind::row || axes.insert((*l)[a]).second), name + ": an axis has two jobs");
    if (r->kind == region_kind::score) BOOST_TEST((r->columns.count == 1 && r->depth.count == 1 && r->pair.score != 0));
    if (r->kind == region_kind::matmul) BOOST_TEST(r->depth.count >= 1);
    BOOST_TEST((*p.regions[i].reason != 0) == (r->kind == region_kind::loop), name + ": loops alone have a reason");
  }
}
// The buffers of a plan in a workspace, placed as for a call.
struct placed_buffers {
  run::call_table_data<{
      .extent_rules = 4096, .position_rules = 4096, .steps = 4096, .places = 4096, .buffers = 320, .regions = 320}>
      data;
  run::frame_memory<max_axes, 0, 0, 320> frame;
  std::size_t bytes;

  placed_buffers(const execution_plan& p, const heed_tests::index_array& extent) {
    run::write_call_table(p, data);
    std::copy(extent.begin(), extent.end(), frame.extent.begin());
    bytes = run::place_buffers(data.view({}), frame);
  }
};
bool share_memory(const execution_plan& p, const run::call_frame& frame, const std::vector<std::size_t>& bytes, int i,
                  int j) {
  const plan::buffer &a = p.buffers[std::size_t(i)], &b = p.buffers[std::size_t(j)];
  if (a.result >= 0 || b.result >= 0 || a.last < b.first || b.last < a.first) return false;
  const std::size_t x = frame.places[i].offset, y = frame.places[j].offset;
  return x < y + bytes[std::size_t(j)] && y < x + bytes[std::size_t(i)];
}
void check_places(const std::string& name, const execution_plan& p, const heed_tests::index_array& extent) {
  const auto placed = std::make_unique<placed_buffers>(p, extent);
  const run::call_frame& frame = placed->frame;
  std::vector<std::size_t> bytes;
  for (int i = 0; i < p.buffer_count; ++i) {
    const plan::buffer& b = p.buffers[std::size_t(i)];
    std::size_t size = std::size_t(byte_size(stored(b.type)));
    for (int k = 0; k < b.order.count; ++k) size *= std::size_t(extent[std::size_t(b.order[k])]);
    bytes.push_back(b.result >= 0 ? 0 : size);
    if (b.result < 0)
      BOOST_TEST((frame.places[i].offset % 64 == 0 && frame.places[i].offset + size <= placed->bytes), name);
  }
  for (int i = 0; i < p.buffer_count; ++i)
    for (int j = 0; j < i; ++j)
      BOOST_TEST(!share_memory(p, frame, bytes, i, j),
                 name + ": buffers " + std::to_string(i) + " and " + std::to_string(j) + " share memory");
}
template <class... E> void check(const char* name, const E&... e) {
  const auto p = planned(e...);
  check_order(name, *p);
  check_programs(name, *p);
  BOOST_TEST(!heed_tests::stores_pairs(*p), name << ": memory over pairs of positions");
  for (const auto& given : sizes) check_places(name, *p, extents_of(p->g, given));
}
#define CHECK(...) check(#__VA_ARGS__, __VA_ARGS__)
template <class... E> std::string kinds(const E&... e) { return heed_tests::kinds(*planned(e...)); }
template <class E> std::unique_ptr<region> lowered_score(const E& e) {
  return std::make_unique<region>(plan::lowered(*planned(e), 0));
}
}  // namespace

BOOST_AUTO_TEST_CASE(what_holds_for_every_plan) { HEED_EVERY_GRAPH(CHECK); }
BOOST_AUTO_TEST_CASE(classification) {
  BOOST_TEST(kinds(past_only) == "s");
  BOOST_TEST(kinds(projected) == "m");
  BOOST_TEST(kinds(normed(x)) == "r");
  BOOST_TEST(kinds(doubled) == "sg");
  BOOST_TEST(kinds(sunk) == "srr");  // the log-sum-exp comes out of the loops over pairs, and is read
  BOOST_TEST(kinds(exp(lse) * 2) == "sr");
  BOOST_TEST(kinds(lse * past_only) == "sr");
  BOOST_TEST(kinds(logsumexp<o>(projected) - max<o>(projected) * gather<o>(projected, ids)) == "mr");  // of what is
                                                                                                       // stored: no
                                                                                                       // second pass
                                                                                                       // over it
  BOOST_TEST(kinds(mlp) == "mm");
  BOOST_TEST(kinds(post_norm) == "mmr");
  BOOST_TEST(kinds(attended) == "msm");           // projected, attention straight into the merged buffer, back
  BOOST_TEST(kinds(past_only, lse, top) == "s");  // one loop nest gives all three
}
// A small network of the distance, written out unit by unit: its numbers are read as one table each, its gradients come
// eight to a region.
namespace {
constexpr axis<"unit", 16> unit;
constexpr auto slopes = input<"slopes">(unit);
constexpr auto offsets = input<"offsets">(unit);
constexpr auto outward = input<"outward">(unit);
constexpr auto network = []<int... I>(std::integer_sequence<int, I...>) {
  return ((outward.at(I) * max(slopes.at(I) * log(1 + abs(n - m)) + offsets.at(I), 0)) + ...);
}(std::make_integer_sequence<int, 16>{});
constexpr auto networked = weighed(mask(s + network, m <= n));
constexpr auto network_gradient = gradient<networked>(wrt(q, outward));
}  // namespace
BOOST_AUTO_TEST_CASE(a_network_of_sixteen_units) {
  CHECK(networked);
  const auto p = planned(networked);
  BOOST_TEST(p->regions[0].read_count == 6);  // queries, keys, values and three tables
  const auto q_gradient = planned(*network_gradient.of[0], *network_gradient.of[1]);
  BOOST_TEST(bool(q_gradient->fault == plan::plan_fault::none));
  for (int i = 0; i < q_gradient->region_count; ++i) {
    BOOST_TEST((q_gradient->regions[std::size_t(i)].kind != region_kind::loop));
    BOOST_TEST(!plan::lowered(*q_gradient, i).code.full);
  }
}
constexpr auto selective = weighed(mask(s - running_sum<n>(where(m < n, max(s, 0), 0)), m <= n));
// Pairs that lie in no memory cannot be projected.
BOOST_AUTO_TEST_CASE(why_a_projection_of_pairs_is_none) {
  const auto pairs = tanh(dot<d>(input<"q2">(n, d), input<"k2">(m, d, f)));
  const auto p = planned(weighed(s + dot<f>(input<"q3">(b, h, f), pairs)));
  BOOST_TEST(kinds(weighed(s + dot<f>(input<"q3">(b, h, f), input<"pairs">(n, m, f)))) == "ms");
  BOOST_TEST(heed_tests::kinds(*p).find('l') != std::string::npos);
  for (int i = 0; i < p->region_count; ++i)
    if (p->regions[std::size_t(i)].kind == region_kind::loop)
      BOOST_TEST(p->regions[std::size_t(i)].reason == "its contractions have no rows in common");
}
BOOST_AUTO_TEST_CASE(why_a_score_is_none) {
  const auto reason = [](const auto& e) {
    const auto p = planned(e);
    for (int i = 0; i < p->region_count; ++i)
      if (p->regions[std::size_t(i)].kind == region_kind::loop) return std::string(p->regions[std::size_t(i)].reason);
    return std::string("fused");
  };
  BOOST_TEST(reason(past_only) == "fused");
  BOOST_TEST(reason(two_tiles) == "fused");
  BOOST_TEST(reason(three_tiles) == "fused");
  BOOST_TEST(reason(four_tiles) == "fused");
  BOOST_TEST(reason(seven_tiles) == "more than six contractions in one score");
  BOOST_TEST(reason(selective) == "a running sum over pairs of positions, along the rows");
  BOOST_TEST(reason(weighed(two_tiles_score + input<"bias">(f))) == "one contraction sums an axis that another keeps");
  BOOST_TEST(reason(dot<m>(softmax<m>(input<"a">(n) * (n - m)), input<"a2">(m, d))) ==
             "there is no contraction of queries and keys under the softmax");
  BOOST_TEST(reason(dot<m>(softmax<m>(input<"a">(n, m)), input<"a2">(m, d))) == "fused");
  BOOST_TEST(reason(dot<m>(softmax<m>(mask(input<"a">(n, m), m <= n)), input<"a2">(m, d))) == "fused");
  BOOST_TEST(reason(dot<m>(softmax<m>(mask(dot<d>(q, k) + dot<d>(q * 2, tanh(k)), m <= n)), v)) == "fused");
  BOOST_TEST(reason(dot<m>(softmax<m>(mask(input<"a">(h, m), m < 3)), input<"a2">(m, d))) == "fused");
  BOOST_TEST(reason(weighed(dot<d, f>(input<"q2">(b, h, n, d, f), input<"k2">(b, h, m, d, f)))) == "fused");
  BOOST_TEST(reason(dot<m>(softmax<m>(s), mask(v, m < 3))) == "fused");
  BOOST_TEST(reason(dot<m>(softmax<m>(s), mask(v, m < 3) * 2)) == "fused");
}
BOOST_AUTO_TEST_CASE(masked_weights_meet_values_with_lanes_along_their_width) {
  const auto stored_weights = softmax<m>(mask(input<"a">(n, m), m <= n));
  const auto wide = planned(dot<m>(stored_weights, input<"a2">(m, d))),
             thin = planned(dot<m>(stored_weights, input<"a3">(m)));
  BOOST_TEST(!plan::lowered(*wide, wide->region_count - 1).row.lanes_along);
  BOOST_TEST(plan::lowered(*thin, thin->region_count - 1).row.lanes_along);
}
BOOST_AUTO_TEST_CASE(a_score_in_primitives) {
  const auto r = lowered_score(past_only);
  BOOST_TEST(bool(r->code[r->pair.keep].code == op::less_equal && r->code[r->pair.keep].where == role::pair));
  BOOST_TEST(bool(r->code[r->pair.score].code == op::tile));  // all of the scale went into the queries
  BOOST_TEST(r->code[r->pair.scale].value == 0.5 * 1.4426950408889634, boost::test_tools::tolerance(1e-15));
  BOOST_TEST(r->batch.count == 2);
  BOOST_TEST(r->rows.count == 1);
  const auto soft = lowered_score(capped), after = lowered_score(capped_after);
  BOOST_TEST((soft->pair.keep != 0 && after->pair.keep != 0));  // absent stays absent through tanh
  BOOST_TEST(bool(soft->code[soft->pair.score].code == op::multiply &&
                  soft->code[soft->code[soft->pair.score].a].code == op::constant));
  const auto slopes = lowered_score(sloped);
  bool distance = false, row_constant = false;
  for (int i = 1; i < slopes->code.size; ++i) {
    const plan::instruction& x = slopes->code[i];
    distance = distance || (x.code == op::subtract && x.where == role::pair);
    row_constant = row_constant || (x.code == op::multiply && x.where == role::uniform);  // slope * log2(e), once an
                                                                                          // item
  }
  BOOST_TEST((distance && row_constant));
  const auto groups = lowered_score(grouped);
  BOOST_TEST(groups->rows.count == 2);  // positions outermost, heads of a group fastest
  BOOST_TEST((groups->rows[1] == planned(grouped)->g.find_axis(make_label("r"))));
  BOOST_TEST(lowered_score(lse)->score.values == -1);
}
BOOST_AUTO_TEST_CASE(double_makes_a_region_double) {
  const auto qd = input<"q", double>(n, d);
  const auto kd = input<"k", double>(m, d);
  const auto r = lowered_score(logsumexp<m>(dot<d>(qd, kd)));
  BOOST_TEST(bool(r->real == element::f64));
  BOOST_TEST(bool(lowered_score(lse)->real == element::f32));
}
// Buffers with drawn lives and sizes: first fit must keep apart whatever lives at the same time, and reuse what does
// not.
BOOST_AUTO_TEST_CASE(buffers_that_live_together_lie_apart) {
  std::mt19937 random(3);
  const auto p = std::make_unique<execution_plan>();
  heed_tests::index_array extent{};
  for (std::size_t i = 0; i < 8; ++i) extent[i] = extent_t(i * i * i) + (i == 3 ? 0 : 1);
  std::size_t reused = 0;
  for (int round = 0; round < 300; ++round) {
    p->buffer_count = 2 + int(random() % 60), p->region_count = 60;
    for (int i = 0; i < p->region_count; ++i) p->regions[std::size_t(i)] = {};
    std::size_t all = 0;
    for (int i = 0; i < p->buffer_count; ++i) {
      plan::buffer& b = p->buffers[std::size_t(i)] = {};
      b.type = random() % 3 ? element::f32 : element::f64;
      b.result = random() % 6 ? std::int16_t(-1) : std::int16_t(0);
      int first = int(random() % 40);
      while (p->regions[first].write_count == plan::max_outputs) ++first;
      outline& writer = p->regions[first];
      writer.writes[std::size_t(writer.write_count++)].into = std::int16_t(i);
      b.first = std::int16_t(first), b.last = std::int16_t(b.first + random() % 12);
      for (unsigned k = random() % 3; k-- > 0;) b.order.add(int(random() % 8));
      std::size_t size = std::size_t(byte_size(b.type));
      for (int k = 0; k < b.order.count; ++k) size *= std::size_t(extent[std::size_t(b.order[k])]);
      if (b.result < 0) all += size;
    }
    check_places("drawn", *p, extent);
    reused += std::make_unique<placed_buffers>(*p, extent)->bytes < all;
  }
  BOOST_TEST(reused > 200u);
}
// What no kernel can do is noticed before one runs.
BOOST_AUTO_TEST_CASE(regions_that_no_kernel_can_compute) {
  const auto row = std::make_unique<region>(plan::lowered(*planned(inner), 0));
  BOOST_TEST_REQUIRE(plan::computable(*row));
  region broken = *row;
  broken.columns = {};  // a sum along nothing
  BOOST_TEST(!plan::computable(broken));
  broken = *row;
  broken.operands.count = 0;  // what is loaded lies nowhere
  BOOST_TEST(!plan::computable(broken));
  broken = *row;
  broken.outputs[0].result = broken.code.add(
      {.code = op::load, .type = element::f32, .axes = broken.outputs[0].axes | plan::set_of(broken.columns)});
  BOOST_TEST(!plan::computable(broken));  // a value that varies along what the result lacks
  region product = *std::make_unique<region>(plan::lowered(*planned(projected), 0));
  BOOST_TEST_REQUIRE(plan::computable(product));
  product.tile.column_operand = -1;
  BOOST_TEST(!plan::computable(product));
}
