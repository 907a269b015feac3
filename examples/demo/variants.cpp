#include "variants.hpp"
#include "../../bench/peak.hpp"
#include <cstdio>
#include <heed/heed.hpp>
#include <omp.h>
#include <random>
using namespace heed;

namespace {
constexpr axis<"h"> h;
constexpr axis<"n"> n;
constexpr axis<"m"> m;
constexpr axis<"d", 64> d;
constexpr axis<"e", 64> e;
constexpr auto q = input<"q">(h, n, d);
constexpr auto k = input<"k">(h, m, d);
constexpr auto v = input<"v">(h, m, e);
constexpr auto slope = input<"slope">(h);
constexpr auto s = scaled_dot<d>(q, k);

// The variants: one line each.
constexpr auto window = mask(s, sliding_window(n, m, 256));
constexpr auto alibi_score = mask(s + alibi(slope, n, m), causal(n, m));
constexpr auto capped = mask(softcap(s, 20), causal(n, m));

// Unfused: the same program, its scores and weights stored between three calls.
constexpr auto stored_score = input<"score">(h, n, m);
constexpr auto stored_weights = input<"weights">(h, n, m);
constexpr auto weights_of_stored = softmax<m>(stored_score);
constexpr auto values_of_stored = dot<m>(stored_weights, v);

template <const auto& Score> constexpr auto attended = dot<m>(softmax<m>(Score), v);
template <const auto& Score> constexpr auto scored = arrange<h, n, m>(Score);

template <const auto& Score, bool slopes_used>
bool compare(const char* name, double visible_per_head) {
  constexpr extent_t H = 4, S = 2048, small = 200;
  tensor<float> Q(H, S, 64), K(H, S, 64), V(H, S, 64), O(H, S, 64), slopes(H), P(H, S, S), W(H, S, S);
  std::mt19937 random(1);
  std::uniform_real_distribution<float> uniform(-1, 1);
  for (auto* t : {&Q, &K, &V}) for (float& x : *t) x = uniform(random);
  for (extent_t i = 0; i < H; ++i) slopes[std::size_t(i)] = std::exp2(-2.f * float(i + 1));
  const auto cut = [&](tensor<float>& t) { return view<float>(t.data(), {H, small, 64}, {S * 64, 64, 1}); };
  tensor<double> want(H, small, 64);
  tensor<float> got(H, small, 64);
  workspace memory;
  const double flops = 4.0 * 64 * visible_per_head * H;
  if constexpr (slopes_used) {
    fuse<attended<Score>, strict>(q = cut(Q), k = cut(K), v = cut(V), slope = slopes, into(got));
    reference<attended<Score>>(q = cut(Q), k = cut(K), v = cut(V), slope = slopes, into(want));
  } else {
    fuse<attended<Score>, strict>(q = cut(Q), k = cut(K), v = cut(V), into(got));
    reference<attended<Score>>(q = cut(Q), k = cut(K), v = cut(V), into(want));
  }
  double worst = 0;
  for (std::size_t i = 0; i < got.size(); ++i) worst = std::max(worst, std::fabs(double(got[i]) - want[i]));
  const auto together = [&] {
    if constexpr (slopes_used) fuse<attended<Score>, strict>(q = Q, k = K, v = V, slope = slopes, into(O), memory);
    else fuse<attended<Score>, strict>(q = Q, k = K, v = V, into(O), memory);
  };
  const auto apart = [&] {
    if constexpr (slopes_used) fuse<scored<Score>>(q = Q, k = K, slope = slopes, into(P), memory);
    else fuse<scored<Score>>(q = Q, k = K, into(P), memory);
    fuse<weights_of_stored>(stored_score = P, into(W), memory);
    fuse<values_of_stored>(stored_weights = W, v = V, into(O), memory);
  };
  const heed_bench::measurement fast = heed_bench::measure(flops, together, 7);
  const heed_bench::measurement slow = heed_bench::measure(flops, apart, 3);
  const double share = 100 * fast.share, unfused = slow.seconds / fast.seconds;
  const double unit = 1.2e-7 * 1 * (1 + 8 + (slopes_used ? 50 : 0));
  std::printf("    %-16s error %.1e   %6.2f ms   %4.1f %% of the FMA peak   %5.1f x faster than unfused%s\n", name, worst, 1e3 * fast.seconds, share, unfused,
              fast.unrest > 0.08 ? "   (the machine is busy)" : "");
  std::fflush(stdout);
  return worst <= 16 * unit;
}
}  // namespace

bool compare_variants() {
  omp_set_num_threads(1);                                  // against the peak of one core
  std::printf("    4 heads, 2048 positions, width 64, float; 1 thread; useful flops only\n");
  double visible = 0;
  for (int i = 0; i < 2048; ++i) visible += std::min(i + 1, 256);
  const double triangle = 2048.0 * 2049 / 2;
  bool ok = compare<window, false>("causal window", visible);
  ok = compare<alibi_score, true>("ALiBi", triangle) && ok;
  return compare<capped, false>("softcap", triangle) && ok;
}
