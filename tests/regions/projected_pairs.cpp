// A bias that is projected from a representation of pairs: it is stored, because the representation lies over the same
// pairs, and read by one score region, forward and backward, while the gradient of the pairs is stored for the products
// behind it. Cross-attention against the gradient by hand in double, triangle attention around the starting and the
// ending node (Jumper et al. 2021, algorithms 13 and 14) against its formula and finite differences of it.
// options: -O0 -DHEED_UNOPTIMISED
#include "expect_close.hpp"
#include <functional>
using namespace heed_tests;

namespace {
constexpr axis<"h", 3> h;
constexpr axis<"n"> n;
constexpr axis<"m"> m;
constexpr axis<"c", 6> c;
constexpr axis<"d", 7> d;
constexpr axis<"e", 5> e;
constexpr auto q = input<"q">(h, n, d);
constexpr auto k = input<"k">(h, m, d);
constexpr auto v = input<"v">(h, m, e);
constexpr auto z = input<"z">(n, m, c);
constexpr auto w = input<"w">(h, c);
constexpr auto bias = project<c>(layer_norm<c>(z), w);
constexpr auto out = dot<m>(softmax<m>(mask(scaled_dot<d>(q, k) + bias, m <= n + 9)), v);
constexpr auto backward = gradient<out>(wrt(q, k, v, z, w));
// Heads that share their keys are rows of one block, and have a bias each.
constexpr auto shared_k = input<"shared_k">(m, d);
constexpr auto shared_v = input<"shared_v">(m, e);
constexpr auto of_shared = dot<m>(softmax<m>(mask(scaled_dot<d>(q, shared_k) + bias, m <= n + 9)), shared_v);
constexpr auto backward_of_shared = gradient<of_shared>(wrt(q, shared_k, shared_v, z, w));

struct problem {
  extent_t N, M;
  tensor<float> Q = filled<float>(1, 1, {3, N, 7}), K = filled<float>(2, 1, {3, M, 7}),
                V = filled<float>(3, 1, {3, M, 5}), Z = filled<float>(4, 1, {N, M, 6}), W = filled<float>(5, 1, {3, 6}),
                C = filled<float>(6, 1, {3, N, 5});
  tensor<double> O{3, N, 5}, dQ{3, N, 7}, dK{3, M, 7}, dV{3, M, 5}, dZ{N, M, 6}, dW{3, 6};

  extent_t seen(extent_t row) const { return std::min(M, row + 10); }
  // A pair after its norm, and the reciprocal of its deviation.
  std::array<double, 7> normed(extent_t row, extent_t key) const {
    std::array<double, 7> r{};
    double mean = 0, square = 0;
    for (int x = 0; x < 6; ++x) mean += double(Z(row, key, x)) / 6;
    for (int x = 0; x < 6; ++x) square += std::pow(double(Z(row, key, x)) - mean, 2) / 6;
    r[6] = 1 / std::sqrt(square + 1e-5);
    for (std::size_t x = 0; x < 6; ++x) r[x] = (double(Z(row, key, extent_t(x))) - mean) * r[6];
    return r;
  }
  void by_hand() {
    tensor<double> dB(N, M, 6);  // what reaches the pairs behind their norm
    for (extent_t i = 0; i < 3; ++i)
      for (extent_t r = 0; r < N; ++r) {
        std::vector<double> weight(std::size_t(seen(r))), worth(weight);
        double all = 0, mean = 0;
        for (extent_t p = 0; p < seen(r); ++p) {
          const auto pair = normed(r, p);
          double s = 0;
          for (int x = 0; x < 7; ++x) s += double(Q(i, r, x)) * double(K(i, p, x)) / std::sqrt(7.);
          for (int x = 0; x < 6; ++x) s += double(W(i, x)) * pair[std::size_t(x)];
          all += weight[std::size_t(p)] = std::exp(s);
          for (int x = 0; x < 5; ++x) worth[std::size_t(p)] += double(C(i, r, x)) * double(V(i, p, x));
        }
        for (std::size_t p = 0; p < weight.size(); ++p) mean += (weight[p] /= all) * worth[p];
        for (extent_t p = 0; p < seen(r); ++p) {
          const double a = weight[std::size_t(p)], ds = a * (worth[std::size_t(p)] - mean);
          const auto pair = normed(r, p);
          for (int x = 0; x < 5; ++x) O(i, r, x) += a * double(V(i, p, x)), dV(i, p, x) += a * double(C(i, r, x));
          for (int x = 0; x < 7; ++x) {
            dQ(i, r, x) += ds * double(K(i, p, x)) / std::sqrt(7.);
            dK(i, p, x) += ds * double(Q(i, r, x)) / std::sqrt(7.);
          }
          for (int x = 0; x < 6; ++x) dB(r, p, x) += ds * double(W(i, x)), dW(i, x) += ds * pair[std::size_t(x)];
        }
      }
    for (extent_t r = 0; r < N; ++r)
      for (extent_t p = 0; p < M; ++p) {
        const auto pair = normed(r, p);
        double mean = 0, along = 0;
        for (int x = 0; x < 6; ++x) mean += dB(r, p, x) / 6, along += dB(r, p, x) * pair[std::size_t(x)] / 6;
        for (int x = 0; x < 6; ++x) dZ(r, p, x) = pair[6] * (dB(r, p, x) - mean - pair[std::size_t(x)] * along);
      }
  }
};

// Triangle attention. `ending`: the queries and keys of a pair lie along its first position, and the bias is that of
// the pair of key and query.
constexpr axis<"t"> t;
constexpr axis<"u", 2> u;
constexpr axis<"a", 4> a;
constexpr axis<"b", 3> b;
constexpr auto wq = input<"wq">(u, b, a);
constexpr auto wk = input<"wk">(u, b, a);
constexpr auto wv = input<"wv">(u, b, a);
constexpr auto wg = input<"wg">(u, b, a);
constexpr auto wb = input<"wb">(u, a);
constexpr auto wo = input<"wo">(a, u, b);
constexpr auto length = input<"length", std::int32_t>();
constexpr auto attended(const auto& queries, const auto& third) {
  const auto keys = rename<n, m>(queries);
  const auto score = scaled_dot<b>(project<a>(queries, wq), project<a>(keys, wk)) + project<a>(third, wb);
  const auto read = dot<m>(softmax<m>(mask(score, m < length)), project<a>(keys, wv));
  return dot<u, b>(sigmoid(project<a>(queries, wg)) * read, wo);
}
constexpr auto starting_pair = input<"pair">(t, n, a);
constexpr auto starting_norm = layer_norm<a>(starting_pair);
constexpr auto starting = attended(starting_norm, rename<t, n>(rename<n, m>(starting_norm)));
constexpr auto ending_pair = input<"pair">(n, t, a);
constexpr auto ending_norm = layer_norm<a>(ending_pair);
constexpr auto ending = attended(ending_norm, rename<t, n>(rename<n, m>(ending_norm)));
constexpr auto of_starting = gradient<starting>(wrt(starting_pair, wq, wk, wv, wg, wb, wo));
constexpr auto of_ending = gradient<ending>(wrt(ending_pair, wq, wk, wv, wg, wb, wo));

using values = std::vector<double>;
struct triangle {
  int N, seen;
  bool ending;
  values pair, q, k, v, g, b, o;

  int at(int fixed, int moving) const { return (ending ? moving * N + fixed : fixed * N + moving) * 4; }
  values normed() const {
    values r(pair.size());
    for (std::size_t i = 0; i < pair.size(); i += 4) {
      double mean = 0, square = 0;
      for (std::size_t x = 0; x < 4; ++x) mean += pair[i + x] / 4;
      for (std::size_t x = 0; x < 4; ++x) square += std::pow(pair[i + x] - mean, 2) / 4;
      for (std::size_t x = 0; x < 4; ++x) r[i + x] = (pair[i + x] - mean) / std::sqrt(square + 1e-5);
    }
    return r;
  }
  static double product(const values& weight, int row, const values& of, int from) {
    double sum = 0;
    for (int x = 0; x < 4; ++x) sum += weight[std::size_t(row * 4 + x)] * of[std::size_t(from + x)];
    return sum;
  }
  values result() const {
    const values z = normed();
    values r(pair.size());
    for (int i = 0; i < N; ++i)
      for (int j = 0; j < N; ++j)
        for (int head = 0; head < 2; ++head) {
          values weight;
          double all = 0;
          for (int l = 0; l < seen; ++l) {
            double s = product(b, head, z, ending ? (l * N + j) * 4 : (j * N + l) * 4);
            for (int x = head * 3; x < head * 3 + 3; ++x)
              s += product(q, x, z, at(i, j)) * product(k, x, z, at(i, l)) / std::sqrt(3.);
            weight.push_back(std::exp(s)), all += weight.back();
          }
          for (int x = head * 3; x < head * 3 + 3; ++x) {
            double read = 0;
            for (int l = 0; l < seen; ++l) read += weight[std::size_t(l)] / all * product(v, x, z, at(i, l));
            const double gated = read / (1 + std::exp(-product(g, x, z, at(i, j))));
            for (int y = 0; y < 4; ++y) r[std::size_t(at(i, j) + y)] += o[std::size_t(y * 6 + x)] * gated;
          }
        }
    return r;
  }
};
values as_double(const tensor<float>& x) { return values(x.begin(), x.end()); }

template <const auto& Out, const auto& Gradients> void check_triangle(int N, int seen, bool is_ending) {
  const tensor<float> P = filled<float>(1, 1, {N, N, 4}), Q = filled<float>(2, 1, {2, 3, 4}),
                      K = filled<float>(3, 1, {2, 3, 4}), V = filled<float>(4, 1, {2, 3, 4}),
                      G = filled<float>(5, 1, {2, 3, 4}), B = filled<float>(6, 1, {2, 4}),
                      W = filled<float>(7, 1, {4, 2, 3}), C = filled<float>(8, 1, {N, N, 4});
  tensor<float> O(N, N, 4), dP(P), dQ(Q), dK(K), dV(V), dG(G), dB(B), dW(W);
  const auto bound = [&](const auto& call, const auto&... more) {
    call(input<"pair">(n, t, a) = P, wq = Q, wk = K, wv = V, wg = G, wb = B, wo = W, length = seen, more...);
  };
  bound(fuse<Out, strict>, into(O));
  bound(fuse<Gradients, strict>, cotangent<Out> = C, into(dP, dQ, dK, dV, dG, dB, dW));
  triangle by_hand{
      N,           seen, is_ending, as_double(P), as_double(Q), as_double(K), as_double(V), as_double(G), as_double(B),
      as_double(W)};
  const values wanted = by_hand.result();
  double worst = 0;
  for (std::size_t i = 0; i < wanted.size(); ++i) worst = std::max(worst, std::fabs(wanted[i] - double(O[i])));
  BOOST_TEST(worst < 1e-5, "out is off by " << worst);
  const auto loss = [&] {
    const values r = by_hand.result();
    double sum = 0;
    for (std::size_t i = 0; i < r.size(); ++i) sum += r[i] * double(C[i]);
    return sum;
  };
  const auto differences = [&](const char* what, values& of, const tensor<float>& got) {
    tensor<double> slopes(extent_t(of.size()));
    for (std::size_t i = 0; i < of.size(); ++i) {
      const double x = of[i];
      const auto moved = [&](double by) {
        of[i] = x + by;
        return loss();
      };
      slopes[i] = (8 * (moved(1e-4) - moved(-1e-4)) - moved(2e-4) + moved(-2e-4)) / 12e-4;
      of[i] = x;
    }
    expect_close(what, got, slopes);
  };
  differences("dpair", by_hand.pair, dP);
  differences("dwq", by_hand.q, dQ), differences("dwk", by_hand.k, dK), differences("dwv", by_hand.v, dV);
  differences("dwg", by_hand.g, dG), differences("dwb", by_hand.b, dB), differences("dwo", by_hand.o, dW);
}
}  // namespace

BOOST_AUTO_TEST_CASE(bias_of_pairs) {
  for (const auto& [N, M] : {std::array<extent_t, 2>{61, 70}, {50, 13}, {1, 1}, {3, 0}, {0, 3}}) {
    problem p{N, M};
    p.by_hand();
    tensor<float> O(3, N, 5), dQ(3, N, 7), dK(3, M, 7), dV(3, M, 5), dZ(N, M, 6), dW(3, 6);
    fuse<out, strict>(q = p.Q, k = p.K, v = p.V, z = p.Z, w = p.W, into(O));
    fuse<backward, strict>(q = p.Q, k = p.K, v = p.V, z = p.Z, w = p.W, cotangent<out> = p.C, into(dQ, dK, dV, dZ, dW));
    BOOST_TEST_CONTEXT(N << " queries, " << M << " keys") {
      expect_close("out", O, p.O), expect_close("dq", dQ, p.dQ), expect_close("dk", dK, p.dK);
      expect_close("dv", dV, p.dV), expect_close("dz", dZ, p.dZ), expect_close("dw", dW, p.dW);
    }
  }
}
// The same keys for all heads, one after the other in the formula.
BOOST_AUTO_TEST_CASE(bias_of_pairs_where_heads_share_keys) {
  problem p{37, 45};
  for (extent_t i = 1; i < 3; ++i)
    for (extent_t j = 0; j < 45; ++j) {
      for (int x = 0; x < 7; ++x) p.K(i, j, x) = p.K(0, j, x);
      for (int x = 0; x < 5; ++x) p.V(i, j, x) = p.V(0, j, x);
    }
  p.by_hand();
  for (extent_t i = 1; i < 3; ++i)
    for (extent_t j = 0; j < 45; ++j) {
      for (int x = 0; x < 7; ++x) p.dK(0, j, x) += p.dK(i, j, x);
      for (int x = 0; x < 5; ++x) p.dV(0, j, x) += p.dV(i, j, x);
    }
  tensor<float> O(3, 37, 5), dQ(3, 37, 7), dK(45, 7), dV(45, 5), dZ(37, 45, 6), dW(3, 6);
  tensor<double> wK(45, 7), wV(45, 5);
  std::copy_n(p.dK.data(), wK.size(), wK.data()), std::copy_n(p.dV.data(), wV.size(), wV.data());
  const auto K = view(p.K.data(), {45, 7}), V = view(p.V.data(), {45, 5});
  fuse<of_shared, strict>(q = p.Q, shared_k = K, shared_v = V, z = p.Z, w = p.W, into(O));
  fuse<backward_of_shared, strict>(q = p.Q, shared_k = K, shared_v = V, z = p.Z, w = p.W, cotangent<of_shared> = p.C,
                                   into(dQ, dK, dV, dZ, dW));
  expect_close("out", O, p.O), expect_close("dq", dQ, p.dQ), expect_close("dk", dK, wK), expect_close("dv", dV, wV);
  expect_close("dz", dZ, p.dZ), expect_close("dw", dW, p.dW);
}
BOOST_AUTO_TEST_CASE(triangle_attention) {
  check_triangle<starting, of_starting>(9, 9, false), check_triangle<starting, of_starting>(7, 4, false);
  check_triangle<ending, of_ending>(9, 9, true), check_triangle<ending, of_ending>(7, 4, true);
}
