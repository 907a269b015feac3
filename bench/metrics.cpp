// forward and backward/squared_distance, and the same of absolute_distance: causal attention, 64 wide, whose scores are
// distances. Useful are three operations for each element of a difference, two for one of a product: forward one of
// each, and with all gradients four differences and three products. Where additions have units of their own beside
// those of multiply-adds (Zen 5), 125 and 129 % of the loop of multiply-adds would be left of squared ones, elsewhere
// 83 and 82 %.
#include "attention.hpp"

namespace heed_bench {
namespace {
using namespace declared;
constexpr auto weighed(const auto& distance) {
  return dot<m>(softmax<m>(mask(-distance / sqrt(size<d>), causal(n, m))), v);
}
constexpr auto squared = weighed(sum<d>((q - k) * (q - k)));
constexpr auto absolute = weighed(sum<d>(abs(q - k)));
template <const auto& Out> inline constexpr auto gradients = gradient<Out>(wrt(q, k, v));

template <const auto& Out> void add_both(const std::string& name) {
  const auto earlier = [](extent_t i) { return i + 1; };
  add("forward/" + name, [=](benchmark::State& state) {
    attention_operands x(64);
    report(state, 1.25 * x.flops(earlier), [&] { fuse<Out, strict>(q = x.Q, k = x.K, v = x.V, into(x.O), x.memory); });
  });
  add("backward/" + name, [=](benchmark::State& state) {
    attention_operands x(64);
    const tensor<float> G = drawn(7, {x.heads, x.length, 64});
    tensor<float> dQ{x.heads, x.length, 64}, dK{x.heads, x.length, 64}, dV{x.heads, x.length, 64};
    report(state, 4.5 * x.flops(earlier), [&] {
      fuse<gradients<Out>, strict>(q = x.Q, k = x.K, v = x.V, cotangent<Out> = G, into(dQ, dK, dV), x.memory);
    });
  });
}
}  // namespace

void add_metrics() {
  add_both<squared>("squared_distance/64");
  add_both<absolute>("absolute_distance/64");
}
}  // namespace heed_bench
