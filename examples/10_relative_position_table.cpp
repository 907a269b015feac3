// 10. A table that is learned: what T5 adds to a score depends on the distance of query and key alone, exactly for near
// keys, by the logarithm of the distance for far ones (Raffel et al. 2020). The bucket of a distance is an expression
// like any other, and the table is read at it. The gradient of an entry is the sum over all pairs of its bucket; it
// comes out of the same loops as everything else.
#include <cmath>
#include <cstdio>
#include <heed/heed.hpp>
#include <numbers>
#include <random>

namespace relative_positions {
using namespace heed;

constexpr axis<"h", 2> h;
constexpr axis<"n"> n;
constexpr axis<"m"> m;
constexpr axis<"d", 8> d;
constexpr axis<"e", 8> e;
constexpr axis<"buckets", 8> buckets;
constexpr auto q = input<"q">(h, n, d);
constexpr auto k = input<"k">(h, m, d);
constexpr auto v = input<"v">(h, m, e);
constexpr auto table = input<"table">(h, buckets);
constexpr auto wanted = input<"wanted">(h, n, e);

// Distances 0 .. 3 have buckets of their own; 4 .. 31 share the other four, whose edges grow by a constant factor.
constexpr auto distance = n - m;
constexpr auto far = 4 + cast<std::int32_t>(log(max(distance, 1) / 4) / std::numbers::ln2 * 4 / 3);
constexpr auto bucket = min(where(distance < 4, max(distance, 0), far), 7);
constexpr auto out = dot<m>(softmax<m>(mask(scaled_dot<d>(q, k) + table.at(bucket), causal(n, m))), v);
constexpr auto loss = sum<h, n, e>((out - wanted) * (out - wanted));
constexpr auto learn = results(loss, gradient<loss>(wrt(table)));  // the loss and its gradient, one graph

int run(int argc) {
  if (argc > 1) return std::puts(explain<learn>(with(n, 48), with(m, 48)).c_str()), 0;
  const extent_t N = 48;
  tensor<float> Q(2, N, 8), K(2, N, 8), V(2, N, 8), Wanted(2, N, 8), learned(2, 8), direction(2, 8);
  std::mt19937 random{1};
  std::normal_distribution<float> normal;
  for (auto* t : {&Q, &K, &V})
    for (float& x : *t) x = normal(random);
  const float teacher[2][8] = {{1, 0.5f, 0, -0.5f, -1, -1.5f, -2, -2}, {-1, 1, -1, 1, 0, 0, 1, 1}};  // what the outputs
                                                                                                     // were made with
  fuse<out>(q = Q, k = K, v = V, table = teacher, into(Wanted));

  float now = 0, before = INFINITY;
  bool falls = true;
  for (int step = 0; step <= 80; ++step) {
    fuse<learn, strict>(q = Q, k = K, v = V, wanted = Wanted, table = learned, into(now, direction));
    if (step % 20 == 0) {
      std::printf("step %3d  loss %.5f\n", step, double(now));
      falls = falls && now < before, before = now;
    }
    for (std::size_t i = 0; i < learned.size(); ++i) learned[i] -= 0.05f * direction[i];
  }
  // A softmax does not see a constant added to all scores: tables are compared by their differences to the first
  // bucket.
  float off = 0;
  for (extent_t head = 0; head < 2; ++head) {
    std::printf("head %d   learned", int(head));
    for (extent_t b = 0; b < 8; ++b) std::printf(" %6.2f", double(learned(head, b) - learned(head, 0)));
    std::printf("\n         teacher");
    for (extent_t b = 0; b < 8; ++b) {
      const float apart = teacher[head][b] - teacher[head][0];
      std::printf(" %6.2f", double(apart));
      off = std::max(off, std::abs(learned(head, b) - learned(head, 0) - apart));
    }
    std::printf("\n");
  }
  std::printf("the largest error of an entry: %.4f\n", double(off));
  return falls && off < 0.05f ? 0 : 1;
}
}  // namespace relative_positions

int main(int argc, char**) { return relative_positions::run(argc); }
