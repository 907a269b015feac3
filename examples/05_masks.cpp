// 5. Masks are arithmetic on positions: a condition says which keys a query may see. What is excluded is absent, not
// small: a NaN stored there never shows. And it is not computed: stretches of keys that nobody sees are skipped.
#include <algorithm>
#include <cmath>
#include <cstdio>
#include <heed/heed.hpp>

namespace masks {
using namespace heed;

constexpr axis<"n"> n;  // positions of queries
constexpr axis<"m"> m;  // positions of keys
constexpr axis<"d", 8> d;
constexpr axis<"e", 8> e;
constexpr auto q = input<"q">(n, d);
constexpr auto k = input<"k">(m, d);
constexpr auto v = input<"v">(m, e);

constexpr auto past = causal(n, m);                                         // m <= n
constexpr auto window = sliding_window(n, m, 6);                            // m <= n && n - m < 6
constexpr auto sinks = causal(n, m) && (sliding_window(n, m, 3) || m < 2);  // a mask of your own: a window, and two
                                                                            // keys for all
constexpr auto attended = attention<d, m>(q, k, v, sinks);

int run(int argc) {
  if (argc > 1) return std::puts(explain<attended>(with(n, 2048), with(m, 2048)).c_str()), 0;
  std::printf(
      "who sees whom: queries downwards, keys to the right\n\ncausal\n%s\na window of 6\n%s\na window of 3 and two "
      "sinks\n%s\n",
      picture<past>(with(n, 12), with(m, 12)).c_str(), picture<window>(with(n, 12), with(m, 12)).c_str(),
      picture<sinks>(with(n, 12), with(m, 12)).c_str());
  tensor<float> Q(12, 8), K(12, 8), V(12, 8), O(12, 8);
  std::fill(Q.begin(), Q.end(), 1.f), std::fill(K.begin(), K.end(), 1.f), std::fill(V.begin(), V.end(), 1.f);
  V(5, 0) = NAN;  // queries 5, 6 and 7 see key 5, the others do not
  fuse<attended, strict>(q = Q, k = K, v = V, into(O));
  std::printf("value 5 is NaN; seen by query");
  bool right = true;
  for (int i = 0; i < 12; ++i) {
    if (std::isnan(O(i, 0))) std::printf(" %d", i);
    right = right && std::isnan(O(i, 0)) == (i >= 5 && i <= 7);
  }
  std::printf("\n");
  return right ? 0 : 1;
}
}  // namespace masks

int main(int argc, char**) { return masks::run(argc); }
