// Masks are arithmetic on positions. What is excluded is absent: NaN stored there never shows.
#include <cmath>
#include <cstdio>
#include <heed/heed.hpp>
using namespace heed;

constexpr axis<"n"> n;
constexpr axis<"m"> m;
constexpr axis<"d", 8> d;
constexpr auto q = input<"q">(n, d);
constexpr auto k = input<"k">(m, d);
constexpr auto v = input<"v">(m, d);

constexpr auto past = causal(n, m);
constexpr auto window = sliding_window(n, m, 6);
constexpr auto every_third = causal(n, m) && (sliding_window(n, m, 3) || m < 2);

constexpr axis<"w", 8> w;
constexpr auto attended = attention<w, m>(rename<d, w>(q), rename<d, w>(k), v, past);

int main() {
  std::printf("causal\n%s\na window of 6\n%s\na window of 3 and two sinks\n%s", picture<past>(with(n, 12), with(m, 12)).c_str(),
              picture<window>(with(n, 12), with(m, 12)).c_str(), picture<every_third>(with(n, 12), with(m, 12)).c_str());
  tensor<float> Q(12, 8), K(12, 8), V(12, 8), O(12, 8);
  std::fill(Q.begin(), Q.end(), 1.f), std::fill(K.begin(), K.end(), 1.f), std::fill(V.begin(), V.end(), 1.f);
  V(11, 0) = NAN;                                          // only the last query may see it
  fuse<attended, strict>(q = Q, k = K, v = V, into(O));
  return std::isfinite(O(10, 0)) && std::isnan(O(11, 0)) ? 0 : 1;
}
