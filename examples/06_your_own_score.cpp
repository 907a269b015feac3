// 6. A score of your own is a line: here a penalty on distance that each head learns, capped, for the past only. Nobody
// wrote a kernel for it; it is fused like any other, and no n x m array exists anywhere.
#include <cmath>
#include <cstdio>
#include <heed/heed.hpp>

namespace distance_penalty {
using namespace heed;

constexpr axis<"h"> h;
constexpr axis<"n"> n;
constexpr axis<"m"> m;
constexpr axis<"d"> d;
constexpr axis<"e"> e;
constexpr auto q = input<"q">(h, n, d);
constexpr auto k = input<"k">(h, m, d);
constexpr auto v = input<"v">(h, m, e);
constexpr auto strength = input<"strength">(h);  // one number a head

// An ordinary function: a composite of yours looks like one of heed's.
template <class Score>
constexpr auto fading(const Score& score) {
  return mask(softcap(score - strength * log(1 + abs(n - m)), 30), causal(n, m));
}
constexpr auto out = dot<m>(softmax<m>(fading(scaled_dot<d>(q, k))), v);

int run(int argc) {
  if (argc > 1)
    return std::puts(explain<out>(with(h, 2), with(n, 2048), with(m, 2048), with(d, 64), with(e, 64)).c_str()), 0;
  tensor<float> Q(2, 100, 16), K(2, 100, 16), V(2, 100, 16), O(2, 100, 16), strengths(2);
  for (std::size_t i = 0; i < Q.size(); ++i)
    Q[i] = float(i * 7 % 11) / 11, K[i] = float(i * 5 % 13) / 13, V[i] = float(i * 3 % 17) / 17;
  strengths[0] = 0.5f, strengths[1] = 2;
  fuse<out, strict>(q = Q, k = K, v = V, strength = strengths, into(O));  // strict: what cannot be fused does not
                                                                          // compile

  tensor<double> want(2, 100, 16);
  reference<out>(q = Q, k = K, v = V, strength = strengths, into(want));
  double worst = 0, sum = 0;
  for (std::size_t i = 0; i < O.size(); ++i) worst = std::max(worst, std::abs(double(O[i]) - want[i])), sum += want[i];
  std::printf("%s\ndifference from the naive evaluation in double: %.1e\n",
              explain<out>(with(h, 2), with(n, 100), with(m, 100), with(d, 16), with(e, 16)).c_str(), worst);
  return worst < 1e-5 && sum > 100 ? 0 : 1;
}
}  // namespace distance_penalty

int main(int argc, char**) { return distance_penalty::run(argc); }
