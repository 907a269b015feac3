// A whole training step of a decoder: token embeddings, pre-norm blocks with rotary positions, grouped queries and a
// gated MLP, tied output, cross entropy, its mean, and the gradients of all weights as one graph. All of it is fused,
// nothing is copied between regions, blocks share their kernels, and every result is the oracle's.
// options: -O0 -DHEED_UNOPTIMISED
// labels: meaning
#include "fused_against_oracle.hpp"
#include <set>
using namespace heed;
using namespace heed::internal;
using namespace heed_tests::graphs;
using heed::internal::plan::region_kind;

namespace {
constexpr axis<"layers", 3> layers;
constexpr axis<"words", 11> words;
constexpr axis<"g", 2> g;
constexpr axis<"q2", 2> heads_of_group;
constexpr axis<"kv", 8> kv;
constexpr axis<"wide", 16> wide;
constexpr axis<"all", 4> all_heads;
constexpr auto tokens = input<"tokens", std::int32_t>(b, n);
constexpr auto target = input<"next", std::int32_t>(b, n);
constexpr auto embedding = input<"word">(words, c);
constexpr auto norm1 = input<"norm1">(layers, c);
constexpr auto wq = input<"wq">(layers, wide, c);
constexpr auto wk = input<"wk">(layers, kv, c);
constexpr auto wv = input<"wv">(layers, kv, c);
constexpr auto wo = input<"wo">(layers, c, wide);
constexpr auto norm2 = input<"norm2">(layers, c);
constexpr auto gate_w = input<"gate_w">(layers, f, c);
constexpr auto up = input<"up">(layers, f, c);
constexpr auto down = input<"down">(layers, c, f);
constexpr auto norm3 = input<"norm3">(c);
constexpr auto cos = input<"cos">(n, half);
constexpr auto sin = input<"sin">(n, half);

template <class X> constexpr auto decoder_block(const X& y, int l) {
  const auto y1 = rms_norm<c>(y, gather<layers>(norm1, l));
  const auto q = rotary<d, half>(
      group_heads<all_heads, g, heads_of_group>(split_heads<wide, all_heads, d>(project<c>(y1, gather<layers>(wq, l)))),
      cos, sin);
  const auto k = rename<n, t>(rotary<d, half>(split_heads<kv, g, d>(project<c>(y1, gather<layers>(wk, l))), cos, sin));
  const auto v = rename<n, t>(split_heads<kv, g, d>(project<c>(y1, gather<layers>(wv, l))));
  const auto attended =
      merge_heads<all_heads, d, wide>(merge<g, heads_of_group, all_heads>(attention<d, t>(q, k, v, causal(n, t))));
  const auto y2 = y + project<wide>(attended, gather<layers>(wo, l));
  const auto y3 = rms_norm<c>(y2, gather<layers>(norm2, l));
  return y2 + project<f>(silu(project<c>(y3, gather<layers>(gate_w, l))) * project<c>(y3, gather<layers>(up, l)),
                         gather<layers>(down, l));
}
constexpr auto hidden = decoder_block(decoder_block(decoder_block(gather<words>(embedding, tokens), 0), 1), 2);
constexpr auto logits = project<c>(rms_norm<c>(hidden, norm3), embedding);
constexpr auto loss = mean<b, n>(cross_entropy<words>(logits, target));
constexpr auto step =
    results(loss, gradient<loss>(wrt(embedding, norm1, wq, wk, wv, wo, norm2, gate_w, up, down, norm3)));
constexpr auto compiled = fuse<step, strict>;  // nothing falls into a loop region
}  // namespace

BOOST_AUTO_TEST_CASE(a_training_step_is_fused) {
  static_cast<void>(compiled);
  const plan::execution_plan& p = plan_for<step>(std::make_index_sequence<step.count>{});
  BOOST_TEST_REQUIRE(p.result_count == 12);
  int scores = 0, gradients = 0;
  for (int i = 0; i < p.region_count; ++i) {
    const plan::outline& o = p.regions[std::size_t(i)];
    BOOST_TEST(bool(o.kind != region_kind::loop));
    BOOST_TEST(!run::copies(o), "region " + std::to_string(i) + " copies");
    scores += o.kind == region_kind::score, gradients += o.kind == region_kind::score_gradient;
  }
  BOOST_TEST(scores == 3);
  BOOST_TEST(gradients == 3);
}
// What lies between regions has its rows whole: positions outside, widths inside.
// In two calls: the backward pass runs no score region and no projection of the forward pass again.
BOOST_AUTO_TEST_CASE(a_training_step_in_two_calls) {
  constexpr auto passes = differentiable<loss>(wrt(embedding, norm1, wq, wk, wv, wo, norm2, gate_w, up, down, norm3));
  const plan::execution_plan& p =
      plan_for<passes.backward_results>(std::make_index_sequence<passes.backward_results.count>{});
  int gradients = 0, products = 0;
  for (int i = 0; i < p.region_count; ++i) {
    const region_kind kind = p.regions[std::size_t(i)].kind;
    BOOST_TEST(bool(kind != region_kind::loop));
    BOOST_TEST(bool(kind != region_kind::score));
    gradients += kind == region_kind::score_gradient, products += kind == region_kind::matmul;
  }
  BOOST_TEST(gradients == 3);
  BOOST_TEST(products == 2 * (3 * 7 + 1));  // two for every projection: seven a block, and the logits
  BOOST_TEST(passes.forward_results.count - 1 <= 3 * 14 + 3);  // what is saved
  const plan::execution_plan& forward =
      plan_for<passes.forward_results>(std::make_index_sequence<passes.forward_results.count>{});
  for (int i = 0; i < forward.region_count; ++i)
    BOOST_TEST(bool(forward.regions[std::size_t(i)].kind != region_kind::loop));
  BOOST_TEST_MESSAGE(passes.forward_results.count - 1 << " values are saved");
}

BOOST_AUTO_TEST_CASE(positions_lie_outside_widths) {
  const plan::execution_plan& p = plan_for<step>(std::make_index_sequence<step.count>{});
  for (int i = 0; i < p.buffer_count; ++i) {
    const plan::buffer& o = p.buffers[std::size_t(i)];
    if (o.result >= 0) continue;
    bool width = false;
    for (int k = 0; k < o.order.count; ++k) {
      const bool is_width = p.g.extent(o.order[k]) != runtime;
      BOOST_TEST((is_width || !width), "buffer " + std::to_string(i));
      width = width || is_width;
    }
  }
}
BOOST_AUTO_TEST_CASE(blocks_share_kernels) {
  const auto distinct = [](const auto& first) { return std::set<int>(first.begin(), first.end()).size(); };
  const std::size_t kernels = []<std::size_t... I>(const auto& count, std::index_sequence<I...>) {
    return count(plan::first_alike_of<*step.of[I]...>);
  }(distinct, std::make_index_sequence<step.count>{});
  const plan::execution_plan& p = plan_for<step>(std::make_index_sequence<step.count>{});
  BOOST_TEST(kernels < std::size_t(p.region_count) * 2 / 3);
}
BOOST_AUTO_TEST_CASE(a_training_step_is_right) { heed_tests::check_fused<step>("step", 1e-4); }
