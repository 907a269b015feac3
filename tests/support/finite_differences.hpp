// Checks the gradient of a graph against central differences, all in double and all at run time: the pass is an
// ordinary function and the oracle evaluates any graph, so no kernel is instantiated and hundreds of graphs compile in
// seconds.
#pragma once
#include <boost/test/unit_test.hpp>
#include <heed/graph/gradient.hpp>
#include <heed/call/oracle/reference_graph.hpp>
#include <cmath>
#include <cstring>
#include <map>
#include <memory>
#include <random>
#include <string>

namespace heed_tests {
using namespace heed;
using namespace heed::internal;

using extents_by_name = std::map<std::string, extent_t>;
using values_by_name = std::map<std::string, std::vector<double>>;

inline run::reference_graph::extents extents_of_graph(const graph& g, const extents_by_name& given) {
  run::reference_graph::extents r{};
  for (int i = 0; i < g.axis_count; ++i) {
    const axis_entry& a = g.axes[std::size_t(i)];
    bool merged = false;  // of two others, which come first
    for (int j = 1; j < g.size && !merged; ++j)
      if ((g[j].code == op::merge || g[j].code == op::split) && g[j].first == i && a.extent == runtime &&
          !given.contains(a.name.text())) {
        r[std::size_t(i)] = r[std::size_t(g[j].second)] * r[std::size_t(g[j].third)];
        merged = true;
      }
    if (!merged) r[std::size_t(i)] = a.extent != runtime ? a.extent : given.at(a.name.text());
  }
  for (int i = 1; i < g.size; ++i)  // the oracle reads as it is told: memory beyond, if these differ
    if (g[i].code == op::rename && r[std::size_t(g[i].first)] != r[std::size_t(g[i].second)])
      throw std::logic_error("a renamed axis has two extents: " + g.axes[std::size_t(g[i].second)].name.text());
  return r;
}
inline std::size_t elements_of(const input_entry& in, const run::reference_graph::extents& extent) {
  std::size_t size = 1;
  for (int a = 0; a < in.rank; ++a) size *= std::size_t(extent[std::size_t(in.order[std::size_t(a)])]);
  return size;
}

// Adds the inputs that `values` lacks. Reals lie in [-1, 1], those with a name in `_pos` in [0.5, 2], whole numbers in
// 0 .. 4; nothing is a round number, so nothing lies on a kink of abs, min or where.
inline void draw_missing(values_by_name& values, const graph& g, const extents_by_name& given) {
  const auto extent = extents_of_graph(g, given);
  for (int i = 0; i < g.input_count; ++i) {
    const input_entry& in = g.inputs[std::size_t(i)];
    const std::string name = in.name.text();
    if (values.count(name)) continue;
    unsigned seed = 7;
    for (const char c : name) seed = seed * 31 + static_cast<unsigned char>(c);
    std::mt19937 random{seed};
    std::uniform_real_distribution<double> uniform(-1, 1);
    std::vector<double>& v = values[name];
    v.resize(elements_of(in, extent));
    for (double& x : v) {
      x = uniform(random);
      if (in.type == element::boolean) x = x > -0.4;
      else if (is_integer(in.type)) x = double(random() % 5);
      else if (name.find("_pos") != std::string::npos) x = 1.25 + 0.75 * x;
    }
  }
}

// A graph evaluated at some inputs.
class evaluation {
 public:
  evaluation(const graph& g, const extents_by_name& given, const values_by_name& values)
      : g_(g),
        extent_(extents_of_graph(g, given)),
        views_(std::size_t(g.input_count)) {
    for (int i = 0; i < g.input_count; ++i) {
      const input_entry& in = g.inputs[std::size_t(i)];
      const std::vector<double>& from = values.at(in.name.text());
      extent_t size = 1;
      for (int a = in.rank - 1; a >= 0; --a) {
        const std::size_t axis = std::size_t(in.order[std::size_t(a)]);
        views_[std::size_t(i)].stride[axis] = size;
        size *= extent_[axis];
      }
      std::vector<char> bytes(from.size() * 8 + 8);
      for (std::size_t j = 0; j < from.size(); ++j) store(in.type, bytes.data(), j, from[j]);
      memory_.push_back(std::move(bytes));
      views_[std::size_t(i)].data = memory_.back().data();
    }
    oracle_ = std::make_unique<run::reference_graph>(g_, extent_, views_.data());
  }
  // The elements of a node in the order of some axes (by number), the last fastest.
  std::vector<double> operator()(int node, const std::vector<int>& order) {
    (*oracle_)[node];
    std::vector<double> r;
    run::reference_graph::extents at{};
    each(order, 0, at, [&] { r.push_back(oracle_->at(node, at)); });
    return r;
  }

 private:
  template <class F> void each(const std::vector<int>& order, std::size_t k, run::reference_graph::extents& at,
                               const F& f) const {
    if (k == order.size()) return f();
    const std::size_t axis = std::size_t(order[k]);
    for (at[axis] = 0; at[axis] < extent_[axis]; ++at[axis]) each(order, k + 1, at, f);
    at[axis] = 0;
  }
  template <class T> static void put_at(char* to, std::size_t i, double v) {
    const T x = T(v);
    std::memcpy(to + i * sizeof(T), &x, sizeof(T));
  }
  static void store(element type, char* to, std::size_t i, double v) {
    switch (type) {
      case element::boolean: return put_at<bool>(to, i, v != 0);
      case element::i32: return put_at<std::int32_t>(to, i, v);
      case element::i64: return put_at<std::int64_t>(to, i, v);
      case element::f64: return put_at<double>(to, i, v);
      default: return put_at<float>(to, i, v);
    }
  }

  const graph& g_;
  run::reference_graph::extents extent_;
  std::vector<run::view> views_;
  std::vector<std::vector<char>> memory_;
  std::unique_ptr<run::reference_graph> oracle_;
};

inline std::vector<int> order_of_shape(const graph& g, const shape_value& s) {
  std::vector<int> r;
  for (int i = 0; i < s.rank; ++i) r.push_back(g.find_axis(s.axes[std::size_t(i)].name));
  return r;
}
inline std::vector<int> order_of_input(const input_entry& in) { return {in.order.begin(), in.order.begin() + in.rank}; }

// A list of results made at run time.
inline result_list list_of(std::initializer_list<const expression*> es) {
  static constexpr result_list none;
  result_list r = none;
  for (const expression* e : es) r.of[r.count++] = e;
  return r;
}

// The gradients of some results with respect to every real input, by name.
struct gradients {
  std::unique_ptr<differentiation> d;
  values_by_name values;  // inputs, cotangents among them
  values_by_name of;

  gradients(const result_list& r, const extents_by_name& given, values_by_name inputs = {})
      : d(new differentiation(differentiated(r))),
        values(std::move(inputs)) {
    std::vector<std::pair<std::string, node_id>> roots;
    const int inputs_of_gradient = d->g.input_count;
    for (int i = 0; i < inputs_of_gradient; ++i) {
      const input_entry& in = d->g.inputs[std::size_t(i)];
      if (!is_real(in.type) || in.name.text().starts_with("cotangent")) continue;
      roots.emplace_back(in.name.text(), d->of_input(node_of_input(d->g, d->declared, in.name)));
    }
    draw_missing(values, d->g, given);
    evaluation run(d->g, given, values);
    for (const auto& [name, root] : roots)
      for (int i = 0; i < inputs_of_gradient; ++i)
        if (d->g.inputs[std::size_t(i)].name.text() == name)
          of[name] = run(root, order_of_input(d->g.inputs[std::size_t(i)]));
  }
};

// The sum of <result, cotangent>; what is absent takes no part.
inline double objective(const result_list& r, const extents_by_name& given, const values_by_name& values) {
  double total = 0;
  for (int k = 0; k < r.count; ++k) {
    const expression& e = *r.of[k];
    evaluation run(e.g, given, values);
    const std::vector<double> out = run(e.root, order_of_shape(e.g, *e.shape));
    const auto dy = e.shape->rank ? values.at(cotangent_label(r, k).text()) : std::vector<double>{1};
    for (std::size_t i = 0; i < out.size(); ++i)
      if (out[i] != -INFINITY) total += out[i] * dy[i];
  }
  return total;
}

inline constexpr double difference_step = 1e-6, absolute = 1e-5, relative = 1e-3;

// Every element of every real input (at most about 48 an input, spread over it).
inline void check_differences(const std::string& name, const result_list& r, const extents_by_name& given,
                              const values_by_name& inputs = {}) {
  gradients got(r, given, inputs);
  int checked = 0, wrong = 0, nonzero = 0;
  std::string first;
  for (const auto& [input, gradient] : got.of) {
    const std::size_t stride = gradient.size() / 48 + 1;
    for (std::size_t i = 0; i < gradient.size(); i += stride, ++checked) {
      double& x = got.values.at(input)[i];
      const double was = x;
      x = was + difference_step;
      const double above = objective(r, given, got.values);
      x = was - difference_step;
      const double below = objective(r, given, got.values);
      x = was;
      const double want = (above - below) / (2 * difference_step);
      nonzero += std::fabs(want) > 1e-6;
      if (!(std::fabs(gradient[i] - want) <= absolute + relative * std::fabs(want)) && wrong++ == 0)
        first = input + "[" + std::to_string(i) + "]: " + std::to_string(gradient[i]) + ", differences give " +
                std::to_string(want);
    }
  }
  BOOST_TEST(wrong == 0,
             name + ": " + std::to_string(wrong) + " of " + std::to_string(checked) + " wrong, first " + first);
  BOOST_TEST_MESSAGE(name << ": " << checked << " elements, " << nonzero << " not 0");
  BOOST_TEST(checked > 0, name + " has no input");
  BOOST_TEST(nonzero > 0, name + ": every difference is 0, which shows nothing");
}

// The gradient of a result with respect to one input, as an expression: to be differentiated again.
inline std::unique_ptr<expression> gradient_expression(const expression& e, const std::string& input,
                                                       shape_value& shape) {
  auto d = std::make_unique<differentiation>(differentiated(list_of({&e})));
  for (int i = 0; i < e.g.input_count; ++i) {
    const input_entry& in = e.g.inputs[std::size_t(i)];
    if (in.name.text() != input) continue;
    shape = {};
    shape.rank = in.rank;
    for (int a = 0; a < in.rank; ++a) shape.axes[std::size_t(a)] = e.g.axes[std::size_t(in.order[std::size_t(a)])];
    const node_id root = d->of_input(node_of_input(d->g, d->declared, in.name));
    return std::make_unique<expression>(d->g, shape, [&](graph&) { return root; });
  }
  throw std::logic_error("no input " + input);
}
inline void check_second_differences(const std::string& name, const expression& e, const std::string& input,
                                     const extents_by_name& given, const values_by_name& inputs = {}) {
  shape_value shape{};
  const auto first = gradient_expression(e, input, shape);
  check_differences(name + ", twice", list_of({first.get()}), given, inputs);
}

}  // namespace heed_tests
