// backward/full, causal, window, documents, alibi, softcap, bias, gqa: the gradients of attention with respect to
// queries, keys, values and captured operands, of 4 heads; one_head, one_head_causal, eight_heads: for teams that are
// larger and smaller than the number of heads. A call runs the forward pass for the output and its log-sum-exp, then
// the backward pass; useful flops are those of its two and five products. `backward` is the share of the peak that the
// backward pass alone reaches: the forward call is timed beside it and subtracted.
#include "attention.hpp"

namespace heed_bench {
namespace {
using namespace declared;
constexpr auto g = input<"g">(h, n, e);
constexpr auto slope = input<"slope">(h);
constexpr auto bias = input<"bias">(h, n, m);
constexpr auto doc = input<"doc", std::int32_t>(n);
constexpr auto qg = input<"qg">(h, r, n, d);
constexpr auto gg = input<"gg">(h, r, n, e);

template <class P, class G> constexpr auto d_score(const P& p, const G& cotangent) {
  return p * (dot<e>(cotangent, v) - dot<e>(cotangent, dot<m>(p, v)));
}
constexpr auto scale = 1 / sqrt(size<d>);
#define HEED_GRADIENT(NAME, SCORE, DSCORE)       \
  constexpr auto p_##NAME = softmax<m>(SCORE);   \
  constexpr auto ds_##NAME = DSCORE;             \
  constexpr auto o_##NAME = dot<m>(p_##NAME, v); \
  constexpr auto l_##NAME = logsumexp<m>(SCORE); \
  constexpr auto dv_##NAME = dot<n>(p_##NAME, g);
#define HEED_PRODUCTS(NAME)                                \
  constexpr auto dq_##NAME = dot<m>(ds_##NAME, k) * scale; \
  constexpr auto dk_##NAME = dot<n>(ds_##NAME, q) * scale;
#define HEED_MASKED(NAME, SCORE, KEEP) HEED_GRADIENT(NAME, mask(SCORE, KEEP), where(KEEP, d_score(p_##NAME, g), 0.))
HEED_GRADIENT(full, s, d_score(p_full, g))
HEED_PRODUCTS(full)
HEED_MASKED(causal, s, causal(n, m))
HEED_PRODUCTS(causal)
HEED_MASKED(window, s, sliding_window(n, m, 256))
HEED_PRODUCTS(window)
HEED_MASKED(documents, s, causal(n, m) && same_document(doc, n, m))
HEED_PRODUCTS(documents)
HEED_MASKED(alibi, s + alibi(slope, n, m), causal(n, m))
HEED_PRODUCTS(alibi)
constexpr auto dslope = sum<n, m>(ds_alibi * (m - n));
HEED_MASKED(softcap, softcap(s, 20), causal(n, m))
constexpr auto cap = tanh(s / 20);
constexpr auto dtile_softcap = ds_softcap * (1 - cap * cap);
constexpr auto dq_softcap = dot<m>(dtile_softcap, k) * scale;
constexpr auto dk_softcap = dot<n>(dtile_softcap, q) * scale;
HEED_GRADIENT(bias, s + bias, d_score(p_bias, g))
HEED_PRODUCTS(bias)
constexpr auto score_gqa = mask(scaled_dot<d>(qg, k), causal(n, m));
constexpr auto p_gqa = softmax<m>(score_gqa);
constexpr auto o_gqa = dot<m>(p_gqa, v);
constexpr auto l_gqa = logsumexp<m>(score_gqa);
constexpr auto ds_gqa = where(causal(n, m), d_score(p_gqa, gg), 0.);
constexpr auto dq_gqa = dot<m>(ds_gqa, k) * scale;
constexpr auto dk_gqa = dot<n, r>(ds_gqa, qg) * scale;
constexpr auto dv_gqa = dot<n, r>(p_gqa, gg);

struct gradient_operands : attention_operands {
  using attention_operands::attention_operands;
  tensor<float> G = drawn(7, {heads, length, width}), L{heads, length};
  tensor<float> dQ{heads, length, width}, dK{heads, length, width}, dV{heads, length, width};
};
// `all`: forward and backward; `forward`: output and log-sum-exp alone.
template <class All, class Forward>
void report_backward(benchmark::State& state, double forward_flops, const All& all, const Forward& forward) {
  stopwatch<> both{3.5 * forward_flops}, first{forward_flops};
  all(), forward();
  for (auto _ : state) {
    state.SetIterationTime(both.time(all));
    first.time(forward);
  }
  const measurement m = both.medians(), f = first.medians();
  state.counters["median_ms"] = 1e3 * m.seconds;
  state.counters["useful_gflops"] = m.gflops;
  state.counters["share_of_peak"] = m.share;
  state.counters["unrest"] = m.unrest;
  state.counters["busy"] = m.busy();
  state.counters["backward"] = 2.5 * forward_flops / (m.seconds - f.seconds) / 1e9 / (m.gflops / m.share);
}
}  // namespace

#define HEED_CASE(NAME, VISIBLE, RESULTS, INTO, ...) \
  HEED_CASE_OF(#NAME, 4, NAME, VISIBLE, RESULTS, INTO __VA_OPT__(, ) __VA_ARGS__)
#define HEED_CASE_OF(CALLED, HEADS, NAME, VISIBLE, RESULTS, INTO, ...)                                                 \
  add("backward/" CALLED + at, [D](benchmark::State& state) {                                                          \
    gradient_operands x(D, HEADS);                                                                                     \
    report_backward(                                                                                                   \
        state, x.flops([&](extent_t i) {                                                                               \
          (void)i;                                                                                                     \
          return VISIBLE;                                                                                              \
        }),                                                                                                            \
        [&] { fuse<RESULTS, strict>(q = x.Q, k = x.K, v = x.V, g = x.G __VA_OPT__(, ) __VA_ARGS__, INTO, x.memory); }, \
        [&] {                                                                                                          \
          fuse<results(o_##NAME, l_##NAME), strict>(q = x.Q, k = x.K, v = x.V __VA_OPT__(, ) __VA_ARGS__,              \
                                                    into(x.O, x.L), x.memory);                                         \
        });                                                                                                            \
  })
#define HEED_RESULTS(NAME) results(dq_##NAME, dk_##NAME, dv_##NAME)

void add_backward() {
  static tensor<float> slopes(4), dslopes(4);
  static tensor<std::int32_t> number(attention_operands::length);
  for (int i = 0; i < 4; ++i) slopes[std::size_t(i)] = std::exp2(-2.f * float(i + 1));
  for (extent_t i = 0; i < attention_operands::length; ++i) number[std::size_t(i)] = std::int32_t(i / 300);
  for (const extent_t D : widths) {
    const std::string at = "/" + std::to_string(D);
    HEED_CASE(full, x.length, HEED_RESULTS(full), into(x.dQ, x.dK, x.dV));
    HEED_CASE(causal, i + 1, HEED_RESULTS(causal), into(x.dQ, x.dK, x.dV));
    HEED_CASE_OF("one_head", 1, full, x.length, HEED_RESULTS(full), into(x.dQ, x.dK, x.dV));
    HEED_CASE_OF("one_head_causal", 1, causal, i + 1, HEED_RESULTS(causal), into(x.dQ, x.dK, x.dV));
    HEED_CASE_OF("eight_heads", 8, full, x.length, HEED_RESULTS(full), into(x.dQ, x.dK, x.dV));
    HEED_CASE(window, std::min<extent_t>(i + 1, 256), HEED_RESULTS(window), into(x.dQ, x.dK, x.dV));
    HEED_CASE(documents, i % 300 + 1, HEED_RESULTS(documents), into(x.dQ, x.dK, x.dV), doc = number);
    HEED_CASE(alibi, i + 1, results(dq_alibi, dk_alibi, dv_alibi, dslope), into(x.dQ, x.dK, x.dV, dslopes),
              slope = slopes);
    HEED_CASE(softcap, i + 1, HEED_RESULTS(softcap), into(x.dQ, x.dK, x.dV));
    add("backward/bias" + at, [D](benchmark::State& state) {
      gradient_operands x(D);
      const tensor<float> B = drawn(4, {4, x.length, x.length});
      tensor<float> dB(4, x.length, x.length);
      report_backward(
          state, x.flops([&](extent_t) { return x.length; }),
          [&] {
            fuse<results(dq_bias, dk_bias, dv_bias, ds_bias), strict>(q = x.Q, k = x.K, v = x.V, g = x.G, bias = B,
                                                                      into(x.dQ, x.dK, x.dV, dB), x.memory);
          },
          [&] {
            fuse<results(o_bias, l_bias), strict>(q = x.Q, k = x.K, v = x.V, bias = B, into(x.O, x.L), x.memory);
          });
    });
    add("backward/gqa" + at, [D](benchmark::State& state) {
      gradient_operands x(D);
      const auto one = [&](tensor<float>& t) { return view<float>(t.data(), {1, x.length, D}); };
      const auto four = [&](tensor<float>& t) { return view<float>(t.data(), {1, 4, x.length, D}); };
      const view<float> L(x.L.data(), {1, 4, x.length});
      report_backward(
          state, x.flops([](extent_t i) { return i + 1; }),
          [&] {
            fuse<results(dq_gqa, dk_gqa, dv_gqa), strict>(qg = four(x.Q), k = one(x.K), v = one(x.V), gg = four(x.G),
                                                          into(four(x.dQ), one(x.dK), one(x.dV)), x.memory);
          },
          [&] {
            fuse<results(o_gqa, l_gqa), strict>(qg = four(x.Q), k = one(x.K), v = one(x.V), into(four(x.O), L),
                                                x.memory);
          });
    });
  }
}
}  // namespace heed_bench
