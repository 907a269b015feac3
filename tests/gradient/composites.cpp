// The gradients of composites, of losses and of several results against central differences.
// options: -O0 -DHEED_UNOPTIMISED
#include "gradient_graphs.hpp"
using namespace heed_tests;
using namespace heed_tests::gradient_graphs;

namespace {
constexpr auto weight = input<"weight", double>(c);
constexpr auto shift_by = input<"shift", double>(c);
constexpr auto pw = input<"pw", double>(o, c);
constexpr auto pb = input<"pb", double>(o);
constexpr auto up = input<"up", double>(o, c);
constexpr auto down = input<"down", double>(c, o);
constexpr auto wq = input<"wq", double>(o, c);
constexpr auto wk = input<"wk", double>(o, c);
constexpr auto wv = input<"wv", double>(o, c);
constexpr auto bq = input<"bq", double>(o);
constexpr auto wo = input<"wo", double>(c, o);
constexpr auto target = input<"target", std::int32_t>(n);
constexpr axis<"half", 3> half;
constexpr auto wide_q = input<"wide_q", double>(heads, n, d);

template <class X> constexpr auto headed(const X& x) { return split_heads<o, h, two>(x); }
template <class X> constexpr auto attended(const X& x) {
  const auto y = rms_norm<c>(x, weight);
  const auto queries = headed(project<c>(y, wq, bq));
  const auto keys = headed(rename<n, t>(project<c>(y, wk)));
  const auto values = headed(rename<n, t>(project<c>(y, wv)));
  return x +
         project<o>(merge_heads<h, e, o>(attention<two, t>(queries, keys, rename<two, e>(values), causal(n, t))), wo);
}
}  // namespace

BOOST_AUTO_TEST_CASE(attentions) {
  GRADIENTS("q", weighed(s));
  GRADIENT(attention<d, m>(q, k, v));
  GRADIENT(attention<d, m>(q, k, v, causal(n, m)));
  GRADIENT(attention<d, m>(q, k, v, causal(n, m, 1)));
  GRADIENT(attention<d, m>(q, k, v, sliding_window(n, m, 2)));
  GRADIENT(attention<d, m>(q, k, v, sliding_window(n, m, 1, 1)));
  GRADIENT(attention<d, m>(q, k, v, same_document(doc, n, m)));
  GRADIENT(attention<d, m>(q, k, v, padding(m, length)));
  GRADIENT(attention<d, m>(q, k, v, causal(n, m) && padding(m, length) && input<"kept", bool>(m)));
  GRADIENT(attention<d, m>(q, k, v, m < n));  // the first query has nothing left
  GRADIENT(weighed(softcap(mask(s, m <= n), 2)));
  GRADIENTS("k", weighed(mask(softcap(s * 3, 1.5), m <= n)));
  GRADIENT(weighed(softcap(s, input<"cap_pos", double>(h))));
  GRADIENTS("slope", weighed(mask(s + alibi(slope, n, m), m <= n)));
  GRADIENT(weighed(s + dense));
  GRADIENT(weighed(mask(mask(s, m < length) + gate, m <= n)));
  GRADIENT(weighed(s + table.at(n - m + 3)));
  GRADIENT(weighed(mask(s + tables.at(n - m + 3), m <= n)));
  GRADIENT(weighed(s * (level.at(n) - level.at(m))));
  GRADIENT(weighed(where(m < n, s * gate, s * s)));
  GRADIENT(weighed(mask(s - input<"strength_pos", double>(h) * log(1 + abs(n - m)), causal(n, m))));
  GRADIENT(dot<m>(softmax<m>(s) * 2, v));
  GRADIENT(dot<m>(softmax<n>(s), v));
  GRADIENT(dot<m>(softmax<m>(s), v) + dot<m>(softmax<m>(s), v * v));
  GRADIENT(dot<m>(softmax<m>(s), v) * sum<m>(softmax<m>(mask(s, m <= n)) * m));
  GRADIENT(dot<m>(softmax<m>(mask(s, m <= n)), v) * logsumexp<m>(mask(s, m <= n)));
  GRADIENT(weighed(s + dot<c>(input<"q2", double>(n, c), input<"k2", double>(m, c))));
  GRADIENT(dot<m>(softmax<m>(dot<d>(q, input<"k1", double>(m, d))), input<"v1", double>(m, e)));  // one kv head for all
  GRADIENT(attention<d, m>(group_heads<heads, g, r>(wide_q), input<"kg", double>(g, m, d), input<"vg", double>(g, m, e),
                           causal(n, m)));
  GRADIENT(merge_heads<h, e, o>(attention<d, m>(q, k, v)));
  GRADIENT(dot<m>(softmax<m>(dot<d>(input<"q1", double>(h, d), k)), v));  // one query
  GRADIENT(dot<m>(softmax<m>(exp(s) / 2), v));
  GRADIENT(dot<m>(sigmoid(s - 1), v));  // no softmax at all
  GRADIENT(sigmoid_attention<m>(mask(s, m <= n), v));
  GRADIENT(relu_attention<m>(mask(s, m <= n), v));
  GRADIENTS("q", squared_relu_attention<m>(s, v));
  GRADIENTS("q", softmax1_attention<m>(s, v));
  GRADIENT(softpick_attention<m>(mask(s, m <= n), v, 1e-3));
  GRADIENT(cog_attention<m>(mask(s, m <= n), v));
  GRADIENT(differential_attention<m>(s, mask(2 * s * s, m <= n), v, slope));
  GRADIENT(dot<m>(dropout(0.4, softmax<m>(mask(s, m <= n)), 5), v));
  GRADIENT(dropout(0.5 * sigmoid(scale), a * a, 3) + dropout(0.3, a, 4));
  GRADIENTS("sink", sink_attention<m>(s, v, input<"sink", double>(h)));
  GRADIENT(sink_attention<m>(mask(s, m <= n), v, gate * input<"sink", double>(h)));
  GRADIENT(sink_attention<m>(mask(s, m < n), v, scale));  // the first query has nothing left
  GRADIENT(sink_attention<m>(mask(softcap(s, 2) + alibi(slope, n, m), m <= n), v, 0.5));
}

BOOST_AUTO_TEST_CASE(distances) {
  GRADIENTS("q", weighed(-sum<d>((q - k) * (q - k))));
  GRADIENT(weighed(mask(-gate * sum<d>(pow((k - q) / input<"sharp_pos", double>(h), 2)), m <= n)));
  GRADIENT(weighed(mean<d>(abs(q - k)) * slope));
  GRADIENT(dot<m>(exp(-sum<d>((q - k) * (q - k) / -input<"width_pos", double>(n))), v));
  GRADIENT(mean<d>(input<"by", double>(h, m) * (q - k) * (q - k)));
  GRADIENT(weighed(-sum<d>(mask((q - k) * (q - k), d != 1))));  // a part of it absent
}

BOOST_AUTO_TEST_CASE(norms_and_activations) {
  GRADIENTS("a", layer_norm<c>(a));
  GRADIENT(layer_norm<c>(a, weight, shift_by, 1e-3));
  GRADIENTS("a", rms_norm<c>(a));
  GRADIENT(rms_norm<c>(a, weight, 1e-3));
  GRADIENT(relu(a));
  GRADIENTS("a", gelu(a));
  GRADIENTS("a", gelu_tanh(a));
  GRADIENTS("a", silu(a));
  GRADIENTS("a", softcap(a, 1.5));
  GRADIENT(softcap(a, 2 + gate));
  GRADIENT(dot_similarity<d>(q, k));
  GRADIENT(scaled_dot<d>(q, k));
  GRADIENTS("q", cosine_similarity<d>(q, k));
  GRADIENT(cosine_similarity<c>(a, rename<n, t>(a)));
}

BOOST_AUTO_TEST_CASE(projections_and_blocks) {
  GRADIENT(project<c>(a, pw));
  GRADIENT(project<c>(a, pw, pb));
  GRADIENT(split_heads<c, two, d>(a) * gate);
  GRADIENT(project<o>(gelu(project<c>(a, pw, pb)), down));
  GRADIENT(project<o>(silu(project<c>(a, pw)) * project<c>(a, up), down));
  GRADIENT(attended(a));
  GRADIENT(layer_norm<c>(attended(a)));
  GRADIENT(attended(attended(a)));
  GRADIENT(attended(gather<words>(word, ids) + row));
  GRADIENTS("a", rotary<c, half>(a, input<"cosine", double>(n, half), input<"sine", double>(n, half)));
  GRADIENT(project<c>(gather<u>(input<"stack", double>(u, c), 1) * a, gather<u>(input<"weights", double>(u, o, c), 1)));
  GRADIENT(project<c>(gather<two>(input<"two_rows", double>(two, c), 1) * a,
                      gather<two>(input<"two_weights", double>(two, o, c), 0)));
}

BOOST_AUTO_TEST_CASE(losses) {
  GRADIENTS("a", mean<n, c>((a - a2) * (a - a2)));
  GRADIENT(mean<n, c>(abs(a - a2)));
  GRADIENTS("a", mean<n>(logsumexp<c>(a) - gather<c>(a, target)));
  GRADIENT(mean<n>(
      mask(logsumexp<o>(project<c>(a, pw, pb)) - gather<o>(project<c>(a, pw, pb), min(target, 3)), target > 0)));
  GRADIENT(sum<n, h, e>(attention<d, m>(q, k, v, causal(n, m)) * attention<d, m>(q, k, v, causal(n, m))));
  GRADIENT(sum<n, c>(attended(a) * attended(a)));
}

BOOST_AUTO_TEST_CASE(several_results) {
  const auto out = HEED_MAKE(weighed(mask(s + slope * (m - n), m <= n)));
  const auto lse = HEED_MAKE(logsumexp<m>(mask(s + slope * (m - n), m <= n)));
  const auto other = HEED_MAKE(sum<n, c>(a * a));
  const auto weights = HEED_MAKE(softmax<m>(mask(s + slope * (m - n), m <= n)));
  check_differences("results(out, lse)", list_of({out.get(), lse.get()}), sizes);
  check_differences("results(lse, out)", list_of({lse.get(), out.get()}), sizes);
  check_differences("results(out, out)", list_of({out.get(), out.get()}), sizes);
  check_differences("results(out, weights, lse)", list_of({out.get(), weights.get(), lse.get()}), sizes);
  check_differences("results of graphs with nothing in common", list_of({other.get(), lse.get()}), sizes);
  const auto input_itself = HEED_MAKE(a * 1);
  check_differences("an input and its square", list_of({input_itself.get(), other.get()}), sizes);
}
