// The plan of a graph means what the graph means: every graph is planned, interpreted element by element and compared
// with the oracle on the declared graph, at several extents.
// options: -O0 -DHEED_UNOPTIMISED
#include <boost/test/unit_test.hpp>
#include "graphs.hpp"
#include <heed/block/activation.hpp>
#include <heed/block/attention.hpp>
#include <heed/block/heads.hpp>
#include <heed/block/norm.hpp>
#include <heed/block/sparse.hpp>
#include <heed/graph/gradient.hpp>
using namespace heed;
using namespace heed::internal;
using namespace heed_tests::graphs;
using heed::internal::plan::execution_plan, heed::internal::plan::plan_of, heed::internal::plan::region_kind;
using heed_tests::index_array, heed_tests::plan_interpreter;

namespace {
long regions(const execution_plan& p, region_kind kind) {
  long count = 0;
  for (int i = 0; i < p.region_count; ++i) count += p.regions[std::size_t(i)].kind == kind;
  return count;
}

// Plans R and compares every result with the oracle. Returns the plan.
template <result_list R>
const execution_plan& check(const char* name) {
  const execution_plan& p = plan_for<R>(std::make_index_sequence<R.count>{});
  BOOST_TEST_INFO(name);
  BOOST_TEST_REQUIRE(bool(p.fault == plan::plan_fault::none));
  double nonzero = 0;
  for (const auto& given : sizes) {
    operands memory;
    const index_array extent = extents_of(p.g, given);
    const std::vector<run::view> inputs = memory.of(p.g, extent);
    plan_interpreter got(p, extent, inputs.data());
    for (int result = 0; result < p.result_count; ++result) {
      const expected_result want(*R.of[result], given);
      const int value = value_of_result(p, result);
      BOOST_TEST_REQUIRE(value != 0);
      bool ok = true;
      double worst = 0;
      got.each(p.g[value].axes, [&](const index_array& at) {
        const double g = got.located(value, at), w = want.at(p.g, at);
        if (!alike(g, w, 1e-9)) ok = false, worst = std::fabs(g - w);
        nonzero += std::isfinite(w) && w != 0;
      });
      BOOST_TEST(ok, std::string(name) + ": differs by " + std::to_string(worst));
    }
  }
  BOOST_TEST(nonzero > 0, std::string(name) + ": every expected value is zero");
  return p;
}
#define CHECK(...) check<results(__VA_ARGS__)>(#__VA_ARGS__)
}  // namespace

BOOST_AUTO_TEST_CASE(score_regions) {
  BOOST_TEST(regions(CHECK(past_only), region_kind::score) == 1);
  BOOST_TEST(CHECK(past_only, lse, top).region_count == 1);
  BOOST_TEST(CHECK(lse).region_count == 1);
  for (const execution_plan* p :
       {&CHECK(sloped), &CHECK(capped), &CHECK(capped_after), &CHECK(documents), &CHECK(nearby), &CHECK(padded),
        &CHECK(kept), &CHECK(relative), &CHECK(with_bias), &CHECK(gated), &CHECK(grouped), &CHECK(shared_keys),
        &CHECK(two_tiles), &CHECK(three_tiles)}) {
    BOOST_TEST(p->region_count == 1);
    BOOST_TEST(regions(*p, region_kind::score) == 1);
  }
  BOOST_TEST(regions(CHECK(decode), region_kind::score) == 1);
  BOOST_TEST(regions(CHECK(four_tiles), region_kind::score) == 1);  // behind a row region that gives its keys
}
BOOST_AUTO_TEST_CASE(what_no_score_region_takes) {
  BOOST_TEST(regions(CHECK(seven_tiles), region_kind::loop) == 1);
  for (const execution_plan* p : {&CHECK(over_n), &CHECK(doubled)}) {  // weights in other uses than to weigh values, as
                                                                       // gradients have them
    BOOST_TEST(regions(*p, region_kind::loop) == 0);
    BOOST_TEST(regions(*p, region_kind::score_gradient) == 1);
  }
}
// What takes several passes over the pairs of a contraction is a region of its own, forward and backward; of what
// memory holds, a row's.
BOOST_AUTO_TEST_CASE(statistics_of_rows) {
  static constexpr auto seen = mask(0.3 * dot<d>(q, k), m <= n);
  static constexpr auto sparse = dot<m>(entmax15<m>(seen), v);
  static constexpr auto top = dot<m>(top_k_softmax<m>(seen, 2), v);
  static constexpr auto grad_sparse = gradient<sparse>(wrt(q, k, v));
  static constexpr auto grad_top = gradient<top>(wrt(q, k, v));
  static constexpr auto in_rows = top_k_softmax<d>(q, 3);
  BOOST_TEST(CHECK(sparse).region_count == 2);
  BOOST_TEST(CHECK(top).region_count == 2);
  BOOST_TEST(check<grad_sparse>("gradient<sparse>").region_count == 3);
  BOOST_TEST(check<grad_top>("gradient<top>").region_count == 4);
  BOOST_TEST(CHECK(in_rows).region_count == 1);
  static constexpr auto with_pairs = seen + input<"beside">(n, m);
  static constexpr auto top_beside = dot<m>(top_k_softmax<m>(with_pairs, 2), v);
  BOOST_TEST(CHECK(top_beside).region_count == 2);
}
BOOST_AUTO_TEST_CASE(probabilities_as_results) {
  BOOST_TEST(regions(CHECK(weights), region_kind::loop) == 0);
  CHECK(past_only, weights);
}
BOOST_AUTO_TEST_CASE(projections_and_rows) {
  BOOST_TEST(CHECK(projected).region_count == 1);
  BOOST_TEST(CHECK(gelu_of).region_count == 1);
  BOOST_TEST(CHECK(mlp).region_count == 2);
  const execution_plan& gate_plan = CHECK(gated_mlp);
  BOOST_TEST(gate_plan.region_count == 3);
  BOOST_TEST(regions(gate_plan, region_kind::matmul) == 2);
  BOOST_TEST(CHECK(post_norm).region_count == 3);
  BOOST_TEST(CHECK(embedded).region_count == 1);
  BOOST_TEST(CHECK(pooled).region_count == 1);
  BOOST_TEST(regions(CHECK(cosine), region_kind::matmul) == 1);
  BOOST_TEST(CHECK(column_softmax).region_count == 1);
  BOOST_TEST(CHECK(inner).region_count == 1);
}
BOOST_AUTO_TEST_CASE(operations_of_a_user) {
  BOOST_TEST(CHECK(own_score).region_count == 1);
  BOOST_TEST(CHECK(own_mlp).region_count == 2);
  static constexpr auto grad_own = gradient<own_score>(wrt(q, k, slope));
  BOOST_TEST(regions(check<grad_own>("gradient<own_score>"), region_kind::loop) == 0);
}
// A slope has neither positions nor batch: all of its sums come out of the loops over pairs, whatever the distance goes
// through.
BOOST_AUTO_TEST_CASE(gradients_of_slopes) {
  static constexpr auto faded = weighed(mask(s - slope * log(1 + abs(n - m)), abs(n - m) <= 2));
  static constexpr auto grad_sloped = gradient<sloped>(wrt(q, k, v, slope));
  static constexpr auto grad_faded = gradient<faded>(wrt(q, k, v, slope));
  for (const execution_plan* p : {&check<grad_sloped>("gradient<sloped>"), &check<grad_faded>("gradient<faded>")}) {
    BOOST_TEST(p->region_count == 3);  // scores, the rows' deltas, all gradients
    BOOST_TEST(regions(*p, region_kind::score_gradient) == 1);
    BOOST_TEST(regions(*p, region_kind::loop) == 0);
  }
}
BOOST_AUTO_TEST_CASE(gradients_of_tables) {
  static constexpr auto kind = input<"kind">(c);
  static constexpr auto grad_embedded = gradient<embedded>(wrt(word, kind));
  const execution_plan& p = check<grad_embedded>("gradient<embedded>(wrt(word, kind))");
  BOOST_TEST(regions(p, region_kind::scatter) == 1);
  BOOST_TEST(regions(p, region_kind::loop) == 0);
}
// Tables that a score reads at a computed index: of each head, of a whole batch, of the heads of a group, at an index
// that is absent.
BOOST_AUTO_TEST_CASE(gradients_of_tables_that_a_score_reads) {
  static constexpr auto own = input<"own">(h, r, eleven);
  static constexpr auto common = input<"common">(eleven);
  static constexpr auto far = weighed(mask(s - 0.5 * common.at(2 * abs(n - m)), m <= n + 1));
  static constexpr auto heads =
      dot<m>(softmax<m>(mask(dot<d>(input<"qg">(b, h, r, n, d), k) + own.at(n - m + 2), m <= n)), v);
  static constexpr auto partly = weighed(s + table.at(cast<std::int32_t>(mask(n - m, n - m < 3))));
  static constexpr auto grad_relative = gradient<relative>(wrt(q, k, v, table));
  static constexpr auto grad_far = gradient<far>(wrt(q, k, common));
  static constexpr auto grad_heads = gradient<heads>(wrt(k, own));
  static constexpr auto grad_partly = gradient<partly>(wrt(v, table));
  for (const execution_plan* p : {&check<grad_relative>("gradient<relative>"), &check<grad_far>("gradient<far>"),
                                  &check<grad_heads>("gradient<heads>"), &check<grad_partly>("gradient<partly>")}) {
    BOOST_TEST(p->region_count == 3);  // scores, the rows' deltas, all gradients
    BOOST_TEST(regions(*p, region_kind::score_gradient) == 1);
  }
  // A table that varies with the rows' positions themselves would take memory over them for every block: that is not
  // fused.
  static constexpr auto each_row = input<"each_row">(n, eleven);
  static constexpr auto varied = weighed(s + each_row.at(n - m));
  static constexpr auto grad_varied = gradient<varied>(wrt(each_row));
  BOOST_TEST(regions(check<grad_varied>("gradient<varied>"), region_kind::loop) > 0);
}
// Heads t and their width u are known when called: what a projection hands back to the heads is stored, as it is where
// they are static. Keys that heads share beside values of each head are read by the items of a batch.
BOOST_AUTO_TEST_CASE(gradients_behind_a_projection) {
  static constexpr auto qt = input<"qt">(t, n, d);
  static constexpr auto kt = input<"kt">(m, d);
  static constexpr auto vt = input<"vt">(t, m, u);
  static constexpr auto back = input<"back">(c, t, u);
  static constexpr auto own_values = dot<t, u>(attention<d, m>(qt, kt, vt), back);
  static constexpr auto all_shared = dot<t, u>(attention<d, m>(qt, kt, input<"vs">(m, u)), back);
  static constexpr auto grad_own_values = gradient<own_values>(wrt(qt, kt, vt, back));
  static constexpr auto grad_all_shared = gradient<all_shared>(wrt(qt, kt, back));
  for (const execution_plan* p :
       {&check<grad_own_values>("gradient<own_values>"), &check<grad_all_shared>("gradient<all_shared>")}) {
    BOOST_TEST(regions(*p, region_kind::score_gradient) == 1);
    BOOST_TEST(regions(*p, region_kind::loop) == 0);
  }
  static constexpr axis<"tu"> both;
  static constexpr auto logit = input<"logit">();
  static constexpr auto heads_of_values = sink_attention<m>(dot<d>(qt, kt), input<"vs">(m, u), logit);
  static constexpr auto merged_back = project<both>(merge_heads<t, u, both>(heads_of_values), input<"merged">(c, both));
  static constexpr auto grad_logit = gradient<merged_back>(wrt(logit));
  BOOST_TEST(regions(check<grad_logit>("gradient of a logit"), region_kind::loop) == 0);
}
// Statistics of a softmax on which its values depend come out of loops of their own, before it; so do those of two that
// each need the other's.
BOOST_AUTO_TEST_CASE(values_that_depend_on_their_weights) {
  static constexpr auto used = dot<m>(softmax<m>(s), v * sum<n>(softmax<m>(s)));  // by how much attention each key gets
  static constexpr auto grad_used = gradient<used>(wrt(q, k, v));
  for (const execution_plan* p : {&CHECK(used), &check<grad_used>("gradient<used>")})
    BOOST_TEST(regions(*p, region_kind::loop) == 0);
  static constexpr auto other = slope * s;
  static constexpr auto first = dot<m>(softmax<m>(s), v * sum<n>(logsumexp<m>(other)));
  static constexpr auto second = dot<m>(softmax<m>(other), v * sum<n>(logsumexp<m>(s)));
  BOOST_TEST(regions(CHECK(first, second), region_kind::loop) == 0);
  static constexpr auto one = sum<n>(softmax<m>(s) * sum<n>(softmax<m>(other)));
  static constexpr auto two = sum<n>(softmax<m>(other) * sum<n>(softmax<m>(s)));
  BOOST_TEST(regions(CHECK(one, two), region_kind::loop) == 0);
  // Queries that look back at keys that have looked at them: a sink's multiple is read by what the sink alone feeds.
  static constexpr auto near = mask(s, abs(n - m) <= 1);
  static constexpr auto looked_back = weighed(near) + weighed(near * 0.5 + dot<d>(dot<n>(softmax<n>(near), q * 2), k));
  static constexpr auto grad_back = gradient<looked_back>(wrt(q, k, v));
  check<grad_back>("gradient<looked_back>");
}
// A running sum is a row region with what it alone feeds, forward and backward, and everyone else reads it: a score
// too.
BOOST_AUTO_TEST_CASE(running_sums) {
  static constexpr auto f = input<"f">(b, h, n);
  static constexpr auto of_rows = running_sum<n>(x * x);
  static constexpr auto of_columns = running_sum<c>(mask(x, n < length), from_the_end);
  static constexpr auto scaled = 0.5 * running_sum<n>(gate) + 1;
  static constexpr auto twice = running_sum<n>(running_sum<n>(x), from_the_end);
  static constexpr auto of_shares = running_sum<c>(softmax<c>(x));
  static constexpr auto in_two_ways = of_rows * sum<c>(of_rows);
  static constexpr auto total = running_sum<n>(-softplus(f));
  static constexpr auto kt = input<"kt">(b, h, t, d);
  static constexpr auto vt = input<"vt">(b, h, t, e);
  static constexpr auto forgetting = dot<t>(softmax<t>(mask(dot<d>(q, kt) + total - rename<n, t>(total), t <= n)), vt);
  static constexpr auto merged = merge<h, d, o>(running_sum<n>(q));
  for (const execution_plan* p :
       {&CHECK(of_rows), &CHECK(of_columns), &CHECK(scaled), &CHECK(of_shares), &CHECK(merged)}) {
    BOOST_TEST(p->region_count == 1);
    BOOST_TEST(regions(*p, region_kind::row) == 1);
  }
  BOOST_TEST(regions(CHECK(twice), region_kind::row) == 2);
  BOOST_TEST(regions(CHECK(in_two_ways), region_kind::loop) == 0);
  const execution_plan& p = CHECK(forgetting);
  BOOST_TEST(p.region_count == 2);
  BOOST_TEST(regions(p, region_kind::score) == 1);
  static constexpr auto grad_scaled = gradient<scaled>(wrt(gate));
  static constexpr auto grad_forgetting = gradient<forgetting>(wrt(q, kt, vt, f));
  BOOST_TEST(check<grad_scaled>("gradient<scaled>").region_count == 1);
  const execution_plan& back = check<grad_forgetting>("gradient<forgetting>");
  BOOST_TEST(regions(back, region_kind::loop) == 0);
  BOOST_TEST(regions(back, region_kind::score_gradient) == 1);
}
// Over pairs of positions a region without a softmax takes it on from column to column, forward and backward, and a
// score from its last column; elsewhere it is computed by the loops that read it. Nothing over pairs is stored for it.
BOOST_AUTO_TEST_CASE(running_sums_over_pairs) {
  static constexpr auto past = mask(s, m < n);
  static constexpr auto contextual = weighed(past + tanh(running_sum<m>(sigmoid(past), from_the_end)));
  static constexpr auto stick_breaking = dot<m>(exp(past - running_sum<m>(softplus(past), from_the_end)), v);
  static constexpr auto grad_stick_breaking = gradient<stick_breaking>(wrt(q, k, v));
  static constexpr auto of_weights = dot<m>(running_sum<m>(softmax<m>(past)), v);
  for (const execution_plan* p : {&CHECK(stick_breaking), &check<grad_stick_breaking>("gradient<stick_breaking>")}) {
    BOOST_TEST(p->region_count == 1);
    BOOST_TEST(regions(*p, region_kind::score_gradient) == 1);
  }
  const execution_plan& counted = CHECK(contextual);
  BOOST_TEST(counted.region_count == 1);
  BOOST_TEST(regions(counted, region_kind::score) == 1);
  static constexpr auto grad_contextual = gradient<contextual>(wrt(q, k, v));
  const execution_plan& back = check<grad_contextual>("gradient<contextual>");
  BOOST_TEST(regions(back, region_kind::score_gradient) == 1);
  BOOST_TEST(regions(back, region_kind::loop) == 0);
  static constexpr auto from_the_start = weighed(past + tanh(running_sum<m>(sigmoid(past))));
  static constexpr auto beyond = weighed(past + tanh(running_sum<m>(sigmoid(s), from_the_end)));  // of what is excluded
  static constexpr auto best = where(past == max<m>(past), 1., 0.5);  // compared with what another region makes of it
  static constexpr auto by_rank = weighed(past + tanh(running_sum<m>(best, from_the_end)));
  static constexpr auto weights_by_rank = dot<m>(exp(past - running_sum<m>(best, from_the_end)), v);
  for (const execution_plan* p : {&CHECK(by_rank), &CHECK(weights_by_rank)})
    BOOST_TEST(regions(*p, region_kind::score) + regions(*p, region_kind::score_gradient) == 0);
  for (const execution_plan* p : {&CHECK(from_the_start), &CHECK(beyond), &CHECK(of_weights)}) {
    BOOST_TEST(regions(*p, region_kind::loop) > 0);
    for (int i = 0; i < p->region_count; ++i)
      if (p->regions[i].kind == region_kind::loop)
        BOOST_TEST(p->regions[i].reason == "a running sum over pairs of positions");
    for (int i = 0; i < p->buffer_count; ++i) BOOST_TEST(!p->buffers[i].over_pairs);
  }
  static constexpr auto stored = running_sum<m>(dense);  // as the caller does
  BOOST_TEST(regions(CHECK(stored), region_kind::row) == 1);
}
BOOST_AUTO_TEST_CASE(views_and_results) { HEED_VIEWS_AND_RESULTS(CHECK) }
