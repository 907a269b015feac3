// Agents: a few tokens read everything, and everybody reads the agents: two small softmaxes in the place of a large
// one.
//
// Paper: Han et al. 2023, "Agent Attention: On the Integration of Softmax and Linear Attention".
// Formula: o[h, n] = sum over a of softmax_a(q[h, n] . agent[h, a] / sqrt(d)) sum over m of softmax_m(agent[h, a] .
//   k[h, m] / sqrt(d)) v[h, m]
// Vary: agents that are means of queries, mean<w>(split<n, a, w>(q)), as in the paper; biases on both scores.
// Measured: h=4,n=2048,m=2048,a=64
#pragma once
#include <heed/heed.hpp>

namespace gallery::agents {
using namespace heed;

constexpr axis<"h"> h;
constexpr axis<"n"> n;
constexpr axis<"m"> m;
constexpr axis<"a"> a;
constexpr axis<"d", 64> d;
constexpr axis<"e", 64> e;
constexpr auto q = input<"q">(h, n, d);
constexpr auto k = input<"k">(h, m, d);
constexpr auto v = input<"v">(h, m, e);
constexpr auto agent = input<"agent">(h, a, d);

constexpr auto gathered = attention<d, m>(agent, k, v);
constexpr auto out = attention<d, a>(q, agent, gathered);

HEED_KERNEL(agents, out, wrt(q, k, v, agent))

}  // namespace gallery::agents
