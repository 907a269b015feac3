// LayerNormalization, RMSNormalization and Softmax as ONNX defines them. They work on the axes from one on, which lie
// together: every case is (rows, columns), or (outer, along, inner) for softmax.
#include "cases.hpp"
#include <algorithm>
#include <cmath>

namespace {
using namespace heed_conformance;

constexpr axis<"rows"> rows;
constexpr axis<"columns"> columns;
constexpr axis<"inner"> inner;
constexpr auto x = input<"x">(rows, columns);
constexpr auto w = input<"w">(columns);
constexpr auto bias = input<"bias">(columns);
template <double (*Epsilon)()> struct norms {
  static constexpr auto layer = layer_norm<columns>(x, w, bias, Epsilon());
  static constexpr auto rms = rms_norm<columns>(x, w, Epsilon());
  static constexpr auto centred = x - mean<columns>(x);
  static constexpr auto scale = rsqrt(mean<columns>(centred * centred) + Epsilon());
};
constexpr double small() { return 1e-5; }
constexpr double large() { return 0.10000000149011612; }
constexpr auto average = mean<columns>(x);

extent_t axis_of(const conformance_case& c, const array& a) {
  const extent_t axis = extent_t(c.number("axis", -1)), rank = extent_t(a.shape.size());
  return axis < 0 ? axis + rank : axis;
}
extent_t product(const array& a, extent_t from, extent_t to) {
  extent_t r = 1;
  for (extent_t i = from; i < to; ++i) r *= a.shape[std::size_t(i)];
  return r;
}

// What every result is made of, added up in magnitude: X = (|x| + mean |x|) / deviation (no mean for RMS), kappa what
// an error in x is worth in the deviation.
struct magnitudes {
  std::vector<double> y, dx, dw, db;

  magnitudes(extent_t R, extent_t C, bool centre, double epsilon, const std::vector<double>& x,
             const std::vector<double>& w, const std::vector<double>& b, const std::vector<double>& dy)
      : y(x.size()),
        dx(x.size()),
        dw(std::size_t(C)),
        db(std::size_t(C)) {
    const std::size_t n = std::size_t(C);
    for (std::size_t r = 0; r < std::size_t(R); ++r) {
      const double *const from = &x[r * n], *const to = &dy[r * n];
      double mean = 0, size = 0, variance = 0, kappa = 0, g_mean = 0, gx_mean = 0;
      for (std::size_t i = 0; i < n; ++i)
        mean += centre ? from[i] / double(n) : 0, size += centre ? std::fabs(from[i]) / double(n) : 0;
      for (std::size_t i = 0; i < n; ++i) variance += (from[i] - mean) * (from[i] - mean) / double(n);
      const double inverse = 1 / std::sqrt(variance + epsilon);
      for (std::size_t i = 0; i < n; ++i)
        kappa += std::fabs(from[i] - mean) * (std::fabs(from[i]) + size) / double(n) * inverse * inverse;
      const auto spread = [&](std::size_t i) { return (std::fabs(from[i]) + size) * inverse * (1 + kappa); };
      for (std::size_t i = 0; i < n; ++i)
        g_mean += std::fabs(to[i] * w[i]) / double(n), gx_mean += std::fabs(to[i] * w[i]) * spread(i) / double(n);
      for (std::size_t i = 0; i < n; ++i) {
        y[r * n + i] = std::fabs(w[i]) * spread(i) + std::fabs(b[i]);
        dx[r * n + i] = inverse * (1 + kappa) * (std::fabs(to[i] * w[i]) + (centre ? g_mean : 0) + spread(i) * gx_mean);
        dw[i] += std::fabs(to[i]) * spread(i), db[i] += std::fabs(to[i]);
      }
    }
  }
};

template <double (*Epsilon)()> void run_norm(const conformance_case& c) {
  using g = norms<Epsilon>;
  const array& X = c.inputs.at("X");
  const extent_t axis = axis_of(c, X), R = product(X, 0, axis), C = product(X, axis, extent_t(X.shape.size()));
  const bool centre = c.op == "LayerNormalization";
  const std::vector<double> none(std::size_t(C), 0), &W = c.inputs.at("W").values,
                                                     &B = centre ? c.inputs.at("B").values : none;
  const operand<float> a(X.values, {R, C}), weight(W, {C}), shift(B, {C}), dy(c.cotangents.at("Y").values, {R, C});
  const auto y = operand<float>::result({R, C}), dx = operand<float>::result({R, C}), dw = operand<float>::result({C}),
             db = operand<float>::result({C});
  if (centre) {
    fuse<g::layer, strict>(x = a.bind(), w = weight.bind(), bias = shift.bind(), into(y.bind()));
    fuse<gradient<g::layer>(wrt(x, w, bias))>(x = a.bind(), w = weight.bind(), bias = shift.bind(),
                                              cotangent<g::layer> = dy.bind(), into(dx.bind(), dw.bind(), db.bind()));
    const auto mean_of = operand<float>::result({R}), inverse = operand<float>::result({R});
    fuse<results(average, g::scale), strict>(x = a.bind(), into(mean_of.bind(), inverse.bind()));
    compare_published(c.name + ", mean", mean_of.values(), c.published.at("Mean"));
    compare_published(c.name + ", 1 / deviation", inverse.values(), c.published.at("InvStdDev"));
  } else {
    fuse<g::rms, strict>(x = a.bind(), w = weight.bind(), into(y.bind()));
    fuse<gradient<g::rms>(wrt(x, w))>(x = a.bind(), w = weight.bind(), cotangent<g::rms> = dy.bind(),
                                      into(dx.bind(), dw.bind()));
  }
  const magnitudes m(R, C, centre, Epsilon(), X.values, W, B, c.cotangents.at("Y").values);
  compare_scaled<float>(c.name + ", Y", y.values(), c.forward.at("Y").values, m.y);
  compare_scaled<float>(c.name + ", gradient of X", dx.values(), c.gradients.at("X").values, m.dx);
  compare_scaled<float>(c.name + ", gradient of W", dw.values(), c.gradients.at("W").values, m.dw);
  if (centre) compare_scaled<float>(c.name + ", gradient of B", db.values(), c.gradients.at("B").values, m.db);
}
void run_either(const conformance_case& c) {
  const double epsilon = c.number("epsilon", small());
  if (epsilon == small()) run_norm<small>(c);
  else if (epsilon == large()) run_norm<large>(c);
  else throw std::runtime_error(c.name + ": an epsilon that no graph here has");
}

constexpr auto x3 = input<"x3">(rows, columns, inner);
constexpr auto along = softmax<columns>(x3);
void run_softmax(const conformance_case& c) {  // no gradients are given
  const array& X = c.inputs.at("x");
  const extent_t axis = axis_of(c, X), rank = extent_t(X.shape.size()), R = product(X, 0, axis),
                 C = X.extent(std::size_t(axis)), I = product(X, axis + 1, rank);
  const operand<float> a(X.values, {R, C, I});
  const auto y = operand<float>::result({R, C, I});
  fuse<along, strict>(x3 = a.bind(), into(y.bind()));
  compare_published(c.name + ", y", y.values(), c.published.at("y"));
  std::vector<double> want(X.values.size()), unit(X.values.size());
  for (extent_t r = 0; r < R; ++r)
    for (extent_t i = 0; i < I; ++i) {
      const auto at = [&](extent_t k) { return std::size_t((r * C + k) * I + i); };
      double top = -INFINITY, total = 0, reach = 0;
      for (extent_t k = 0; k < C; ++k)
        top = std::max(top, X.values[at(k)]), reach = std::max(reach, std::fabs(X.values[at(k)]));
      for (extent_t k = 0; k < C; ++k) total += want[at(k)] = std::exp(X.values[at(k)] - top);
      for (extent_t k = 0; k < C; ++k) want[at(k)] /= total, unit[at(k)] = want[at(k)] * (1 + reach);
    }
  compare_scaled<float>(c.name + ", y in double", y.values(), want, unit);
}
const registered layer("onnx/layer_normalization", run_either), rms("onnx/rms_normalization", run_either),
    softmaxes("onnx/softmax", run_softmax);
}  // namespace
