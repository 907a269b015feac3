// 9. A gradient is a graph as well: heed differentiates the declaration, and what comes out is compiled like any other.
// Here two heads learn how fast keys fade with their distance (the slopes of ALiBi, fixed in its paper) by plain
// gradient descent.
#include <cmath>
#include <cstdio>
#include <heed/heed.hpp>
#include <random>

namespace learned_slopes {
using namespace heed;

constexpr axis<"h"> h;
constexpr axis<"n"> n;
constexpr axis<"m"> m;
constexpr axis<"d", 8> d;
constexpr axis<"e", 8> e;
constexpr auto q = input<"q">(h, n, d);
constexpr auto k = input<"k">(h, m, d);
constexpr auto v = input<"v">(h, m, e);
constexpr auto slope = input<"slope">(h);  // one number a head
constexpr auto wanted = input<"wanted">(h, n, e);

constexpr auto out = dot<m>(softmax<m>(mask(scaled_dot<d>(q, k) + alibi(slope, n, m), causal(n, m))), v);
constexpr auto loss = sum<h, n, e>((out - wanted) * (out - wanted));  // a single number: its gradient needs no
                                                                      // cotangent

int run(int argc) {
  if (argc > 1) return std::puts(explain<gradient<loss>(wrt(slope))>(with(h, 2), with(n, 8), with(m, 8)).c_str()), 0;
  tensor<float> Q(2, 8, 8), K(2, 8, 8), V(2, 8, 8), Wanted(2, 8, 8), slopes(2), direction(2);
  std::mt19937 random{1};
  std::normal_distribution<float> normal;
  for (auto* t : {&Q, &K, &V})
    for (float& x : *t) x = normal(random);

  const float teacher[] = {0.2f, 1.0f};  // what the heads are to find out, from outputs alone
  slopes[0] = teacher[0], slopes[1] = teacher[1];
  fuse<out>(q = Q, k = K, v = V, slope = slopes, into(Wanted));

  slopes[0] = slopes[1] = 0.5f;
  float now = 0, before = INFINITY;
  bool falls = true;
  std::printf("step      loss   slopes\n");
  for (int step = 0; step <= 50; ++step) {
    fuse<loss>(q = Q, k = K, v = V, slope = slopes, wanted = Wanted, into(now));
    if (step % 10 == 0) {
      std::printf("%4d  %8.4f   %.3f %.3f\n", step, now, slopes[0], slopes[1]);
      falls = falls && now < before;
      before = now;
    }
    fuse<gradient<loss>(wrt(slope))>(q = Q, k = K, v = V, slope = slopes, wanted = Wanted, into(direction));
    for (std::size_t i = 0; i < 2; ++i) slopes[i] -= 0.01f * direction[i];
  }
  const float off = std::max(std::abs(slopes[0] - teacher[0]), std::abs(slopes[1] - teacher[1]));
  std::printf("the largest error of a slope: %.4f\n", off);
  return falls && off < 0.05f ? 0 : 1;
}
}  // namespace learned_slopes

int main(int argc, char**) { return learned_slopes::run(argc); }
