// Attention through landmarks with an iterated pseudo-inverse (Xiong et al. 2021, Nystromformer), against its formula
// and central differences in double: sums over all of a small matrix come out of rows, an axis at a time.
// options: -O0 -DHEED_UNOPTIMISED
// labels: meaning
#include "expect_close.hpp"
using namespace heed_tests;

namespace {
constexpr int landmarks = 6;
constexpr axis<"h"> h;
constexpr axis<"n"> n;
constexpr axis<"m"> m;
constexpr axis<"a", landmarks> a;
constexpr axis<"c", landmarks> c;
constexpr axis<"x", landmarks> x;
constexpr axis<"d", 8> d;
constexpr auto q = input<"q">(h, n, d);
constexpr auto k = input<"k">(h, m, d);
constexpr auto v = input<"v">(h, m, d);
constexpr auto ql = input<"ql">(h, a, d);
constexpr auto kl = input<"kl">(h, c, d);
constexpr auto small = softmax<c>(scaled_dot<d>(ql, kl));
// Products of matrices (a, c): of p with r, with the transposed of r, and the transposed product of the transposed of r
// with p.
template <class P, class R> constexpr auto product(const P& p, const R& r) {
  return rename<x, c>(dot<c>(p, rename<a, c>(rename<c, x>(r))));
}
template <class P, class R> constexpr auto with_transposed(const P& p, const R& r) {
  return rename<x, c>(dot<c>(p, rename<a, x>(r)));
}
template <class R, class P> constexpr auto transposed_with(const R& r, const P& p) {
  return rename<x, a>(dot<a>(r, rename<c, x>(p)));
}
constexpr auto unit = where(a == c, 1, 0);
// The pseudo-inverse, transposed: from the matrix over its largest sums of rows and of columns on.
constexpr auto first = small / (max<a>(sum<c>(small)) * max<c>(sum<a>(small)));
template <class Z> constexpr auto nearer(const Z& z) {
  const auto p = with_transposed(small, z);
  return 0.25 * transposed_with(z, 13 * unit - product(p, 15 * unit - product(p, 7 * unit - p)));
}
constexpr auto inverse = nearer(nearer(first));
constexpr auto near_landmarks = softmax<a>(dot<d>(q, rename<c, a>(kl)) / sqrt(size<d>));
constexpr auto gathered = dot<m>(softmax<m>(scaled_dot<d>(ql, k)), v);  // (h, a, d)
constexpr auto mixed_values = rename<c, a>(dot<a>(inverse, gathered));  // (h, a, d)
constexpr auto out = dot<a>(near_landmarks, mixed_values);
constexpr auto backward = gradient<out>(wrt(q, k, v, ql, kl));

// A product of two matrices as vectors.
constexpr auto left = input<"left">(h, n, m);
constexpr auto right = input<"right">(h, n, m);
constexpr auto inner = dot<n, m>(left, tanh(right));
constexpr auto inner_backward = gradient<inner>(wrt(left, right));

using matrix = std::vector<double>;
matrix times(const matrix& p, const matrix& r) {
  matrix y(landmarks * landmarks, 0);
  for (int i = 0; i < landmarks; ++i)
    for (int j = 0; j < landmarks; ++j)
      for (int l = 0; l < landmarks; ++l)
        y[std::size_t(i * landmarks + j)] += p[std::size_t(i * landmarks + l)] * r[std::size_t(l * landmarks + j)];
  return y;
}
matrix diagonal_less(double f, const matrix& p) {
  matrix y(p);
  for (std::size_t i = 0; i < y.size(); ++i) y[i] = (i / landmarks == i % landmarks ? f : 0) - p[i];
  return y;
}
// exp(a . b / sqrt(8)) over the sum of a row.
matrix weights(const double* rows, int row_count, const double* columns, int column_count) {
  matrix w;
  for (int i = 0; i < row_count; ++i) {
    double all = 0;
    for (int j = 0; j < column_count; ++j) {
      double s = 0;
      for (int t = 0; t < 8; ++t) s += rows[i * 8 + t] * columns[j * 8 + t];
      w.push_back(std::exp(s / std::sqrt(8.)));
      all += w.back();
    }
    for (int j = 0; j < column_count; ++j) w[std::size_t(i * column_count + j)] /= all;
  }
  return w;
}
// The sum of all results of one head times their cotangents; results in `o`, if it is wanted.
struct operands_in_double {
  std::vector<double> q, k, v, ql, kl;
};
double of_head(const operands_in_double& of, int N, int M, const double* cotangents, double* o = nullptr) {
  const matrix s = weights(of.ql.data(), landmarks, of.kl.data(), landmarks);
  double rows = 0, columns = 0;
  matrix z(s.size());
  for (std::size_t i = 0; i < landmarks; ++i) {
    double row = 0, column = 0;
    for (std::size_t j = 0; j < landmarks; ++j) {
      row += s[i * landmarks + j], column += s[j * landmarks + i];
      z[j * landmarks + i] = s[i * landmarks + j];
    }
    rows = std::max(rows, row), columns = std::max(columns, column);
  }
  for (double& e : z) e /= rows * columns;
  for (int step = 0; step < 2; ++step) {
    const matrix p = times(s, z);
    z = times(z, diagonal_less(13, times(p, diagonal_less(15, times(p, diagonal_less(7, p))))));
    for (double& e : z) e /= 4;
  }
  const matrix w = weights(of.ql.data(), landmarks, of.k.data(), M);
  const matrix near = weights(of.q.data(), N, of.kl.data(), landmarks);
  double total = 0;
  for (int i = 0; i < N; ++i)
    for (int t = 0; t < 8; ++t) {
      double r = 0;
      for (int l = 0; l < landmarks; ++l)
        for (int b = 0; b < landmarks; ++b)
          for (int j = 0; j < M; ++j)
            r += near[std::size_t(i * landmarks + l)] * z[std::size_t(l * landmarks + b)] * w[std::size_t(b * M + j)] *
                 of.v[std::size_t(j * 8 + t)];
      if (o) o[i * 8 + t] = r;
      total += r * cotangents[i * 8 + t];
    }
  return total;
}
}  // namespace

BOOST_AUTO_TEST_CASE(forward_and_backward) {
  const int H = 2, N = 9, M = 11;
  const tensor<float> Q = filled<float>(1, 1, {H, N, 8}), K = filled<float>(2, 1, {H, M, 8}),
                      V = filled<float>(3, 1, {H, M, 8}), A = filled<float>(4, 2, {H, landmarks, 8}),
                      C = filled<float>(5, 2, {H, landmarks, 8}), dO = filled<float>(6, 1, {H, N, 8});
  tensor<float> O(H, N, 8), dQ(H, N, 8), dK(H, M, 8), dV(H, M, 8), dA(H, landmarks, 8), dC(H, landmarks, 8);
  fuse<out, strict>(q = Q, k = K, v = V, ql = A, kl = C, into(O));
  fuse<backward, strict>(q = Q, k = K, v = V, ql = A, kl = C, cotangent<out> = dO, into(dQ, dK, dV, dA, dC));
  tensor<double> o(H, N, 8);
  for (int head = 0; head < H; ++head) {
    const auto part = [&](const tensor<float>& from) {
      const std::size_t size = from.size() / H;
      return std::vector<double>(from.data() + std::size_t(head) * size, from.data() + std::size_t(head + 1) * size);
    };
    operands_in_double at{part(Q), part(K), part(V), part(A), part(C)};
    const std::vector<double> cotangents = part(dO);
    of_head(at, N, M, cotangents.data(), o.data() + head * N * 8);
    const auto slopes = [&](const char* what, std::vector<double>& of, const tensor<float>& got) {
      const std::vector<double> g = part(got);
      for (std::size_t i = 0; i < of.size(); i += 5) {
        const double was = of[i], step = 1e-5;
        of[i] = was + step;
        const double above = of_head(at, N, M, cotangents.data());
        of[i] = was - step;
        const double below = of_head(at, N, M, cotangents.data());
        of[i] = was;
        BOOST_TEST(std::fabs((above - below) / (2 * step) - g[i]) < 2e-5 * (1 + std::fabs(g[i])), what << " " << i);
      }
    };
    slopes("dq", at.q, dQ), slopes("dk", at.k, dK), slopes("dv", at.v, dV), slopes("dql", at.ql, dA);
    slopes("dkl", at.kl, dC);
  }
  expect_close("o", O, o);
}

BOOST_AUTO_TEST_CASE(product_over_all_axes) {
  const tensor<float> L = filled<float>(1, 1, {2, 9, 21}), R = filled<float>(2, 1, {2, 9, 21}),
                      dO = filled<float>(3, 1, {2});
  tensor<float> O(2), dL(2, 9, 21), dR(2, 9, 21);
  tensor<double> o(2), dl(2, 9, 21), dr(2, 9, 21);
  for (int i = 0; i < 2 * 9 * 21; ++i) {
    const int head = i / (9 * 21);
    const double t = std::tanh(double(R[std::size_t(i)]));
    o[std::size_t(head)] += double(L[std::size_t(i)]) * t;
    dl[std::size_t(i)] = double(dO[std::size_t(head)]) * t;
    dr[std::size_t(i)] = double(dO[std::size_t(head)]) * double(L[std::size_t(i)]) * (1 - t * t);
  }
  fuse<inner, strict>(left = L, right = R, into(O));
  fuse<inner_backward, strict>(left = L, right = R, cotangent<inner> = dO, into(dL, dR));
  expect_close("o", O, o), expect_close("dleft", dL, dl), expect_close("dright", dR, dr);
}
