// One fused graph and nothing else: what of heed lies in the data of such a program is what each graph costs.
#include <heed/heed.hpp>

namespace {
using namespace heed;
constexpr axis<"h"> h;
constexpr axis<"n"> n;
constexpr axis<"m"> m;
constexpr axis<"d", 64> d;
constexpr axis<"e", 64> e;
constexpr auto q = input<"q">(h, n, d);
constexpr auto k = input<"k">(h, m, d);
constexpr auto v = input<"v">(h, m, e);
constexpr auto out = attention<d, m>(q, k, v, causal(n, m));
}  // namespace

int main() {
  tensor<float> Q(2, 40, 64), K(2, 40, 64), V(2, 40, 64), O(2, 40, 64);
  fuse<out>(q = Q, k = K, v = V, into(O));
}
