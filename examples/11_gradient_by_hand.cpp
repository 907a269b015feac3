// 11. Is a gradient right? Ten lines find out: move one number a little to either side, and see how far the loss goes.
// In double precision the two agree to many digits; whoever writes a primitive or trusts nobody checks like this.
#include <cmath>
#include <cstdio>
#include <heed/heed.hpp>
#include <random>

namespace by_hand {
using namespace heed;

constexpr axis<"n"> n;
constexpr axis<"m"> m;
constexpr axis<"d", 4> d;
constexpr auto q = input<"q", double>(n, d);
constexpr auto k = input<"k", double>(m, d);
constexpr auto v = input<"v", double>(m, d);
constexpr auto out = attention<d, m>(q, k, v, causal(n, m));
constexpr auto loss = sum<n, d>(out * out);

int run() {
  tensor<double> Q(5, 4), K(5, 4), V(5, 4), dK(5, 4);
  std::mt19937 random{1};
  std::normal_distribution<double> normal;
  for (auto* t : {&Q, &K, &V})
    for (double& x : *t) x = normal(random);
  fuse<gradient<loss>(wrt(k))>(q = Q, k = K, v = V, into(dK));

  const double step = 1e-6;
  double worst = 0;
  for (std::size_t i = 0; i < K.size(); ++i) {
    double above = 0, below = 0;
    K[i] += step, fuse<loss>(q = Q, k = K, v = V, into(above));
    K[i] -= 2 * step, fuse<loss>(q = Q, k = K, v = V, into(below));
    K[i] += step;
    worst = std::max(worst, std::abs((above - below) / (2 * step) - dK[i]));
  }
  std::printf("gradient of k[2][1]: %.9f\nthe largest difference to finite differences: %.1e\n", dK(2, 1), worst);
  return worst < 1e-8 ? 0 : 1;
}
}  // namespace by_hand

int main() { return by_hand::run(); }
