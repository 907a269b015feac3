// A stack of 24 transformer blocks through front and middle: causal attention of 8 heads and a gated feed-forward
// network, each behind an RMS norm (as in LLaMA, Touvron et al. 2023), every block with nine weights of its own.
#include <heed/graph/results.hpp>
#include <heed/block/activation.hpp>
#include <heed/block/attention.hpp>
#include <heed/block/heads.hpp>
#include <heed/block/mask.hpp>
#include <heed/block/norm.hpp>
#include <heed/plan/passes/make_plan.hpp>
using namespace heed;
using namespace heed::internal;
constexpr axis<"b"> b;
constexpr axis<"n"> n;
constexpr axis<"m"> m;
constexpr axis<"h", 8> h;
constexpr axis<"d", 64> d;
constexpr axis<"c", 512> c;
constexpr axis<"o", 512> o;
constexpr axis<"f", 2048> f;

// "wq" of block 7 is "wq07".
template <std::size_t N> consteval text<N + 2> numbered(const char (&name)[N], int block) {
  text<N + 2> r;
  for (std::size_t i = 0; i + 1 < N; ++i) r.s[i] = name[i];
  r.s[N - 1] = char('0' + block / 10), r.s[N] = char('0' + block % 10);
  return r;
}
template <int Block, class X> constexpr auto block(const X& x) {
  constexpr auto wq = input<numbered("wq", Block)>(o, c);
  constexpr auto wk = input<numbered("wk", Block)>(o, c);
  constexpr auto wv = input<numbered("wv", Block)>(o, c);
  constexpr auto wo = input<numbered("wo", Block)>(c, o);
  constexpr auto gate = input<numbered("gate", Block)>(f, c);
  constexpr auto up = input<numbered("up", Block)>(f, c);
  constexpr auto down = input<numbered("down", Block)>(c, f);
  constexpr auto before_attention = input<numbered("norm_a", Block)>(c);
  constexpr auto before_network = input<numbered("norm_f", Block)>(c);
  const auto y = rms_norm<c>(x, before_attention);
  const auto query = split_heads<o, h, d>(project<c>(y, wq));
  const auto key = rename<n, m>(split_heads<o, h, d>(project<c>(y, wk)));
  const auto value = rename<n, m>(split_heads<o, h, d>(project<c>(y, wv)));
  const auto z =
      x +
      project<o>(merge_heads<h, d, o>(dot<m>(softmax<m>(mask(scaled_dot<d>(query, key), causal(n, m))), value)), wo);
  const auto w = rms_norm<c>(z, before_network);
  return z + project<f>(silu(project<c>(w, gate)) * project<c>(w, up), down);
}
template <int Blocks, class X> constexpr auto stack(const X& x) {
  if constexpr (Blocks == 0) return x;
  else return block<Blocks - 1>(stack<Blocks - 1>(x));
}
constexpr auto x = input<"x">(b, n, c);
constexpr auto out = stack<24>(static_cast<const expr<shape<axis<"b">, axis<"n">, axis<"c", 512>>, element::f32>&>(x));

// What fuse<out> would plan.
template <result_list R> constexpr const plan::execution_plan& planned = plan::plan_of<*R.of[0]>;
static_assert(out.g.size > 1000 && planned<out>.g.size > 1000, "24 blocks of some 40 nodes each");
static_assert(planned<out>.region_count == 24 * 10 && planned<out>.fault == plan::plan_fault::none);
constexpr bool all_fused() {
  for (int i = 0; i < planned<out>.region_count; ++i)
    if (planned<out>.regions[std::size_t(i)].kind == plan::region_kind::loop) return false;
  return true;
}
static_assert(all_fused());
