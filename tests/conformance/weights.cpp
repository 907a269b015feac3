// Weights that are no softmax, published in double: the quadratic ones of Based and ReBased, Retention's that fade with
// the distance. All that is reduced out of the pairs fuses, forward and backward.
#include "attention.hpp"

namespace {
using namespace heed_conformance;
using namespace heed_conformance::attention_axes;

constexpr auto q = input<"q", double>(b, heads, n, d);
constexpr auto k = input<"k", double>(b, heads, m, d);
constexpr auto v = input<"v", double>(b, heads, m, e);
constexpr auto score = mask(scaled_dot<d>(q, k), causal(n, m));

// Arora et al. 2024: exp(s) to its second term, 1 + s + s^2 / 2; Aksenov et al. 2024: s^2. Weights that their sum
// divides.
constexpr auto constant_term = input<"constant_term", double>();
constexpr auto linear_term = input<"linear_term", double>();
constexpr auto square_term = input<"square_term", double>();
constexpr auto weight = constant_term + linear_term * score + square_term * score * score;
constexpr auto quadratic = dot<m>(weight, v) / (sum<m>(weight) + 1e-6);

// Sun et al. 2023: head h keeps 1 - 2^(-5 - h) from one position to the next.
constexpr auto kept = 1 - exp2(-5 - heads);
constexpr auto retention = dot<m>(score * exp((n - m) * log(kept)), v);

// What a formula is made of where no difference makes it smaller: its weights, their derivatives by the score, and
// whether their sum divides them.
struct magnitudes {
  std::function<double(double score, extent_t head, extent_t distance)> weight, slope;
  bool divided = false;
};
struct units {
  std::vector<double> o, dq, dk, dv;
};

// The error units of a case: eps times sums of magnitudes; where sums of weights divide, their own error is relative to
// what is left of them.
units units_of(const array& Q, const array& K, const array& V, const array& DO, const magnitudes& of) {
  const extent_t N = Q.extent(2), D = Q.extent(3), E = V.extent(3), heads_of_all = Q.extent(0) * Q.extent(1);
  const double eps = std::numeric_limits<double>::epsilon(), scale = 1 / std::sqrt(double(D));
  units r{std::vector<double>(V.values.size()), std::vector<double>(Q.values.size()),
          std::vector<double>(K.values.size()), std::vector<double>(V.values.size())};
  for (extent_t row = 0; row < heads_of_all * N; ++row) {
    const extent_t i = row % N, first = row - i, head = row / N % Q.extent(1);
    std::vector<double> w, slope, a;  // of the row's keys: magnitudes of weight and slope, |cotangent| |value|
    double left = 0, total = 0;
    for (extent_t j = 0; j <= i; ++j) {
      double s = 0, size = 0, product = 0;
      for (extent_t c = 0; c < D; ++c) {
        const double x = Q.values[row * D + c] * K.values[(first + j) * D + c] * scale;
        s += x, size += std::fabs(x);
      }
      for (extent_t c = 0; c < E; ++c) product += std::fabs(DO.values[row * E + c] * V.values[(first + j) * E + c]);
      w.push_back(of.weight(size, head, i - j)), slope.push_back(of.slope(size, head, i - j)), a.push_back(product);
      left += of.weight(s, head, i - j), total += w.back();
    }
    const double by = of.divided ? left + 1e-6 : 1, lost = of.divided ? 1 + total / by : 1;
    double shared = 0;  // what reaches every weight through the sum
    for (std::size_t j = 0; j < w.size() && of.divided; ++j) shared += w[j] * a[j] / by;
    for (extent_t j = 0; j <= i; ++j) {
      const double unit = eps * w[j] / by * lost, back = eps * slope[j] * (a[j] + shared) / by * lost * scale;
      for (extent_t c = 0; c < E; ++c) {
        r.o[row * E + c] += unit * std::fabs(V.values[(first + j) * E + c]);
        r.dv[(first + j) * E + c] += unit * std::fabs(DO.values[row * E + c]);
      }
      for (extent_t c = 0; c < D; ++c) {
        r.dq[row * D + c] += back * std::fabs(K.values[(first + j) * D + c]);
        r.dk[(first + j) * D + c] += back * std::fabs(Q.values[row * D + c]);
      }
    }
  }
  return r;
}

template <const auto& Out, class... Terms>
void run_as(const conformance_case& c, const magnitudes& of, const Terms&... terms) {
  const array &Q = c.inputs.at("q"), &K = c.inputs.at("k"), &V = c.inputs.at("v"), &DO = c.cotangents.at("o");
  const operand<double> queries(Q.values, Q.shape), keys(K.values, K.shape), values(V.values, V.shape),
      cotangents(DO.values, DO.shape);
  const auto o = operand<double>::result(DO.shape), dq = operand<double>::result(Q.shape),
             dk = operand<double>::result(K.shape), dv = operand<double>::result(V.shape);
  fuse<Out, strict>(q = queries.bind(), k = keys.bind(), v = values.bind(), terms..., into(o.bind()));
  fuse<gradient<Out>(wrt(q, k, v)), strict>(q = queries.bind(), k = keys.bind(), v = values.bind(), terms...,
                                            cotangent<Out> = cotangents.bind(), into(dq.bind(), dk.bind(), dv.bind()));
  const units unit = units_of(Q, K, V, DO, of);
  compare(c.name + ", o", o.values(), c.forward.at("o").values, unit.o);
  compare(c.name + ", gradient of q", dq.values(), c.gradients.at("q").values, unit.dq);
  compare(c.name + ", gradient of k", dk.values(), c.gradients.at("k").values, unit.dk);
  compare(c.name + ", gradient of v", dv.values(), c.gradients.at("v").values, unit.dv);
}
void run_quadratic(const conformance_case& c, double constant, double linear, double square) {
  if (c.number("use_norm", 1) == 0) throw std::runtime_error(c.name + ": weights that nothing divides");
  const magnitudes of{[=](double s, extent_t, extent_t) { return constant + linear * s + square * s * s; },
                      [=](double s, extent_t, extent_t) { return linear + 2 * square * s; }, true};
  run_as<quadratic>(c, of, constant_term = constant, linear_term = linear, square_term = square);
}
void run_retention(const conformance_case& c) {
  const auto fade = [](extent_t head, extent_t distance) {
    return std::pow(1 - std::exp2(double(-5 - head)), double(distance));
  };
  run_as<retention>(c, {[=](double s, extent_t head, extent_t distance) { return s * fade(head, distance); },
                        [=](double, extent_t head, extent_t distance) { return fade(head, distance); }});
}
const registered based("fla/based", [](const conformance_case& c) { run_quadratic(c, 1, 1, 0.5); }),
    rebased("fla/rebased", [](const conformance_case& c) { run_quadratic(c, 0, 0, 1); }),
    retained("fla/retention", run_retention);
}  // namespace
