// staged/...: one query, or a few, against keys and values that are made chunk by chunk, of int8 with scales, of a
// norm; beside the same in float as it lies.
#include "attention.hpp"

namespace heed_bench {
namespace {
using namespace declared;
constexpr auto k8 = input<"k8", std::int8_t>(h, m, d);
constexpr auto v8 = input<"v8", std::int8_t>(h, m, d);
constexpr auto k_scale = input<"k_scale">(h, m);
constexpr auto v_scale = input<"v_scale">(h, m);
constexpr auto plain = dot<m>(softmax<m>(s), v);
constexpr auto whole = dot<m>(softmax<m>(scaled_dot<d>(q, cast<float>(k8) * k_scale)), cast<float>(v8) * v_scale);
constexpr auto normed = dot<m>(softmax<m>(scaled_dot<d>(q, rms_norm<d>(k))), v);

struct cache {
  static constexpr extent_t H = 8, M = 8192, D = 128;
  extent_t N;
  tensor<float> Q, K, V, KS, VS, O;
  tensor<std::int8_t> K8, V8;
  workspace memory;
  explicit cache(extent_t rows)
      : N(rows),
        Q(drawn(1, {H, N, D})),
        K(drawn(2, {H, M, D})),
        V(drawn(3, {H, M, D})),
        KS(drawn(4, {H, M})),
        VS(drawn(5, {H, M})),
        O(H, N, D),
        K8(H, M, D),
        V8(H, M, D) {
    for (std::size_t i = 0; i < K.size(); ++i) K8[i] = std::int8_t(127 * K[i]), V8[i] = std::int8_t(127 * V[i]);
    for (float& x : KS) x *= 0.01f;
    for (float& x : VS) x *= 0.01f;
  }
  double flops() const { return 4. * double(H * N * M * D); }
};
}  // namespace

void add_staged() {
  for (const extent_t rows : {1, 48, 512}) {
    const std::string at = "/" + std::to_string(rows);
    add("staged/float" + at, [rows](benchmark::State& state) {
      cache x(rows);
      report(state, x.flops(), [&] { fuse<plain, strict>(q = x.Q, k = x.K, v = x.V, into(x.O), x.memory); });
    });
    add("staged/int8" + at, [rows](benchmark::State& state) {
      cache x(rows);
      report(state, x.flops(), [&] {
        fuse<whole, strict>(q = x.Q, k8 = x.K8, v8 = x.V8, k_scale = x.KS, v_scale = x.VS, into(x.O), x.memory);
      });
    });
    add("staged/norm" + at, [rows](benchmark::State& state) {
      cache x(rows);
      report(state, x.flops(), [&] { fuse<normed, strict>(q = x.Q, k = x.K, v = x.V, into(x.O), x.memory); });
    });
  }
}
}  // namespace heed_bench
