// forward/window, forward/documents, a block-diagonal mask as arithmetic, as a boolean over pairs and as a map of
// blocks, a causal mask as a boolean over pairs, and a window over a million positions.
#include "attention.hpp"

namespace heed_bench {
namespace {
using namespace declared;
constexpr auto window = dot<m>(softmax<m>(mask(s, sliding_window(n, m, 256))), v);
constexpr auto doc = input<"doc", std::int32_t>(n);
constexpr auto documents = dot<m>(softmax<m>(mask(s, causal(n, m) && same_document(doc, n, m))), v);
constexpr axis<"y"> y;
constexpr axis<"x"> x;
constexpr auto block_of_n = cast<std::int32_t>(n * 0.015625);  // of 64 positions
constexpr auto block_of_m = cast<std::int32_t>(m * 0.015625);
constexpr auto seen = input<"seen", bool>(n, m);
constexpr auto map = input<"map", bool>(y, x);
constexpr auto blocks_by_arithmetic = dot<m>(softmax<m>(mask(s, block_of_n == block_of_m)), v);
constexpr auto captured = dot<m>(softmax<m>(mask(s, seen)), v);
constexpr auto blocks_by_map = dot<m>(softmax<m>(mask(s, gather<x>(gather<y>(map, block_of_n), block_of_m))), v);
}  // namespace

void add_masks() {
  const auto block_pairs = [](extent_t) { return extent_t(64); };
  add("forward/blocks_by_arithmetic/64", [=](benchmark::State& state) {
    attention_operands o(64);
    report(state, o.flops(block_pairs),
           [&] { fuse<blocks_by_arithmetic, strict>(q = o.Q, k = o.K, v = o.V, into(o.O), o.memory); });
  });
  add("forward/blocks_captured/64", [=](benchmark::State& state) {
    attention_operands o(64);
    tensor<bool> S(o.length, o.length);
    for (extent_t i = 0; i < o.length; ++i)
      for (extent_t j = 0; j < o.length; ++j) S(i, j) = i / 64 == j / 64;
    report(state, o.flops(block_pairs),
           [&] { fuse<captured, strict>(q = o.Q, k = o.K, v = o.V, seen = S, into(o.O), o.memory); });
  });
  add("forward/causal_captured/64", [=](benchmark::State& state) {
    attention_operands o(64);
    tensor<bool> S(o.length, o.length);
    for (extent_t i = 0; i < o.length; ++i)
      for (extent_t j = 0; j <= i; ++j) S(i, j) = true;
    report(state, o.flops([](extent_t i) { return i + 1; }),
           [&] { fuse<captured, strict>(q = o.Q, k = o.K, v = o.V, seen = S, into(o.O), o.memory); });
  });
  add("forward/blocks_by_map/64", [=](benchmark::State& state) {
    attention_operands o(64);
    tensor<bool> T(o.length / 64, o.length / 64);
    for (extent_t i = 0; i < o.length / 64; ++i)
      for (extent_t j = 0; j < o.length / 64; ++j) T(i, j) = i == j;
    report(state, o.flops(block_pairs),
           [&] { fuse<blocks_by_map, strict>(q = o.Q, k = o.K, v = o.V, map = T, into(o.O), o.memory); });
  });
  for (const extent_t D : widths) {
    const std::string at = "/" + std::to_string(D);
    add("forward/window" + at, [D](benchmark::State& state) {
      attention_operands x(D);
      report(state, x.flops([](extent_t i) { return std::min<extent_t>(i + 1, 256); }),
             [&] { fuse<window, strict>(q = x.Q, k = x.K, v = x.V, into(x.O), x.memory); });
    });
    add("forward/documents" + at, [D](benchmark::State& state) {
      attention_operands x(D);
      tensor<std::int32_t> number(x.length);
      for (extent_t i = 0; i < x.length; ++i) number[std::size_t(i)] = std::int32_t(i / 300);
      report(state, x.flops([](extent_t i) { return i % 300 + 1; }),
             [&] { fuse<documents, strict>(q = x.Q, k = x.K, v = x.V, doc = number, into(x.O), x.memory); });
    });
  }
  for (const extent_t D : widths)  // all of it lies in a second-level cache of 1 MB
    add("forward/two_documents/" + std::to_string(D), [D](benchmark::State& state) {
      constexpr extent_t N = 600;
      const tensor<float> Q = drawn(1, {1, N, D}), K = drawn(2, {1, N, D}), V = drawn(3, {1, N, D});
      tensor<float> O(1, N, D);
      tensor<std::int32_t> number(N);
      for (extent_t i = 0; i < N; ++i) number[std::size_t(i)] = std::int32_t(i / 300);
      workspace memory;
      report(state, 4.0 * double(D) * 2 * 300 * 301 / 2,
             [&] { fuse<documents, strict>(q = Q, k = K, v = V, doc = number, into(O), memory); });
    });
  benchmark::RegisterBenchmark(
      "window/1000000/64",
      [](benchmark::State& state) {
        constexpr extent_t N = 1'000'000;
        const tensor<float> Q = drawn(1, {1, N, 64}), K = drawn(2, {1, N, 64}), V = drawn(3, {1, N, 64});
        tensor<float> O(1, N, 64);
        workspace memory;
        report(state, 4.0 * 64 * 256 * double(N), [&] { fuse<window, strict>(q = Q, k = K, v = V, into(O), memory); });
        state.counters["workspace_bytes"] = double(memory.bytes());
      })
      ->UseManualTime()
      ->Unit(benchmark::kMillisecond)
      ->Iterations(3);
}
}  // namespace heed_bench
