// projection/N x C x O: x W^T with the weight packed in every call. projection_gradient: both products of its backward
// pass, d_y W and d_y^T x.
#include "problems.hpp"

namespace heed_bench {
namespace {
constexpr axis<"n"> n;
constexpr axis<"c"> c;
constexpr axis<"o"> o;
constexpr auto x = input<"x">(n, c);
constexpr auto weight = input<"weight">(o, c);
constexpr auto projected = project<c>(x, weight);
constexpr auto gradients = gradient<projected>(wrt(x, weight));
}  // namespace

void add_projections() {
  for (const auto& [N, C, O] : {std::array<extent_t, 3>{2048, 768, 768}, {2048, 768, 3072}})
    add("projection/" + std::to_string(N) + "x" + std::to_string(C) + "x" + std::to_string(O),
        [N, C, O](benchmark::State& state) {
          const tensor<float> X = drawn(1, {N, C}), W = drawn(2, {O, C});
          tensor<float> Y(N, O);
          workspace memory;
          report(state, 2.0 * double(N) * double(C) * double(O),
                 [&] { fuse<projected, strict>(x = X, weight = W, into(Y), memory); });
        });
  add("projection_gradient/2048x768x768", [](benchmark::State& state) {
    constexpr extent_t N = 2048, C = 768;
    const tensor<float> X = drawn(1, {N, C}), W = drawn(2, {C, C}), dY = drawn(3, {N, C});
    tensor<float> dX(N, C), dW(C, C);
    workspace memory;
    report(state, 4.0 * double(N) * double(C) * double(C),
           [&] { fuse<gradients, strict>(x = X, weight = W, cotangent<projected> = dY, into(dX, dW), memory); });
  });
}
}  // namespace heed_bench
