// A score of your own is a line: here a distance penalty that each head learns, capped, for the past only. It is fused like any other.
#include <cstdio>
#include <heed/heed.hpp>
using namespace heed;

constexpr axis<"h"> h;
constexpr axis<"n"> n;
constexpr axis<"m"> m;
constexpr axis<"d"> d;
constexpr axis<"e"> e;
constexpr auto q = input<"q">(h, n, d);
constexpr auto k = input<"k">(h, m, d);
constexpr auto v = input<"v">(h, m, e);
constexpr auto strength = input<"strength">(h);

// An ordinary function: a composite of yours looks like one of heed's.
template <class S> constexpr auto fading(const S& score) {
  return mask(softcap(score - strength * log(1 + abs(n - m)), 30), causal(n, m));
}
constexpr auto out = dot<m>(softmax<m>(fading(scaled_dot<d>(q, k))), v);

int main() {
  tensor<float> Q(2, 100, 16), K(2, 100, 16), V(2, 100, 16), O(2, 100, 16), A(2);
  for (std::size_t i = 0; i < Q.size(); ++i) Q[i] = float(i * 7 % 11) / 11, K[i] = float(i * 5 % 13) / 13, V[i] = float(i * 3 % 17) / 17;
  A[0] = 0.5f, A[1] = 2;
  fuse<out, strict>(q = Q, k = K, v = V, strength = A, into(O));
  tensor<double> want(2, 100, 16);
  reference<out>(q = Q, k = K, v = V, strength = A, into(want));
  double worst = 0;
  for (std::size_t i = 0; i < O.size(); ++i) worst = std::max(worst, std::abs(double(O[i]) - want[i]));
  std::printf("%sdifference from the naive evaluation in double: %.1e\n", explain<out>(with(h, 2), with(n, 100), with(m, 100), with(d, 16), with(e, 16)).c_str(), worst);
  return worst < 1e-5 ? 0 : 1;
}
