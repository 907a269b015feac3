// What attentions of every origin share here: the axes, the masked score over grouped heads, operands laid out as a
// case has them.
#pragma once
#include "../support/naive_attention.hpp"
#include "cases.hpp"
#include <cmath>

namespace heed_conformance {
namespace attention_axes {
constexpr axis<"b"> b;
constexpr axis<"heads"> heads;
constexpr axis<"g"> g;
constexpr axis<"r"> r;
constexpr axis<"n"> n;
constexpr axis<"m"> m;
constexpr axis<"d"> d;
constexpr axis<"e"> e;
constexpr axis<"p"> p;
constexpr axis<"t"> t;

constexpr auto keep = input<"keep", bool>(b, heads, n, m);
constexpr auto below = input<"below", std::int64_t>(b);
constexpr auto above = input<"above", std::int64_t>(b);
constexpr auto lengths = input<"lengths", std::int64_t>(b);
// Every mask: a band that moves with the batch, a length, any pattern.
constexpr auto seen = m <= n + above && m >= n + below && m < lengths && group_heads<heads, g, r>(keep);
}  // namespace attention_axes

template <class T> struct attention_inputs {
  static constexpr auto q =
      input<"q", T>(attention_axes::b, attention_axes::heads, attention_axes::n, attention_axes::d);
  static constexpr auto k = input<"k", T>(attention_axes::b, attention_axes::g, attention_axes::m, attention_axes::d);
  static constexpr auto v = input<"v", T>(attention_axes::b, attention_axes::g, attention_axes::m, attention_axes::e);
  static constexpr auto scale = input<"scale", T>();

  template <class K> static constexpr auto product(const K& keys) {
    using namespace attention_axes;
    return dot<attention_axes::d>(group_heads<attention_axes::heads, attention_axes::g, attention_axes::r>(q), keys) *
           scale;
  }
  template <class X> static constexpr auto merged(const X& x) {
    using namespace attention_axes;
    return arrange<attention_axes::b, attention_axes::heads, attention_axes::n, attention_axes::e>(
        merge<attention_axes::g, attention_axes::r, attention_axes::heads>(x));
  }
  template <class S, class V> static constexpr auto weighed(const S& score, const V& values) {
    return merged(dot<attention_axes::m>(softmax<attention_axes::m>(score), values));
  }
};

// Queries, keys and values as a case has them: (b, heads, positions, width), or positions before heads: (b, positions,
// heads, width), perhaps with heads x width as one axis. Whatever the order, heed's graphs see (b, heads, positions,
// width) through strides.
template <class T>
struct attention_operands {
  extent_t B, H, G, N, K, D, E;  // H heads of N queries, G heads of K keys, width D and of values E
  bool heads_inside;
  operand<T> q, k, v;

  attention_operands(const array& Q, const array& keys, const array& values, bool inside, extent_t query_heads,
                     extent_t key_heads)
      : B(Q.extent(0)),
        H(query_heads),
        G(key_heads),
        N(Q.extent(inside ? 1 : 2)),
        K(keys.extent(inside ? 1 : 2)),
        D(width(Q, H)),
        E(width(values, G)),
        heads_inside(inside),
        q(Q.values, {B, H, N, D}, strides(H, N, D)),
        k(keys.values, {B, G, K, D}, strides(G, K, D)),
        v(values.values, {B, G, K, E}, strides(G, K, E)) {}

  static extent_t width(const array& a, extent_t heads) {
    return a.shape.size() == 3 ? a.extent(2) / heads : a.extent(3);
  }
  std::vector<extent_t> strides(extent_t heads, extent_t positions, extent_t width) const {
    if (heads_inside) return {positions * heads * width, width, heads * width, 1};
    return {heads * positions * width, positions * width, width, 1};
  }
  operand<T> cotangent(const array& a) const { return {a.values, {B, H, N, E}, strides(H, N, E)}; }

  // Values in the order of a case as (b, heads, positions, width).
  std::vector<double> rows(const std::vector<double>& v, extent_t width) const { return by_heads(v, H, N, width); }
  std::vector<double> keys(const std::vector<double>& v, extent_t width) const { return by_heads(v, G, K, width); }
  std::vector<double> by_heads(const std::vector<double>& v, extent_t heads, extent_t positions, extent_t width) const {
    const std::vector<extent_t> s = strides(heads, positions, width);
    std::vector<double> r;
    for (extent_t b = 0; b < B; ++b)
      for (extent_t h = 0; h < heads; ++h)
        for (extent_t n = 0; n < positions; ++n)
          for (extent_t w = 0; w < width; ++w) r.push_back(v.at(std::size_t(b * s[0] + h * s[1] + n * s[2] + w)));
    return r;
  }
  // Of (b, g, M keys, width): those of a cache, which stand first, and the new ones.
  std::vector<double> first_keys(const std::vector<double>& v, extent_t M, extent_t width) const {
    return some_keys(v, M, 0, M - K, width);
  }
  std::vector<double> last_keys(const std::vector<double>& v, extent_t M, extent_t width) const {
    return some_keys(v, M, M - K, M, width);
  }
  static std::vector<double> some_keys(const std::vector<double>& v, extent_t M, extent_t from, extent_t to,
                                       extent_t width) {
    std::vector<double> r;
    for (std::size_t i = 0; i < v.size(); ++i)
      if (const extent_t m = extent_t(i) / width % M; m >= from && m < to) r.push_back(v[i]);
    return r;
  }

  heed_tests::attention_problem problem(double scale, const array& cotangent) const {
    heed_tests::attention_problem p;
    p.B = std::size_t(B), p.G = std::size_t(G), p.R = std::size_t(H / G), p.N = std::size_t(N), p.M = std::size_t(K),
    p.D = std::size_t(D), p.E = std::size_t(E);
    p.scale = scale;
    p.q = rows(q.values(), D), p.k = keys(k.values(), D), p.v = keys(v.values(), E),
    p.cotangent = rows(cotangent.values, E);
    return p;
  }
  // Puts the keys and values (b, g, past, width) of a cache before those of a problem.
  void put_before(heed_tests::attention_problem& p, const array& past_keys, const array& past_values) const {
    const auto joined = [&](const std::vector<double>& past, const std::vector<double>& now, extent_t P,
                            extent_t width) {
      std::vector<double> r;
      for (extent_t head = 0; head < B * G; ++head) {
        r.insert(r.end(), past.begin() + head * P * width, past.begin() + (head + 1) * P * width);
        r.insert(r.end(), now.begin() + head * K * width, now.begin() + (head + 1) * K * width);
      }
      return r;
    };
    p.k = joined(past_keys.values, p.k, past_keys.extent(2), D),
    p.v = joined(past_values.values, p.v, past_keys.extent(2), E);
    p.M += std::size_t(past_keys.extent(2));
  }
};

template <class T> struct attention_results {
  operand<T> o, dq, dk, dv;
  explicit attention_results(const attention_operands<T>& x)
      : o(operand<T>::result({x.B, x.H, x.N, x.E}, x.strides(x.H, x.N, x.E))),
        dq(operand<T>::result({x.B, x.H, x.N, x.D}, x.strides(x.H, x.N, x.D))),
        dk(operand<T>::result({x.B, x.G, x.K, x.D}, x.strides(x.G, x.K, x.D))),
        dv(operand<T>::result({x.B, x.G, x.K, x.E}, x.strides(x.G, x.K, x.E))) {}
};

}  // namespace heed_conformance
