// Part 3: three attention variants on the queries, keys and values of the trained model, fused and unfused, against
// `reference` and the machine's FMA peak.
#include "../../bench/peak.hpp"
#include "parts.hpp"
#include <cmath>
#include <omp.h>

namespace demo {
namespace {
using namespace heed;
constexpr axis<"h"> h;
constexpr axis<"n"> n;
constexpr axis<"m"> m;
constexpr axis<"d", 32> d;
constexpr axis<"e", 32> e;

// common
constexpr auto q = input<"q">(h, n, d);
constexpr auto k = input<"k">(h, m, d);
constexpr auto v = input<"v">(h, m, e);
constexpr auto score = scaled_dot<d>(q, k);

// causal window
constexpr auto near = mask(score, sliding_window(n, m, 256));
constexpr auto window = dot<m>(softmax<m>(near), v);

// ALiBi
constexpr auto slope = input<"slope">(h);
constexpr auto fading = mask(score + alibi(slope, n, m), causal(n, m));
constexpr auto faded = dot<m>(softmax<m>(fading), v);

// softcap
constexpr auto bounded = mask(softcap(score, 20), causal(n, m));
constexpr auto capped = dot<m>(softmax<m>(bounded), v);

// Unfused: the same program in three calls, with its scores and its weights in memory between them.
template <const auto& Score> constexpr auto scores_to_store = arrange<h, n, m>(Score);
constexpr auto stored_scores = input<"scores">(h, n, m);
constexpr auto stored_weights = input<"weights">(h, n, m);
constexpr auto weights_of_scores = softmax<m>(stored_scores);
constexpr auto values_of_weights = dot<m>(stored_weights, v);

constexpr extent_t heads = encoder::heads, width = 32;
// How many tokens a text has; the oracle looks at the first ones.
extent_t tokens_of(const encoder::head_operands& x) { return x.queries.extent(2); }
extent_t checked_of(const encoder::head_operands& x) { return std::min<extent_t>(tokens_of(x), 300); }

// The sentences over and over as one long text, through the tables and the projections of the first layer.
encoder::head_operands long_text(const setting& s) {
  std::vector<std::string> texts;
  for (const auto& sentence : read_sentences(s.data + "/sentences.txt")) texts.push_back(sentence.text);
  const auto numbers = s.words.tokens(texts);
  const extent_t tokens = s.tokens;
  padded_batch text{tensor<std::int32_t>(1, tokens), tensor<std::int32_t>(1, tokens), tensor<std::int32_t>(1)};
  for (std::size_t i = 0, sentence = 0, t = 0; i < std::size_t(tokens); ++i) {
    text.ids[i] = numbers[sentence][t], text.position[i] = std::int32_t(t);
    if (++t == numbers[sentence].size()) t = 0, sentence = (sentence + 1) % numbers.size();
  }
  return s.model.queries_keys_values(0, s.model.embed(text));
}

// The error unit: eps * |value| * (1 + the largest |query| |key| / sqrt(d)).
double error_unit(const encoder::head_operands& x) {
  double value = 0, product = 0;
  for (const float f : x.values) value = std::max(value, std::fabs(double(f)));
  for (extent_t i = 0; i < heads; ++i)
    for (extent_t t = 0; t < checked_of(x); ++t)
      for (extent_t u = 0; u <= t; ++u) {
        double sum = 0;
        for (extent_t c = 0; c < width; ++c)
          sum += std::fabs(double(x.queries(0, i, t, c)) * double(x.keys(0, i, u, c)));
        product = std::max(product, sum);
      }
  return double(std::numeric_limits<float>::epsilon()) * value * (1 + product / std::sqrt(double(width)));
}

// `pairs`: how many queries and keys of a head meet. `more`: further operands of the variant.
template <const auto& Score, const auto& Out, class... More>
bool compare(const char* name, const encoder::head_operands& x, double unit, double pairs, const More&... more) {
  const extent_t tokens = tokens_of(x), checked = checked_of(x);
  const auto all = [tokens](const tensor<float>& t) { return view(t.data(), {heads, tokens, width}); };
  const auto first = [tokens, checked](const tensor<float>& t) {
    return view(t.data(), {heads, checked, width}, {tokens * width, width, 1});
  };
  tensor<float> O(heads, tokens, width);
  workspace memory;
  const double flops = 4.0 * width * pairs * heads;
  const heed_bench::measurement fused = heed_bench::measure(
      flops,
      [&] { fuse<Out, strict>(q = all(x.queries), k = all(x.keys), v = all(x.values), more..., into(O), memory); }, 9);
  // All three look backwards only: the first queries need the first keys alone, so the oracle can check what was timed.
  tensor<double> want(heads, checked, width);
  reference<Out>(q = first(x.queries), k = first(x.keys), v = first(x.values), more..., into(want));
  double worst = 0;
  for (extent_t i = 0; i < heads; ++i)
    for (extent_t t = 0; t < checked; ++t)
      for (extent_t c = 0; c < width; ++c) {
        const double difference = std::fabs(double(O(i, t, c)) - want(i, t, c));
        worst = difference <= worst ? worst : difference;  // NaN is the largest
      }
  tensor<float> S(heads, tokens, tokens), P(heads, tokens, tokens);
  const heed_bench::measurement unfused = heed_bench::measure(
      flops,
      [&] {
        fuse<scores_to_store<Score>>(q = all(x.queries), k = all(x.keys), more..., into(S), memory);
        fuse<weights_of_scores>(stored_scores = S, into(P), memory);
        fuse<values_of_weights>(stored_weights = P, v = all(x.values), into(O), memory);
      },
      3);
  const bool holds = worst <= 16 * unit;
  std::printf("\n");
  print_declaration(declaration("examples/demo/variants.cpp", name));
  std::printf("\n    %-14s %9.1e %8.2f %9.1f ms %9.1f %% %10.1f x%s\n", name, worst, worst / unit, 1e3 * fused.seconds,
              100 * fused.share, unfused.seconds / fused.seconds, holds ? "" : "  FAILED");
  if (fused.unrest > 0.08)
    std::printf("    (the peak itself moved by %.0f %%: the machine is too busy to trust this line)\n",
                100 * fused.unrest);
  std::fflush(stdout);
  return holds;
}
}  // namespace

bool show_variants(const setting& s) {
  std::printf("%s\n\n", s.out.bold("3. Three variants of attention, fused and unfused").c_str());
  const int threads = omp_get_max_threads();
  omp_set_num_threads(1);  // against the peak of one core
  const encoder::head_operands x = long_text(s);
  const double unit = error_unit(x);
  std::printf(
      "  On the queries, keys and values that the first layer makes of a text of %d\n"
      "  tokens: 12 heads of 32, float, one thread.\n\n",
      int(s.tokens));
  print_declaration(declaration("examples/demo/variants.cpp", "common"));
  std::printf(
      "\n    error: against `reference` in double, first %d tokens; gate: 16 error units\n"
      "    share: of the FMA peak of one core, measured before and after each run;\n"
      "           only what the mask leaves counts as work\n"
      "    unfused: the same program with scores and weights stored in memory\n\n",
      int(checked_of(x)));
  std::printf("    %-14s %9s %8s %12s %11s %12s\n", "", "error", "units", "time", "share", "over unfused");
  std::fflush(stdout);
  tensor<float> slopes(heads);  // 2^(-8 i / heads): Press, Smith and Lewis 2022
  for (extent_t i = 0; i < heads; ++i) slopes[std::size_t(i)] = float(std::exp2(-8.0 * double(i + 1) / double(heads)));
  double near_pairs = 0;
  for (extent_t i = 0; i < s.tokens; ++i) near_pairs += double(std::min<extent_t>(i + 1, 256));
  const double triangle = double(s.tokens) * double(s.tokens + 1) / 2;
  bool ok = compare<near, window>("causal window", x, unit, near_pairs);
  ok = compare<fading, faded>("ALiBi", x, unit, triangle, slope = slopes) && ok;
  ok = compare<bounded, capped>("softcap", x, unit, triangle) && ok;
  omp_set_num_threads(threads);
  return ok;
}

}  // namespace demo
