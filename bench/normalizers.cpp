// forward/sigmoid, forward/relu_squared, forward/stick_breaking: weights that are no softmax, of causal attention;
// gradient/sigmoid, gradient/relu_squared, gradient/stick_breaking: the gradients of queries, keys and values alone,
// five products for each visible pair.
#include "attention.hpp"

namespace heed_bench {
namespace {
using namespace declared;
constexpr auto sigmoid_out = dot<m>(sigmoid(mask(s - log(size<m>), causal(n, m))), v);
constexpr auto rectified = relu(mask(s, causal(n, m)));
constexpr auto relu_squared_out = dot<m>(rectified * rectified, v) / size<m>;
constexpr auto past = mask(s, causal(n, m));
constexpr auto stick_breaking_out = dot<m>(exp(past - running_sum<m>(softplus(past), from_the_end)), v);
constexpr auto sigmoid_gradient = gradient<sigmoid_out>(wrt(q, k, v));
constexpr auto relu_squared_gradient = gradient<relu_squared_out>(wrt(q, k, v));
constexpr auto stick_breaking_gradient = gradient<stick_breaking_out>(wrt(q, k, v));

struct operands : attention_operands {
  using attention_operands::attention_operands;
  tensor<float> G = drawn(7, {heads, length, width});
  tensor<float> dQ{heads, length, width}, dK{heads, length, width}, dV{heads, length, width};
};

template <const auto& Out, const result_list& Gradient>
void add_normalizer(const std::string& name) {
  for (const extent_t D : widths) {
    const std::string at = "/" + name + "/" + std::to_string(D);
    add("forward" + at, [D](benchmark::State& state) {
      operands x(D);
      report(state, x.flops([](extent_t i) { return i + 1; }),
             [&] { fuse<Out, strict>(q = x.Q, k = x.K, v = x.V, into(x.O), x.memory); });
    });
    add("gradient" + at, [D](benchmark::State& state) {
      operands x(D);
      report(state, 2.5 * x.flops([](extent_t i) { return i + 1; }), [&] {
        fuse<Gradient, strict>(q = x.Q, k = x.K, v = x.V, cotangent<Out> = x.G, into(x.dQ, x.dK, x.dV), x.memory);
      });
    });
  }
}
}  // namespace

void add_normalizers() {
  add_normalizer<sigmoid_out, sigmoid_gradient>("sigmoid");
  add_normalizer<relu_squared_out, relu_squared_gradient>("relu_squared");
  add_normalizer<stick_breaking_out, stick_breaking_gradient>("stick_breaking");
}
}  // namespace heed_bench
