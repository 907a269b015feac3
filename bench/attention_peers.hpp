// The variants of attention_peers.py: scores as PyTorch's own attention has them, 32-bit floats.
#pragma once
#include <heed/heed.hpp>

namespace peers {
using namespace heed;
constexpr axis<"b"> b;
constexpr axis<"h"> h;
constexpr axis<"n"> n;
constexpr axis<"m"> m;
constexpr axis<"d"> d;
constexpr axis<"e"> e;
constexpr auto q = input<"q">(b, h, n, d);
constexpr auto k = input<"k">(b, h, m, d);
constexpr auto v = input<"v">(b, h, m, e);
constexpr auto slope = input<"slope">(h);
constexpr auto document = input<"document", std::int32_t>(n);

constexpr auto score = scaled_dot<d>(q, k);
constexpr auto causal_attention = dot<m>(softmax<m>(mask(score, causal(n, m))), v);
constexpr auto window = dot<m>(softmax<m>(mask(score, sliding_window(n, m, 256))), v);
constexpr auto documents = dot<m>(softmax<m>(mask(score, causal(n, m) && same_document(document, n, m))), v);
constexpr auto with_alibi = dot<m>(softmax<m>(mask(score + alibi(slope, n, m), causal(n, m))), v);
constexpr auto capped = dot<m>(softmax<m>(mask(softcap(score, 20), causal(n, m))), v);
}  // namespace peers
