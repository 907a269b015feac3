// 12. A head that has nothing to say cannot be silent: the weights of a softmax add up to 1. A sink lets it: one more
// logit, learned, that takes part in every softmax and whose weight goes nowhere (gpt-oss has one for every head). Here
// each head of a teacher has a sink, and another set of sinks finds out from the outputs alone what they are.
#include <cmath>
#include <cstdio>
#include <heed/heed.hpp>
#include <random>

namespace sinks_of_heads {
using namespace heed;

constexpr axis<"h", 3> h;
constexpr axis<"n"> n;
constexpr axis<"m"> m;
constexpr axis<"d", 8> d;
constexpr axis<"e", 8> e;
constexpr auto q = input<"q">(h, n, d);
constexpr auto k = input<"k">(h, m, d);
constexpr auto v = input<"v">(h, m, e);
constexpr auto sink = input<"sink">(h);  // one number a head
constexpr auto wanted = input<"wanted">(h, n, e);

constexpr auto score = mask(scaled_dot<d>(q, k), causal(n, m));
constexpr auto out = sink_attention<m>(score, v, sink);
constexpr auto drawn = mean<n>(sigmoid(sink - logsumexp<m>(score)));  // the share of the weights that the sink takes,
                                                                      // of each head
constexpr auto loss = sum<h, n, e>((out - wanted) * (out - wanted));
constexpr auto learn = results(loss, gradient<loss>(wrt(sink)));

int run(int argc) {
  if (argc > 1) return std::puts(explain<learn>(with(n, 48), with(m, 48)).c_str()), 0;
  const extent_t N = 48;
  tensor<float> Q(3, N, 8), K(3, N, 8), V(3, N, 8), Wanted(3, N, 8), learned(3), direction(3), share(3);
  std::mt19937 random{1};
  std::normal_distribution<float> normal;
  for (auto* t : {&Q, &K, &V})
    for (float& x : *t) x = normal(random);
  const float teacher[] = {-1, 1, 4};  // it takes little; some; most
  fuse<out, strict>(q = Q, k = K, v = V, sink = teacher, into(Wanted));

  float now = 0, before = INFINITY;
  bool falls = true;
  std::printf("step      loss   sinks\n");
  for (int step = 0; step <= 100; ++step) {
    fuse<learn, strict>(q = Q, k = K, v = V, wanted = Wanted, sink = learned, into(now, direction));
    if (step % 20 == 0) {
      std::printf("%4d  %8.4f  %6.2f %6.2f %6.2f\n", step, double(now), double(learned[0]), double(learned[1]),
                  double(learned[2]));
      falls = falls && now < before, before = now;
    }
    for (std::size_t i = 0; i < 3; ++i) learned[i] -= 0.1f * direction[i];
  }
  fuse<drawn>(q = Q, k = K, sink = learned, into(share));
  float off = 0;
  for (std::size_t i = 0; i < 3; ++i) {
    std::printf("head %zu: sink %6.2f, the teacher's %2.0f; it takes %2.0f %% of the weights\n", i, double(learned[i]),
                double(teacher[i]), 100 * double(share[i]));
    off = std::max(off, std::abs(learned[i] - teacher[i]));
  }
  return falls && off < 0.05f ? 0 : 1;
}
}  // namespace sinks_of_heads

int main(int argc, char**) { return sinks_of_heads::run(argc); }
