// forward/alibi, forward/softcap, forward/bias: what is done to a score.
#include "attention.hpp"

namespace heed_bench {
namespace {
using namespace declared;
constexpr auto slope = input<"slope">(h);
constexpr auto bias = input<"bias">(h, n, m);
constexpr auto with_alibi = dot<m>(softmax<m>(mask(s + alibi(slope, n, m), causal(n, m))), v);
constexpr auto with_softcap = dot<m>(softmax<m>(mask(softcap(s, 20), causal(n, m))), v);
constexpr auto with_bias = dot<m>(softmax<m>(s + bias), v);
}  // namespace

void add_biases() {
  for (const extent_t D : widths) {
    const std::string at = "/" + std::to_string(D);
    add("forward/alibi" + at, [D](benchmark::State& state) {
      attention_operands x(D);
      tensor<float> slopes(4);
      for (int i = 0; i < 4; ++i) slopes[std::size_t(i)] = std::exp2(-2.f * float(i + 1));
      report(state, x.flops([](extent_t i) { return i + 1; }),
             [&] { fuse<with_alibi, strict>(q = x.Q, k = x.K, v = x.V, slope = slopes, into(x.O), x.memory); });
    });
    add("forward/softcap" + at, [D](benchmark::State& state) {
      attention_operands x(D);
      report(state, x.flops([](extent_t i) { return i + 1; }),
             [&] { fuse<with_softcap, strict>(q = x.Q, k = x.K, v = x.V, into(x.O), x.memory); });
    });
    add("forward/bias" + at, [D](benchmark::State& state) {
      attention_operands x(D);
      const tensor<float> B = drawn(4, {4, x.length, x.length});
      report(state, x.flops([&](extent_t) { return x.length; }),
             [&] { fuse<with_bias, strict>(q = x.Q, k = x.K, v = x.V, bias = B, into(x.O), x.memory); });
    });
  }
}
}  // namespace heed_bench
