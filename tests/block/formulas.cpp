// options: -O0 -DHEED_UNOPTIMISED
// Every composite against its formula, written out by hand in double: nothing here shares the graph with what it tests.
#include "against_reference.hpp"
using namespace heed_tests;

namespace {
constexpr axis<"n"> n;
constexpr axis<"m"> m;
constexpr axis<"d", 6> d;
constexpr axis<"e", 5> e;
constexpr axis<"c", 12> c;
constexpr axis<"o", 8> o;
constexpr axis<"h", 4> h;
constexpr axis<"w", 3> w;
constexpr axis<"g", 2> g;
constexpr axis<"r", 2> r;
constexpr axis<"z"> z;
constexpr auto q = input<"q">(n, d);
constexpr auto k = input<"k">(m, d);
constexpr auto v = input<"v">(m, e);
constexpr auto x = input<"x">(n, c);
constexpr auto weight = input<"weight">(c);
constexpr auto shift_by = input<"shift_by">(c);
constexpr auto to_o = input<"to_o">(o, c);
constexpr auto bias = input<"bias">(o);
constexpr auto slope = input<"slope">(h);
constexpr auto cap = input<"cap">(n);
constexpr auto doc = input<"doc", std::int32_t>(z);
constexpr auto length = input<"length", std::int32_t>();
constexpr auto past = input<"past", std::int32_t>();
constexpr auto heads = input<"heads">(h, n, w);

constexpr extent_t N = 9, M = 11;
const tensor<float> Q = filled<float>(1, 1, {N, 6}), K = filled<float>(2, 1, {M, 6}), V = filled<float>(3, 1, {M, 5}),
                    X = filled<float>(4, 2, {N, 12}), weights = filled<float>(5, 1, {12}),
                    shifts = filled<float>(6, 1, {12}), O = filled<float>(7, 1, {8, 12}), B = filled<float>(8, 1, {8}),
                    slopes = filled<float>(9, 1, {4}), H = filled<float>(10, 1, {4, N, 3});

// Calls R and compares with f(index...), element by element.
template <result_list R, class T = float, class F, class... Bind>
void check(const char* what, std::initializer_list<extent_t> extents, const F& f, const Bind&... bind) {
  tensor<T> got{std::span(extents.begin(), extents.size())};
  fuse<R>(bind..., into(got));
  std::array<extent_t, 3> size{1, 1, 1};
  std::copy(extents.begin(), extents.end(), size.end() - extents.size());
  double worst = 0;
  std::size_t at = 0, nonzero = 0;
  for (extent_t a = 0; a < size[0]; ++a)
    for (extent_t b = 0; b < size[1]; ++b)
      for (extent_t i = 0; i < size[2]; ++i, ++at) {
        double want;
        if constexpr (std::is_invocable_v<F, extent_t, extent_t, extent_t>) want = f(a, b, i);
        else want = f(b, i);
        const double off = std::fabs(double(got[at]) - want) / (1 + std::fabs(want));
        worst = off <= worst ? worst : std::isnan(off) ? INFINITY : off;
        nonzero += want != 0;
      }
  BOOST_TEST(worst <= 2e-6, std::string(what) + ": off by " + std::to_string(worst));
  BOOST_TEST(nonzero > 0, std::string(what) + ": the formula is zero everywhere");
}

// Attention by hand: softmax of (q . k) / sqrt(6) over the keys that `keep` lets through, times v.
template <class Keep> double attended(extent_t i, extent_t e_, const Keep& keep) {
  double total = 0, out = 0;
  for (extent_t j = 0; j < M; ++j) {
    if (!keep(i, j)) continue;
    double s = 0;
    for (extent_t a = 0; a < 6; ++a) s += double(Q(i, a)) * K(j, a);
    const double p = std::exp(s / std::sqrt(6.0));
    total += p, out += p * V(j, e_);
  }
  return total == 0 ? 0 : out / total;
}
double mean_of(extent_t i) {
  double s = 0;
  for (extent_t j = 0; j < 12; ++j) s += X(i, j);
  return s / 12;
}

constexpr auto c_attention = attention<d, m>(q, k, v);
constexpr auto c_attention_causal = attention<d, m>(q, k, v, causal(n, m));
constexpr auto c_causal = arrange<n, m>(where(causal(n, m), 1, 0));
constexpr auto c_causal_past = arrange<n, m>(where(causal(n, m, past), 1, 0));
constexpr auto c_window = arrange<n, m>(where(sliding_window(n, m, 3), 1, 0));
constexpr auto c_window_both = arrange<n, m>(where(sliding_window(n, m, 2, 1), 1, 0));
constexpr auto c_same = arrange<n, m>(where(same_document(doc, n, m), 1, 0));
constexpr auto c_padding = where(padding(m, length), 1, 0);
constexpr auto c_project = project<c>(x, to_o);
constexpr auto c_project_bias = project<c>(x, to_o, bias);
constexpr auto c_split = split_heads<c, h, w>(x) * 1;
constexpr auto c_merge = arrange<n, c>(merge_heads<h, w, c>(heads)) + 0.5;
constexpr auto c_group = group_heads<h, g, r>(input<"heads">(h, n, w)) * 2;
constexpr auto c_layer_norm = layer_norm<c>(x);
constexpr auto c_layer_norm_all = layer_norm<c>(x, weight, shift_by, 1e-3);
constexpr auto c_rms_norm = rms_norm<c>(x);
constexpr auto c_rms_norm_weight = rms_norm<c>(x, weight, 1e-3);
constexpr auto c_softcap = softcap(x, 1.5);
constexpr auto c_softcap_varies = softcap(x, cap);
constexpr auto c_alibi = alibi(slope, n, m);
constexpr auto c_sink = sink_attention<m>(mask(scaled_dot<d>(q, k), m <= n), v, cap);
constexpr auto c_dot = dot_similarity<d>(q, k);
constexpr auto c_scaled = scaled_dot<d>(q, k);
constexpr axis<"two", 2> two;
constexpr axis<"three", 3> three;
constexpr auto c_scaled_over_both = scaled_dot<two, three>(split<d, two, three>(q), split<d, two, three>(k));
constexpr auto c_cosine = cosine_similarity<d>(q, k);
constexpr axis<"half", 6> half;
constexpr auto cosine = input<"cosine">(n, half);
constexpr auto sine = input<"sine">(n, half);
constexpr auto c_rotary = rotary<c, half>(x, cosine, sine);
constexpr auto place = input<"place", std::int32_t>(n);
constexpr auto c_rotary_at =
    rotary<c, half>(x, gather<z>(input<"cosines">(z, half), place), gather<z>(input<"sines">(z, half), place));
constexpr auto c_relu = relu(x);
constexpr auto c_gelu = gelu(x);
constexpr auto c_gelu_tanh = gelu_tanh(x);
constexpr auto c_silu = silu(x);
constexpr auto target = input<"target", std::int32_t>(n);
constexpr auto c_cross_entropy = cross_entropy<c>(x, target);
constexpr auto c_cross_entropy_next = cross_entropy<c>(x, min(n + 1, 11));
constexpr auto mean_cross_entropy = mean<n>(cross_entropy<c>(x, target));
constexpr auto c_cross_entropy_gradient = gradient<mean_cross_entropy>(wrt(x));

// A user's own composite is a function like the library's: keys fade with the logarithm of their distance.
template <Symbolic Score, Operand Strength> constexpr auto fading(const Score& score, const Strength& strength) {
  return mask(score - strength * log(1 + n - m), causal(n, m));
}
constexpr auto c_own = dot<m>(softmax<m>(fading(scaled_dot<d>(q, k), 0.7)), v);
}  // namespace

BOOST_AUTO_TEST_CASE(attention_and_masks) {
  check<c_attention>(
      "attention", {N, 5},
      [](extent_t i, extent_t j) { return attended(i, j, [](extent_t, extent_t) { return true; }); }, q = Q, k = K,
      v = V);
  check<c_attention_causal>(
      "attention, causal", {N, 5},
      [](extent_t i, extent_t j) { return attended(i, j, [](extent_t a, extent_t b) { return b <= a; }); }, q = Q,
      k = K, v = V);
  const auto mask_of = [](auto f) { return [f](extent_t i, extent_t j) { return double(f(i, j)); }; };
  check<c_causal, std::int64_t>("causal", {N, M}, mask_of([](extent_t i, extent_t j) { return j <= i; }), with(n, N),
                                with(m, M));
  check<c_causal_past, std::int64_t>("causal behind a cache", {N, M},
                                     mask_of([](extent_t i, extent_t j) { return j <= i + 4; }), past = 4, with(n, N),
                                     with(m, M));
  check<c_window, std::int64_t>("sliding_window", {N, M},
                                mask_of([](extent_t i, extent_t j) { return j <= i && i - j < 3; }), with(n, N),
                                with(m, M));
  check<c_window_both, std::int64_t>("sliding_window to both sides", {N, M},
                                     mask_of([](extent_t i, extent_t j) { return i - 2 <= j && j <= i + 1; }),
                                     with(n, N), with(m, M));
  const std::int32_t documents[M] = {0, 0, 0, 1, 1, 2, 2, 2, 2, 3, 3};
  check<c_same, std::int64_t>("same_document", {N, M},
                              mask_of([&](extent_t i, extent_t j) { return documents[i] == documents[j]; }),
                              doc = documents, with(n, N), with(m, M));
  check<c_padding, std::int64_t>("padding", {M}, mask_of([](extent_t, extent_t j) { return j < 7; }), length = 7,
                                 with(m, M));
}
BOOST_AUTO_TEST_CASE(projections_and_heads) {
  const auto projected = [](extent_t i, extent_t j) {
    double s = 0;
    for (extent_t a = 0; a < 12; ++a) s += double(X(i, a)) * O(j, a);
    return s;
  };
  check<c_project>("project", {N, 8}, projected, x = X, to_o = O);
  check<c_project_bias>(
      "project with bias", {N, 8}, [&](extent_t i, extent_t j) { return projected(i, j) + B[std::size_t(j)]; }, x = X,
      to_o = O, bias = B);
  check<c_split>(
      "split_heads", {N, 4, 3}, [](extent_t i, extent_t a, extent_t b) { return double(X(i, a * 3 + b)); }, x = X);
  check<c_merge>("merge_heads", {N, 12}, [](extent_t i, extent_t j) { return H(j / 3, i, j % 3) + 0.5; }, heads = H);
  tensor<float> grouped(2, 2, N, 3);
  fuse<c_group>(heads = H, into(grouped));
  for (extent_t a = 0; a < 4; ++a)  // query head a reads key head a / 2
    for (extent_t i = 0; i < N; ++i) BOOST_TEST(grouped(a / 2, a % 2, i, 1) == 2 * H(a, i, 1));
}
BOOST_AUTO_TEST_CASE(norms) {
  const auto normed = [](extent_t i, extent_t j, double epsilon) {
    double variance = 0;
    for (extent_t a = 0; a < 12; ++a) variance += (X(i, a) - mean_of(i)) * (X(i, a) - mean_of(i)) / 12;
    return (X(i, j) - mean_of(i)) / std::sqrt(variance + epsilon);
  };
  const auto scaled = [](extent_t i, extent_t j, double epsilon) {
    double square = 0;
    for (extent_t a = 0; a < 12; ++a) square += double(X(i, a)) * X(i, a) / 12;
    return X(i, j) / std::sqrt(square + epsilon);
  };
  check<c_layer_norm>("layer_norm", {N, 12}, [&](extent_t i, extent_t j) { return normed(i, j, 1e-5); }, x = X);
  check<c_layer_norm_all>(
      "layer_norm with weight and bias", {N, 12},
      [&](extent_t i, extent_t j) { return normed(i, j, 1e-3) * weights[std::size_t(j)] + shifts[std::size_t(j)]; },
      x = X, weight = weights, shift_by = shifts);
  check<c_rms_norm>("rms_norm", {N, 12}, [&](extent_t i, extent_t j) { return scaled(i, j, 1e-6); }, x = X);
  check<c_rms_norm_weight>(
      "rms_norm with weight", {N, 12},
      [&](extent_t i, extent_t j) { return scaled(i, j, 1e-3) * weights[std::size_t(j)]; }, x = X, weight = weights);
}
BOOST_AUTO_TEST_CASE(rotaries) {
  const auto angle = [](extent_t position, extent_t i) { return double(position) * std::pow(100.0, -double(i) / 6); };
  tensor<float> cosines(20, 6), sines(20, 6);
  for (extent_t i = 0; i < 20; ++i)
    for (extent_t j = 0; j < 6; ++j)
      cosines(i, j) = float(std::cos(angle(i, j))), sines(i, j) = float(std::sin(angle(i, j)));
  const auto turned = [&](extent_t i, extent_t j, extent_t position) {  // x_j and x_(j + 6) as a complex number, times
                                                                        // e^(i angle)
    const double a = X(i, j % 6), b = X(i, j % 6 + 6), c_ = cosines(position, j % 6), s = sines(position, j % 6);
    return j < 6 ? a * c_ - b * s : b * c_ + a * s;
  };
  const auto first = [&](const tensor<float>& all) { return view<const float>(all.data(), {N, 6}); };
  check<c_rotary>(
      "rotary", {N, 12}, [&](extent_t i, extent_t j) { return turned(i, j, i); }, x = X, cosine = first(cosines),
      sine = first(sines));
  std::vector<std::int32_t> places;
  for (int i = 0; i < int(N); ++i) places.push_back(i * 7 % 20);
  check<c_rotary_at>(
      "rotary at positions that a call brings", {N, 12},
      [&](extent_t i, extent_t j) { return turned(i, j, places[std::size_t(i)]); }, x = X, place = places,
      input<"cosines">(z, half) = cosines, input<"sines">(z, half) = sines);
}
BOOST_AUTO_TEST_CASE(scores_and_activations) {
  check<c_softcap>("softcap", {N, 12}, [](extent_t i, extent_t j) { return 1.5 * std::tanh(X(i, j) / 1.5); }, x = X);
  std::vector<float> caps(N);
  for (std::size_t i = 0; i < caps.size(); ++i) caps[i] = 0.5f + float(i);
  check<c_softcap_varies>(
      "softcap that varies", {N, 12},
      [&](extent_t i, extent_t j) { return caps[std::size_t(i)] * std::tanh(X(i, j) / caps[std::size_t(i)]); }, x = X,
      cap = caps);
  check<c_alibi>(
      "alibi", {4, M, N}, [](extent_t a, extent_t j, extent_t i) { return slopes[std::size_t(a)] * double(j - i); },
      slope = slopes, with(n, N), with(m, M));
  const auto product = [](extent_t i, extent_t j) {
    double s = 0;
    for (extent_t a = 0; a < 6; ++a) s += double(Q(i, a)) * K(j, a);
    return s;
  };
  const auto norm = [](const tensor<float>& t, extent_t i) {
    double s = 0;
    for (extent_t a = 0; a < 6; ++a) s += double(t(i, a)) * t(i, a);
    return std::sqrt(s);
  };
  check<c_sink>(
      "sink_attention", {N, 5},
      [&](extent_t i, extent_t a) {
        double total = std::exp(double(caps[std::size_t(i)])), out = 0;
        for (extent_t j = 0; j <= i; ++j) {
          const double p = std::exp(product(i, j) / std::sqrt(6.0));
          total += p, out += p * V(j, a);
        }
        return out / total;
      },
      q = Q, k = K, v = V, cap = caps);
  check<c_dot>("dot_similarity", {N, M}, product, q = Q, k = K);
  check<c_scaled>(
      "scaled_dot", {N, M}, [&](extent_t i, extent_t j) { return product(i, j) / std::sqrt(6.0); }, q = Q, k = K);
  check<c_scaled_over_both>(
      "scaled_dot of two axes", {N, M}, [&](extent_t i, extent_t j) { return product(i, j) / std::sqrt(6.0); }, q = Q,
      k = K);
  check<c_cosine>(
      "cosine_similarity", {N, M}, [&](extent_t i, extent_t j) { return product(i, j) / (norm(Q, i) * norm(K, j)); },
      q = Q, k = K);
  check<c_relu>("relu", {N, 12}, [](extent_t i, extent_t j) { return X(i, j) > 0 ? double(X(i, j)) : 0; }, x = X);
  check<c_gelu>(
      "gelu", {N, 12}, [](extent_t i, extent_t j) { return X(i, j) * 0.5 * std::erfc(-X(i, j) / std::sqrt(2.0)); },
      x = X);
  check<c_gelu_tanh>(
      "gelu_tanh", {N, 12},
      [](extent_t i, extent_t j) {
        const double t = X(i, j);
        return 0.5 * t * (1 + std::tanh(std::sqrt(2 / 3.14159265358979323846) * (t + 0.044715 * t * t * t)));
      },
      x = X);
  check<c_silu>(
      "silu", {N, 12}, [](extent_t i, extent_t j) { return X(i, j) / (1 + std::exp(-double(X(i, j)))); }, x = X);
  check<c_own>(
      "a user's own", {N, 5},
      [&](extent_t i, extent_t f) {
        double total = 0, out = 0;
        for (extent_t j = 0; j <= i; ++j) {
          const double p = std::exp(product(i, j) / std::sqrt(6.0) - 0.7 * std::log(1.0 + double(i - j)));
          total += p, out += p * V(j, f);
        }
        return out / total;
      },
      q = Q, k = K, v = V);
}
BOOST_AUTO_TEST_CASE(losses) {
  const std::int32_t targets[N] = {0, 11, 3, 3, 5, 7, 1, 10, 2};
  const auto weight_of = [](extent_t i, extent_t j) {  // softmax along c
    double total = 0;
    for (extent_t a = 0; a < 12; ++a) total += std::exp(double(X(i, a)));
    return std::exp(double(X(i, j))) / total;
  };
  check<c_cross_entropy>(
      "cross_entropy", {N}, [&](extent_t, extent_t i) { return -std::log(weight_of(i, targets[i])); }, x = X,
      target = targets);
  check<c_cross_entropy_next>(
      "cross_entropy with a computed target", {N},
      [&](extent_t, extent_t i) { return -std::log(weight_of(i, std::min<extent_t>(i + 1, 11))); }, x = X);
  check<c_cross_entropy_gradient>(
      "the gradient of cross_entropy", {N, 12},
      [&](extent_t i, extent_t j) { return (weight_of(i, j) - (j == targets[i])) / double(N); }, x = X,
      target = targets);
  tensor<float> one(N);
  std::int32_t wrong[N] = {};
  wrong[4] = 12;
  BOOST_CHECK_EXCEPTION(fuse<c_cross_entropy>(x = X, target = wrong, into(one)), heed::error,
                        [](const heed::error& e) { return std::string(e.operand()) == "target"; });
}
