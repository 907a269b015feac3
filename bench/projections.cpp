// projection/N x C x O: x W^T with the weight packed in every call.
#include "problems.hpp"

namespace heed_bench {
namespace {
constexpr axis<"n"> n;
constexpr axis<"c"> c;
constexpr axis<"o"> o;
constexpr auto x = input<"x">(n, c);
constexpr auto weight = input<"weight">(o, c);
constexpr auto projected = project<c>(x, weight);
}  // namespace

void add_projections() {
  for (const auto& [N, C, O] : {std::array<extent_t, 3>{2048, 768, 768}, {2048, 768, 3072}})
    add("projection/" + std::to_string(N) + "x" + std::to_string(C) + "x" + std::to_string(O), [N, C, O](benchmark::State& state) {
      const tensor<float> X = drawn(1, {N, C}), W = drawn(2, {O, C});
      tensor<float> Y(N, O);
      workspace memory;
      report(state, 2.0 * double(N) * double(C) * double(O), [&] { fuse<projected, strict>(x = X, weight = W, into(Y), memory); });
    });
}
}  // namespace heed_bench
