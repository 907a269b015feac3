// Convolutions of scores that are 0 behind a mask, along keys and queries (multi-token attention, Golovneva et al.
// 2025): in kernels, forward and backward, against the formula and its gradient by hand in double, under a causal mask
// and of packed documents.
// options: -O0 -DHEED_UNOPTIMISED
#include "expect_close.hpp"
using namespace heed_tests;

namespace {
constexpr axis<"h"> h;
constexpr axis<"r", 2> r;  // heads of a group share keys
constexpr axis<"n"> n;
constexpr axis<"m"> m;
constexpr axis<"z"> z;
constexpr axis<"d", 8> d;
constexpr axis<"e", 5> e;
constexpr axis<"a"> a;
constexpr axis<"t"> t;
constexpr auto q = input<"q">(h, r, n, d);
constexpr auto k = input<"k">(h, m, d);
constexpr auto v = input<"v">(h, m, e);
constexpr auto tap = input<"tap">(h, r, a, t);
constexpr auto document = input<"document", std::int32_t>(z);

// Rows x columns of taps; of the columns some lie before a key, as many behind it, or one less.
struct causal_keys {  // 1 x 4
  static constexpr int rows = 1, columns = 4;
  static constexpr auto keep() { return m <= n; }
  static bool sees(extent_t i, extent_t j, const std::vector<std::int32_t>&) { return j <= i; }
};
struct causal_both {  // 2 x 3
  static constexpr int rows = 2, columns = 3;
  static constexpr auto keep() { return m <= n; }
  static bool sees(extent_t i, extent_t j, const std::vector<std::int32_t>&) { return j <= i; }
};
struct documents {  // 1 x 3
  static constexpr int rows = 1, columns = 3;
  static constexpr auto keep() { return m < n && same_document(document, n, m); }
  static bool sees(extent_t i, extent_t j, const std::vector<std::int32_t>& of) {
    return j < i && of[std::size_t(i)] == of[std::size_t(j)];
  }
};
template <class Case> inline constexpr auto s = where(Case::keep(), scaled_dot<d>(q, k), 0);
// The score of a query `A` before and a key `T` - columns / 2 before.
template <class Case, int A, int T> constexpr auto tapped() {
  constexpr auto& all = s<Case>;
  return gather<t>(gather<a>(tap, A), T) * shift<m>(shift<n>(all, A), T - Case::columns / 2);
}
template <class Case> constexpr auto convolved() {
  if constexpr (Case::rows == 2)
    return tapped<Case, 0, 0>() + tapped<Case, 0, 1>() + tapped<Case, 0, 2>() + tapped<Case, 1, 0>() +
           tapped<Case, 1, 1>() + tapped<Case, 1, 2>();
  else if constexpr (Case::columns == 4)
    return tapped<Case, 0, 0>() + tapped<Case, 0, 1>() + tapped<Case, 0, 2>() + tapped<Case, 0, 3>();
  else return tapped<Case, 0, 0>() + tapped<Case, 0, 1>() + tapped<Case, 0, 2>();
}
template <class Case> inline constexpr auto out = dot<m>(softmax<m>(mask(convolved<Case>(), Case::keep())), v);
template <class Case> inline constexpr auto gradients = gradient<out<Case>>(wrt(q, k, v, tap));

template <class Case> struct problem {
  static constexpr int rows = Case::rows, columns = Case::columns;
  extent_t H, N;
  tensor<float> Q = filled<float>(1, 2, {H, 2, N, 8}), K = filled<float>(2, 2, {H, N, 8}),
                V = filled<float>(3, 1, {H, N, 5}), T = filled<float>(4, 1, {H, 2, rows, columns}),
                C = filled<float>(5, 1, {H, 2, N, 5});
  std::vector<std::int32_t> D = documents_of(N);
  tensor<double> wO{H, 2, N, 5}, wQ{H, 2, N, 8}, wK{H, N, 8}, wV{H, N, 5}, wT{H, 2, rows, columns};

  static std::vector<std::int32_t> documents_of(extent_t count) {
    std::vector<std::int32_t> of(static_cast<std::size_t>(count));
    for (std::size_t i = 0; i < of.size(); ++i) of[i] = std::int32_t(i / 17 % 3);
    return of;
  }
  bool sees(extent_t i, extent_t j) const { return i >= 0 && j >= 0 && j < N && Case::sees(i, j, D); }

  void head_by_hand(extent_t i, extent_t g) {
    const auto pair = [&](extent_t x, extent_t y) { return std::size_t(x * N + y); };
    std::vector<double> scores(pair(N, 0), 0.), back(scores);
    for (extent_t x = 0; x < N; ++x)
      for (extent_t y = 0; y < N; ++y)
        for (int c = 0; c < 8 && sees(x, y); ++c)
          scores[pair(x, y)] += double(Q(i, g, x, c)) * double(K(i, y, c)) / std::sqrt(8.);
    for (extent_t x = 0; x < N; ++x) {
      std::vector<double> weight(std::size_t(N), 0.), worth(weight);
      double all = 0, mean = 0;
      for (extent_t y = 0; y < N; ++y) {
        if (!sees(x, y)) continue;
        double sum = 0;
        for (int b = 0; b < rows; ++b)
          for (int c = 0; c < columns; ++c)
            if (const extent_t from = y - (c - columns / 2); sees(x - b, from))
              sum += double(T(i, g, b, c)) * scores[pair(x - b, from)];
        all += weight[std::size_t(y)] = std::exp(sum);
        for (int c = 0; c < 5; ++c) worth[std::size_t(y)] += double(C(i, g, x, c)) * double(V(i, y, c));
      }
      for (extent_t y = 0; y < N; ++y)
        if (sees(x, y)) mean += (weight[std::size_t(y)] /= all) * worth[std::size_t(y)];
      for (extent_t y = 0; y < N; ++y) {
        if (!sees(x, y)) continue;
        const double w = weight[std::size_t(y)], reached = w * (worth[std::size_t(y)] - mean);
        for (int c = 0; c < 5; ++c) wO(i, g, x, c) += w * double(V(i, y, c)), wV(i, y, c) += w * double(C(i, g, x, c));
        for (int b = 0; b < rows; ++b)
          for (int c = 0; c < columns; ++c)
            if (const extent_t from = y - (c - columns / 2); sees(x - b, from)) {
              wT(i, g, b, c) += reached * scores[pair(x - b, from)];
              back[pair(x - b, from)] += reached * double(T(i, g, b, c));
            }
      }
    }
    for (extent_t x = 0; x < N; ++x)
      for (extent_t y = 0; y < N; ++y)
        for (int c = 0; c < 8; ++c) {
          wQ(i, g, x, c) += back[pair(x, y)] * double(K(i, y, c)) / std::sqrt(8.);
          wK(i, y, c) += back[pair(x, y)] * double(Q(i, g, x, c)) / std::sqrt(8.);
        }
  }
  void check() {
    tensor<float> O(H, 2, N, 5), dQ(H, 2, N, 8), dK(H, N, 8), dV(H, N, 5), dT(H, 2, rows, columns);
    const auto call = [&](const auto&... further) {
      fuse<out<Case>, strict>(q = Q, k = K, v = V, tap = T, further..., into(O));
      fuse<gradients<Case>, strict>(q = Q, k = K, v = V, tap = T, further..., cotangent<out<Case>> = C,
                                    into(dQ, dK, dV, dT));
    };
    if constexpr (std::is_same_v<Case, documents>) call(document = D);
    else call();
    for (extent_t i = 0; i < H; ++i)
      for (extent_t g = 0; g < 2; ++g) head_by_hand(i, g);
    BOOST_TEST_CONTEXT(rows << " x " << columns << " taps, " << N << " positions") {
      expect_close("out", O, wO, 4e-6), expect_close("dq", dQ, wQ, 4e-6), expect_close("dk", dK, wK, 4e-6);
      expect_close("dv", dV, wV, 4e-6), expect_close("dtap", dT, wT, 4e-6);
    }
  }
};
}  // namespace

BOOST_AUTO_TEST_CASE(along_keys) {
  for (const extent_t positions : {131, 37, 3, 1, 0}) problem<causal_keys>{2, positions}.check();
}
BOOST_AUTO_TEST_CASE(along_queries_and_keys) {
  for (const extent_t positions : {131, 2}) problem<causal_both>{1, positions}.check();
}
BOOST_AUTO_TEST_CASE(of_documents) { problem<documents>{1, 90}.check(); }
