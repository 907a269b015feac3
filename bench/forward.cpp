// forward/full, forward/causal, forward/gqa: attention as it is.
#include "attention.hpp"

namespace heed_bench {
namespace {
using namespace declared;
constexpr auto full = dot<m>(softmax<m>(s), v);
constexpr auto causal_out = dot<m>(softmax<m>(mask(s, causal(n, m))), v);
constexpr auto grouped_queries = input<"qg">(h, r, n, d);
constexpr auto gqa = dot<m>(softmax<m>(mask(scaled_dot<d>(grouped_queries, k), causal(n, m))), v);
}  // namespace

void add_forward() {
  for (const extent_t D : widths) {
    const std::string at = "/" + std::to_string(D);
    add("forward/full" + at, [D](benchmark::State& state) {
      attention_operands x(D);
      report(state, x.flops([&](extent_t) { return x.length; }),
             [&] { fuse<full, strict>(q = x.Q, k = x.K, v = x.V, into(x.O), x.memory); });
    });
    add("forward/causal" + at, [D](benchmark::State& state) {
      attention_operands x(D);
      report(state, x.flops([](extent_t i) { return i + 1; }),
             [&] { fuse<causal_out, strict>(q = x.Q, k = x.K, v = x.V, into(x.O), x.memory); });
    });
    add("forward/gqa" + at, [D](benchmark::State& state) {
      attention_operands x(D);
      const auto one = [&](tensor<float>& t) { return view<float>(t.data(), {1, x.length, D}); };
      const view<float> Q(x.Q.data(), {1, 4, x.length, D}), O(x.O.data(), {1, 4, x.length, D});
      report(state, x.flops([](extent_t i) { return i + 1; }),
             [&] { fuse<gqa, strict>(grouped_queries = Q, k = one(x.K), v = one(x.V), into(O), x.memory); });
    });
  }
}
}  // namespace heed_bench
