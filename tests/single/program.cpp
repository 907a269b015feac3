// Compiled with heed's headers and with all of them in one: it must print the same. It names the header without a
// folder, which both can be found by.
#include <cstdio>
#include <heed.hpp>

namespace mine {
using namespace heed;

constexpr axis<"n"> n;
constexpr axis<"m"> m;
constexpr axis<"d", 4> d;
constexpr auto q = input<"q">(n, d);
constexpr auto k = input<"k">(m, d);
constexpr auto v = input<"v">(m, d);
constexpr auto keep = causal(n, m);
constexpr auto out = attention<d, m>(q, k, v, keep);

void run() {
  tensor<float> Q(3, 4), K(3, 4), V(3, 4), O(3, 4);
  for (extent_t i = 0; i < 12; ++i) Q[i] = float(i % 5), K[i] = float(i % 3), V[i] = float(i);
  fuse<out, strict>(q = Q, k = K, v = V, into(O));
  for (const float x : O) std::printf("%.9g\n", double(x));
  std::printf("%s", picture<keep>(with(n, 3), with(m, 3)).c_str());
}
}  // namespace mine

int main() { mine::run(); }
