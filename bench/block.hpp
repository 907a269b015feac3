// A whole pre-norm block, attention of 8 heads and a gated feed-forward network behind RMS norms, forward and backward:
// what bench/block_step.cpp times beside PyTorch, and tests/compile/block_with_backward.cpp compiles.
#pragma once
#include <heed/heed.hpp>

namespace block {
using namespace heed;
constexpr axis<"b"> b;
constexpr axis<"n"> n;
constexpr axis<"m"> m;
constexpr axis<"h", 8> h;
constexpr axis<"d", 64> d;
constexpr axis<"c", 512> c;
constexpr axis<"o", 512> o;
constexpr axis<"f", 1536> f;
constexpr auto x = input<"x">(b, n, c);
constexpr auto wq = input<"wq">(o, c);
constexpr auto wk = input<"wk">(o, c);
constexpr auto wv = input<"wv">(o, c);
constexpr auto wo = input<"wo">(c, o);
constexpr auto gate = input<"gate">(f, c);
constexpr auto up = input<"up">(f, c);
constexpr auto down = input<"down">(c, f);
constexpr auto before_attention = input<"norm_a">(c);
constexpr auto before_network = input<"norm_f">(c);
constexpr auto y = rms_norm<c>(x, before_attention);
constexpr auto query = split_heads<o, h, d>(project<c>(y, wq));
constexpr auto key = rename<n, m>(split_heads<o, h, d>(project<c>(y, wk)));
constexpr auto value = rename<n, m>(split_heads<o, h, d>(project<c>(y, wv)));
constexpr auto z =
    x + project<o>(merge_heads<h, d, o>(dot<m>(softmax<m>(mask(scaled_dot<d>(query, key), causal(n, m))), value)), wo);
constexpr auto w = rms_norm<c>(z, before_network);
constexpr auto out = z + project<f>(silu(project<c>(w, gate)) * project<c>(w, up), down);
constexpr auto step =
    results(out, gradient<out>(wrt(x, wq, wk, wv, wo, gate, up, down, before_attention, before_network)));

struct tensors {
  tensor<float> x, wq, wk, wv, wo, gate, up, down, norm_a, norm_f;
};
inline void run(const tensors& t, tensors& g, tensor<float>& O, const tensor<float>& dO, workspace& memory) {
  fuse<step, strict>(x = t.x, wq = t.wq, wk = t.wk, wv = t.wv, wo = t.wo, gate = t.gate, up = t.up, down = t.down,
                     before_attention = t.norm_a, before_network = t.norm_f, cotangent<out> = dO,
                     into(O, g.x, g.wq, g.wk, g.wv, g.wo, g.gate, g.up, g.down, g.norm_a, g.norm_f), memory);
}
}  // namespace block
