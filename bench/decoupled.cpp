// forward/decoupled, backward/decoupled: causal attention whose scores are the sum of two contractions, content and a
// rotary position that all heads share (DeepSeek-AI 2024), 64 + 64 wide, with values of 64: three products for each
// visible pair forward, and eight more for the gradients of all five operands, which a call runs behind the forward
// pass.
#include "attention.hpp"

namespace heed_bench {
namespace {
using namespace declared;
constexpr auto qr = input<"qr">(h, n, r);
constexpr auto kr = input<"kr">(m, r);
constexpr auto score = (dot<d>(q, k) + dot<r>(qr, kr)) / sqrt(size<d> + size<r>);
constexpr auto decoupled = dot<m>(softmax<m>(mask(score, causal(n, m))), v);
constexpr auto decoupled_gradient = gradient<decoupled>(wrt(q, k, qr, kr, v));

struct operands : attention_operands {
  using attention_operands::attention_operands;
  tensor<float> QR = drawn(4, {heads, length, width}), KR = drawn(5, {length, width}),
                G = drawn(7, {heads, length, width});
  tensor<float> dQ{heads, length, width}, dK{heads, length, width}, dQR{heads, length, width}, dKR{length, width},
      dV{heads, length, width};
};
}  // namespace

void add_decoupled() {
  const auto earlier = [](extent_t i) { return i + 1; };
  add("forward/decoupled/64", [=](benchmark::State& state) {
    operands x(64);
    report(state, 1.5 * x.flops(earlier),
           [&] { fuse<decoupled, strict>(q = x.Q, k = x.K, qr = x.QR, kr = x.KR, v = x.V, into(x.O), x.memory); });
  });
  add("backward/decoupled/64", [=](benchmark::State& state) {
    operands x(64);
    report(state, 5.5 * x.flops(earlier), [&] {
      fuse<decoupled_gradient, strict>(q = x.Q, k = x.K, qr = x.QR, kr = x.KR, v = x.V, cotangent<decoupled> = x.G,
                                       into(x.dQ, x.dK, x.dQR, x.dKR, x.dV), x.memory);
    });
  });
}
}  // namespace heed_bench
