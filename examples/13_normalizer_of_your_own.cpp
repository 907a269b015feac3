// 13. What turns scores into weights need not be a softmax, and nobody has to have foreseen yours. Here a key counts
// with the square of how far its score lies above 0, and the weights of a query are divided by their sum, but at least
// by 1: who finds nothing says little. It fuses like a softmax, forward and backward.
#include <cmath>
#include <cstdio>
#include <heed/heed.hpp>
#include <random>

namespace squares {
using namespace heed;

constexpr axis<"h"> h;
constexpr axis<"n"> n;
constexpr axis<"m"> m;
constexpr axis<"d", 16> d;
constexpr auto q = input<"q">(h, n, d);
constexpr auto k = input<"k">(h, m, d);
constexpr auto v = input<"v">(h, m, d);
constexpr auto threshold = input<"threshold">(h);  // one number a head, learned

constexpr auto score = mask(scaled_dot<d>(q, k) - threshold, causal(n, m));
constexpr auto square = max(score, 0) * max(score, 0);
constexpr auto total = sum<m>(square);
constexpr auto out = dot<m>(square, v) / max(total, 1);
constexpr auto learn = gradient<out>(wrt(q, k, v, threshold));

int run(int argc) {
  if (argc > 1) return std::puts(explain<learn>(with(h, 2), with(n, 2048), with(m, 2048)).c_str()), 0;
  const extent_t N = 70;
  tensor<float> Q(2, N, 16), K(2, N, 16), V(2, N, 16), dOut(2, N, 16), Out(2, N, 16);
  tensor<float> dQ(2, N, 16), dK(2, N, 16), dV(2, N, 16), dThreshold(2);
  const float thresholds[] = {0.5f, 1.5f};
  std::mt19937 random{1};
  std::normal_distribution<float> normal;
  for (auto* t : {&Q, &K, &V, &dOut})
    for (float& x : *t) x = normal(random);
  // strict: a loop that stores or visits more than it must would not compile.
  fuse<out, strict>(q = Q, k = K, v = V, threshold = thresholds, into(Out));
  fuse<learn, strict>(q = Q, k = K, v = V, threshold = thresholds, cotangent<out> = dOut, into(dQ, dK, dV, dThreshold));

  // The same by hand for the last query of each head, and what the threshold does to the sum of all results.
  double off = 0;
  for (extent_t head = 0; head < 2; ++head) {
    double sum = 0, values[16] = {};
    for (extent_t key = 0; key < N; ++key) {
      double s = 0;
      for (extent_t i = 0; i < 16; ++i) s += double(Q(head, N - 1, i)) * double(K(head, key, i)) / 4;
      const double weight = std::pow(std::max(s - double(thresholds[head]), 0.0), 2);
      sum += weight;
      for (extent_t i = 0; i < 16; ++i) values[i] += weight * double(V(head, key, i));
    }
    for (extent_t i = 0; i < 16; ++i)
      off = std::max(off, std::abs(values[i] / std::max(sum, 1.0) - double(Out(head, N - 1, i))));
    std::printf("head %d, threshold %3.1f: the squares of the last query add up to %6.3f, divided by %6.3f\n",
                int(head), double(thresholds[head]), sum, std::max(sum, 1.0));
  }
  const auto along = [&](float step) {
    const float moved[] = {thresholds[0] + step, thresholds[1]};
    fuse<out>(q = Q, k = K, v = V, threshold = moved, into(Out));
    double sum = 0;
    for (std::size_t i = 0; i < Out.size(); ++i) sum += double(Out[i]) * double(dOut[i]);
    return sum;
  };
  const double slope = (along(0.01f) - along(-0.01f)) / 0.02;
  std::printf(
      "difference from the sums by hand: %.1e\nslope of the first threshold: %.3f, by two calls beside it %.3f\n", off,
      double(dThreshold[0]), slope);
  return off < 1e-5 && std::abs(slope - double(dThreshold[0])) < 0.02 * std::abs(slope) ? 0 : 1;
}
}  // namespace squares

int main(int argc, char**) { return squares::run(argc); }
