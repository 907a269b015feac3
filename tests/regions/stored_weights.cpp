// Weights of a softmax that lie in memory: what its mask excludes takes no part in a product with them, whatever lies
// there, NaN and infinity included, be the product taken over the keys or over the queries, forward or backward. All
// against loops in double.
// options: -O0 -DHEED_UNOPTIMISED
// labels: meaning
#include "against_reference.hpp"
using namespace heed_tests;

namespace {
constexpr axis<"n", 8> n;
constexpr axis<"m"> m;
constexpr axis<"t"> t;
constexpr axis<"d", 4> d;
constexpr axis<"e", 3> e;
constexpr auto q = input<"q">(n, d);
constexpr auto k = input<"k">(m, d);
constexpr auto x = input<"x">(n, e);
constexpr auto v = input<"v">(m, e);
constexpr auto bias = input<"bias">(n, m);
constexpr auto bias_t = input<"bias_t">(t, m);
constexpr int rows = 8, keys = 11, width = 3;

// Scores that a mask compares with what is found among them, and scores that are stored as they are.
constexpr auto scores = mask(scaled_dot<d>(q, k), m <= n + 2);
constexpr auto largest_two = softmax<m>(mask(scores, scores >= kth_largest<m>(scores, 2)));
constexpr auto causal_bias = softmax<m>(mask(bias, m <= n));
constexpr auto causal_pairs = softmax<m>(mask(bias_t, m <= t));
constexpr auto keys_largest = dot<m>(largest_two, v);
constexpr auto keys_multiple = dot<m>(3 * largest_two, v);
constexpr auto keys_bias = dot<m>(causal_bias, v);
constexpr auto keys_squares = dot<m>(causal_bias * causal_bias, v);
constexpr auto queries_largest = dot<n>(largest_two, x);
constexpr auto queries_slope = dot<n>(largest_two * tanh(scores), x);
constexpr auto queries_half = dot<n>(causal_bias / 2, x);
constexpr auto queries_chosen = dot<n>(where(m < 5, causal_bias, 0), x);
constexpr auto over_keys = results(keys_largest, keys_multiple, keys_bias, keys_squares);
constexpr auto over_queries = results(queries_largest, queries_slope, queries_half, queries_chosen);
constexpr auto of_pairs = dot<m>(causal_pairs, v);
constexpr auto of_both = dot<m>(causal_bias - softmax<m>(mask(2 * bias, m <= n)), v);

struct operands {
  tensor<float> q = filled<float>(1, 1, {rows, 4}), k = filled<float>(2, 1, {keys, 4}),
                x = filled<float>(3, 1, {rows, width}), v = filled<float>(4, 1, {keys, width}),
                bias = filled<float>(5, 1, {rows, keys});
  double score(int i, int j) const {
    double sum = 0;
    for (int a = 0; a < 4; ++a) sum += double(q(i, a)) * k(j, a);
    return sum / 2;
  }
};
// exp(score) over its sum, along the keys that are there; whether they are is told for each pair.
struct weights {
  double of[rows][keys]{};
  bool there[rows][keys]{};
  void along(int i, const auto& score) {
    double total = 0;
    for (int j = 0; j < keys; ++j)
      if (there[i][j]) total += of[i][j] = std::exp(score(i, j));
    for (int j = 0; j < keys; ++j)
      if (there[i][j]) of[i][j] /= total;
  }
};
weights of_largest_two(const operands& o) {
  weights w;
  for (int i = 0; i < rows; ++i) {
    for (int j = 0; j <= i + 2; ++j) {
      int above = 0;
      for (int other = 0; other <= i + 2; ++other) above += o.score(i, other) > o.score(i, j);
      w.there[i][j] = above < 2;
    }
    w.along(i, [&](int a, int j) { return o.score(a, j); });
  }
  return w;
}
weights of_causal_bias(const operands& o, double scale = 1) {
  weights w;
  for (int i = 0; i < rows; ++i) {
    for (int j = 0; j <= i; ++j) w.there[i][j] = true;
    w.along(i, [&](int a, int j) { return scale * o.bias(a, j); });
  }
  return w;
}
// The product over keys (or over queries) of what is there: f(i, j) times the other operand.
template <bool Keys>
void expect(const char* what, const tensor<float>& got, const weights& w, const tensor<float>& other, const auto& f) {
  for (int r = 0; r < (Keys ? rows : keys); ++r)
    for (int c = 0; c < width; ++c) {
      double sum = 0;
      for (int s = 0; s < (Keys ? keys : rows); ++s) {
        const int i = Keys ? r : s, j = Keys ? s : r;
        if (w.there[i][j]) sum += f(i, j) * other(s, c);
      }
      const double found = got(r, c);
      BOOST_TEST((std::isfinite(sum) ? std::abs(found - sum) <= 1e-5 * (1 + std::abs(sum)) : !std::isfinite(found)),
                 what << " at " << r << ", " << c << ": " << found << " is " << sum);
    }
}
constexpr float strange[] = {0.5f, NAN, INFINITY};
}  // namespace

BOOST_AUTO_TEST_CASE(what_a_mask_excludes_takes_no_part_in_products_over_keys) {
  for (const float there : strange)
    for (const int at : {2, 5, 7}) {
      operands o;
      for (int c = 0; c < width; ++c) o.v(at, c) = there;
      tensor<float> A(rows, width), B(rows, width), C(rows, width), D(rows, width);
      fuse<over_keys>(q = o.q, k = o.k, v = o.v, bias = o.bias, into(A, B, C, D));
      const weights w = of_largest_two(o), b = of_causal_bias(o);
      expect<true>("largest", A, w, o.v, [&](int i, int j) { return w.of[i][j]; });
      expect<true>("three times", B, w, o.v, [&](int i, int j) { return 3 * w.of[i][j]; });
      expect<true>("bias", C, b, o.v, [&](int i, int j) { return b.of[i][j]; });
      expect<true>("squares", D, b, o.v, [&](int i, int j) { return b.of[i][j] * b.of[i][j]; });
    }
}
BOOST_AUTO_TEST_CASE(what_a_mask_excludes_takes_no_part_in_products_over_queries) {
  for (const float there : strange)
    for (const int at : {2, 5, 7}) {
      operands o;
      for (int c = 0; c < width; ++c) o.x(at, c) = there;
      tensor<float> A(keys, width), B(keys, width), C(keys, width), D(keys, width);
      fuse<over_queries>(q = o.q, k = o.k, x = o.x, bias = o.bias, into(A, B, C, D));
      const weights w = of_largest_two(o), b = of_causal_bias(o);
      expect<false>("largest", A, w, o.x, [&](int i, int j) { return w.of[i][j]; });
      expect<false>("with a slope", B, w, o.x, [&](int i, int j) { return w.of[i][j] * std::tanh(o.score(i, j)); });
      expect<false>("half", C, b, o.x, [&](int i, int j) { return b.of[i][j] / 2; });
      expect<false>("chosen", D, b, o.x, [&](int i, int j) { return j < 5 ? b.of[i][j] : 0; });
    }
}
// The gradient of the values is a product over queries: a cotangent reaches no key that its row has not seen.
BOOST_AUTO_TEST_CASE(cotangents_reach_no_key_that_is_excluded) {
  for (const float there : strange)
    for (const int at : {2, 5, 7}) {
      operands o;
      for (int c = 0; c < width; ++c) o.x(at, c) = there;
      tensor<float> A(keys, width);
      fuse<gradient<of_pairs>(wrt(v))>(bias_t = o.bias, cotangent<of_pairs> = o.x, into(A));
      const weights b = of_causal_bias(o);
      expect<false>("of values", A, b, o.x, [&](int i, int j) { return b.of[i][j]; });
    }
}
// A difference of two weights of the same keys is nobody's alone.
BOOST_AUTO_TEST_CASE(differences_of_weights) {
  for (const float there : {0.5f, NAN}) {
    operands o;
    for (int c = 0; c < width; ++c) o.v(5, c) = there;
    tensor<float> A(rows, width);
    fuse<of_both>(bias = o.bias, v = o.v, into(A));
    const weights b = of_causal_bias(o), twice = of_causal_bias(o, 2);
    expect<true>("difference", A, b, o.v, [&](int i, int j) { return b.of[i][j] - twice.of[i][j]; });
  }
}
