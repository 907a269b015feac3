// forward/window, forward/documents, and a window over a million positions.
#include "attention.hpp"

namespace heed_bench {
namespace {
using namespace declared;
constexpr auto window = dot<m>(softmax<m>(mask(s, sliding_window(n, m, 256))), v);
constexpr auto doc = input<"doc", std::int32_t>(n);
constexpr auto documents = dot<m>(softmax<m>(mask(s, causal(n, m) && same_document(doc, n, m))), v);
}  // namespace

void add_masks() {
  for (const extent_t D : widths) {
    const std::string at = "/" + std::to_string(D);
    add("forward/window" + at, [D](benchmark::State& state) {
      attention_operands x(D);
      report(state, x.flops([](extent_t i) { return std::min<extent_t>(i + 1, 256); }), [&] { fuse<window, strict>(q = x.Q, k = x.K, v = x.V, into(x.O), x.memory); });
    });
    add("forward/documents" + at, [D](benchmark::State& state) {
      attention_operands x(D);
      tensor<std::int32_t> number(x.length);
      for (extent_t i = 0; i < x.length; ++i) number[std::size_t(i)] = std::int32_t(i / 300);
      report(state, x.flops([](extent_t i) { return i % 300 + 1; }), [&] { fuse<documents, strict>(q = x.Q, k = x.K, v = x.V, doc = number, into(x.O), x.memory); });
    });
  }
  benchmark::RegisterBenchmark("window/1000000/64", [](benchmark::State& state) {
    constexpr extent_t N = 1'000'000;
    const tensor<float> Q = drawn(1, {1, N, 64}), K = drawn(2, {1, N, 64}), V = drawn(3, {1, N, 64});
    tensor<float> O(1, N, 64);
    workspace memory;
    report(state, 4.0 * 64 * 256 * double(N), [&] { fuse<window, strict>(q = Q, k = K, v = V, into(O), memory); });
    state.counters["workspace_bytes"] = double(memory.bytes());
  })->UseManualTime()->Unit(benchmark::kMillisecond)->Iterations(3);
}
}  // namespace heed_bench
