// Graphs of every kind a plan can hold, with operands: tests/plan interprets their plans, tests/regions runs their
// kernels.
#pragma once
#include "heed/block/attention.hpp"
#include "heed/block/rotary.hpp"
#include "plan_interpreter.hpp"
#include "user_primitives.hpp"
#include <random>

namespace heed_tests::graphs {
using namespace heed;
using namespace heed::internal;

constexpr axis<"b"> b;
constexpr axis<"n"> n;
constexpr axis<"m"> m;
constexpr axis<"t"> t;
constexpr axis<"u"> u;
constexpr axis<"h", 2> h;
constexpr axis<"r", 3> r;
constexpr axis<"d", 4> d;
constexpr axis<"e", 3> e;
constexpr axis<"c", 8> c;
constexpr axis<"o", 8> o;
constexpr axis<"x2", 2> two;
constexpr axis<"y6", 6> six;
constexpr axis<"z", 11> eleven;
constexpr axis<"f", 5> f;

constexpr auto q = input<"q">(b, h, n, d);
constexpr auto k = input<"k">(b, h, m, d);
constexpr auto v = input<"v">(b, h, m, e);
constexpr auto x = input<"x">(b, n, c);
constexpr auto w = input<"w">(o, c);
constexpr auto w2 = input<"w2">(c, o);
constexpr auto bias_o = input<"bias_o">(o);
constexpr auto slope = input<"slope">(h);
constexpr auto gate = input<"gate">(b, n);
constexpr auto doc = input<"doc", std::int32_t>(b, u);
constexpr auto ids = input<"ids", std::int32_t>(b, n);
constexpr auto length = input<"length", std::int32_t>(b);
constexpr auto keep_in = input<"keep", bool>(b, m);
constexpr auto table = input<"table">(h, eleven);
constexpr auto dense = input<"dense">(h, n, m);
constexpr auto word = input<"word">(eleven, c);

constexpr auto s = dot<d>(q, k) / sqrt(size<d>);
template <class S> constexpr auto weighed(const S& score) { return dot<m>(softmax<m>(score), v); }
template <class X> constexpr auto normed(const X& y) {
  auto u = y - mean<c>(y);
  return u * rsqrt(mean<c>(u * u) + 1e-5);
}

constexpr auto past_only = weighed(mask(s, m <= n));
constexpr auto sloped = weighed(mask(s + slope * (m - n), m <= n));
constexpr auto capped = weighed(mask(2 * tanh(s / 2), m <= n));
constexpr auto capped_after = weighed(2 * tanh(mask(s, m <= n) / 2));
constexpr auto documents = weighed(mask(s, m <= n && doc.at(n) == doc.at(m)));
constexpr auto nearby = weighed(mask(s, n - m < 3 && m - n < 2));
constexpr auto padded = weighed(mask(s, m < length));
constexpr auto kept = weighed(mask(mask(s, keep_in) + gate, m <= n));
constexpr auto relative = weighed(s + table.at(n - m + 5));
constexpr auto with_bias = weighed(s + dense);
constexpr auto gated = weighed(where(m < n, s * 2, s - gate));
constexpr auto lse = logsumexp<m>(mask(s, m <= n));
constexpr auto top = max<m>(mask(s, m <= n));
constexpr auto weights = softmax<m>(mask(s, m <= n));
constexpr auto grouped = dot<m>(softmax<m>(mask(dot<d>(input<"qg">(b, h, r, n, d), k) * 0.5, m <= n)), v);
constexpr auto shared_keys = dot<m>(softmax<m>(dot<d>(q, input<"k1">(m, d))), input<"v1">(m, e));
constexpr auto doubled = dot<m>(softmax<m>(s) * 2, v);
constexpr auto two_tiles_score = s + dot<f>(input<"q2">(b, h, n, f), input<"k2">(b, h, m, f));
constexpr auto two_tiles = weighed(two_tiles_score);
constexpr auto three_tiles = weighed(mask(2 * two_tiles_score * s + tanh(dot<e>(input<"q4">(b, h, n, e), v)), m <= n));
constexpr auto four_tiles_score = two_tiles_score + dot<e>(input<"q4">(b, h, n, e), v) + tanh(dot<d>(q, tanh(k)));
constexpr auto four_tiles = weighed(four_tiles_score);
constexpr auto seven_tiles =
    weighed(four_tiles_score + tanh(dot<d>(q, exp(k))) + tanh(dot<d>(q, sigmoid(k))) + tanh(dot<d>(q, cos(k))));
constexpr auto sunk = sink_attention<m>(mask(s, m <= n), v, slope);
constexpr auto over_n = dot<m>(softmax<n>(s), v);
constexpr auto decode = dot<m>(softmax<m>(dot<d>(input<"q3">(b, h, d), k)), v);

constexpr auto projected = dot<c>(x, w) + bias_o;
constexpr auto gelu_of = projected * 0.5 * (1 + erf(projected * 0.7071));
constexpr auto mlp = x + dot<o>(gelu_of, w2);
constexpr auto gated_mlp = dot<c>(normed(x), w) * sigmoid(dot<c>(normed(x), w)) * dot<c>(normed(x), input<"w3">(o, c));
constexpr auto post_norm = normed(x + dot<o>(gelu_of, w2));
constexpr auto embedded = normed(gather<eleven>(word, ids) + input<"kind">(c));
constexpr auto pooled = mean<n>(mask(x, n < length));
constexpr auto cosine =
    dot<c>(x, rename<n, t>(x)) / (sqrt(sum<c>(x * x)) * sqrt(sum<c>(rename<n, t>(x) * rename<n, t>(x))));
constexpr auto column_softmax = softmax<n>(x);
constexpr auto heads = split<o, h, d>(projected);
constexpr auto layer = merge<h, d, o>(
    dot<t>(softmax<t>(mask(dot<d>(heads, rename<n, t>(heads)) / sqrt(size<d>), t < length)), rename<n, t>(heads)));
constexpr auto attended = x + dot<o>(layer, w2);
constexpr auto shifted = shift<n>(x, 1) - shift<n>(x, -2) + shift<n>(x * x, 1);
constexpr auto joined_value = concat<two, e, f>(slice<d, two, 1>(q), slice<d, e, 1>(q));
constexpr auto sliced = slice<c, six, 1>(x) * slice<c, six, 2>(x * 3);
constexpr auto masked_result = mask(s, m <= n) * 3;
constexpr auto masked_dot = dot<m>(mask(input<"a1">(n, m), m <= n), input<"a2">(m, d));
constexpr auto conditions = where((n < 2 && !(n == 1)) || gate > 0.2, cast<float>(n) / 3, -gate);
constexpr auto inner = dot<c>(x, x);
constexpr auto whole_sum = sum<n>(n * 2 - 1);
constexpr auto minimum = min<n>(mask(gate, n < length));
constexpr auto scalars = sum<b>(gate * size<n>);
constexpr auto picked = dot<c>(x, gather<two>(input<"stack">(two, o, c), 1)) * gather<two>(input<"rows">(two, o), 0) +
                        gather<two>(input<"more">(b, two), 1);
constexpr axis<"half", 2> half;
constexpr auto turned = rotary<d, half>(q, input<"cos">(n, half), input<"sin">(n, half));
constexpr auto turned_rows = dot<o>(merge<h, d, o>(turned), w2);
constexpr auto several_axes = sum<b, c>(x) + mean<n, c>(x * x) * max<n, c>(x) - min<b, n>(gate);

constexpr auto own_score =
    weighed(mask(primitive<squared_relu>(s) - primitive<swish>(s, slope), primitive<squared_relu>(n - m) < 5));
constexpr auto own_mlp = x + dot<o>(primitive<swish>(projected, 1.5) * primitive<squared_relu>(projected), w2);

// Each of them, alone or with others: CHECK(results...).
#define HEED_VIEWS_AND_RESULTS(CHECK) \
  CHECK(layer);                       \
  CHECK(attended);                    \
  CHECK(heads);                       \
  CHECK(shifted);                     \
  CHECK(joined_value);                \
  CHECK(sliced);                      \
  CHECK(masked_result);               \
  CHECK(masked_dot);                  \
  CHECK(conditions);                  \
  CHECK(whole_sum);                   \
  CHECK(minimum);                     \
  CHECK(scalars);                     \
  CHECK(picked);                      \
  CHECK(turned);                      \
  CHECK(turned_rows);                 \
  CHECK(several_axes);                \
  CHECK(x, x, projected);             \
  CHECK(projected, projected, mlp);   \
  CHECK(layer, attended, weights);
#define HEED_EVERY_GRAPH(CHECK) \
  CHECK(past_only);             \
  CHECK(past_only, lse, top);   \
  CHECK(lse);                   \
  CHECK(sloped);                \
  CHECK(capped);                \
  CHECK(capped_after);          \
  CHECK(documents);             \
  CHECK(nearby);                \
  CHECK(padded);                \
  CHECK(kept);                  \
  CHECK(relative);              \
  CHECK(with_bias);             \
  CHECK(gated);                 \
  CHECK(grouped);               \
  CHECK(shared_keys);           \
  CHECK(decode);                \
  CHECK(doubled);               \
  CHECK(two_tiles);             \
  CHECK(three_tiles);           \
  CHECK(four_tiles);            \
  CHECK(seven_tiles);           \
  CHECK(sunk);                  \
  CHECK(over_n);                \
  CHECK(weights);               \
  CHECK(past_only, weights);    \
  CHECK(projected);             \
  CHECK(gelu_of);               \
  CHECK(mlp);                   \
  CHECK(gated_mlp);             \
  CHECK(post_norm);             \
  CHECK(embedded);              \
  CHECK(pooled);                \
  CHECK(cosine);                \
  CHECK(column_softmax);        \
  CHECK(inner);                 \
  CHECK(own_score);             \
  CHECK(own_mlp);               \
  HEED_VIEWS_AND_RESULTS(CHECK)

// Inputs with reproducible values: whole numbers 0..5, booleans, reals in [-1, 1].
struct operands {
  std::vector<std::vector<double>> real;
  std::vector<std::vector<std::int32_t>> whole;
  std::vector<std::vector<char>> truth;
  std::map<std::string, run::view> by_name;
  std::vector<std::vector<char>> memory;

  std::vector<run::view> of(const graph& g, const index_array& extent) {
    std::vector<run::view> r(std::size_t(g.input_count));
    for (int i = 0; i < g.input_count; ++i) {
      const input_entry& in = g.inputs[std::size_t(i)];
      extent_t size = 1;
      for (int a = in.rank - 1; a >= 0; --a) {
        const std::size_t axis = std::size_t(in.order[std::size_t(a)]);
        r[std::size_t(i)].stride[axis] = size;
        size *= extent[axis];
      }
      std::vector<char> bytes(std::size_t(size) * 8 + 8);
      const std::string name = in.name.text();
      std::mt19937 random{static_cast<unsigned>(name.front()) * 131u + static_cast<unsigned>(name.size())};
      for (extent_t j = 0; j < size; ++j) {
        const double real = double(random() % 2001) / 1000 - 1;
        if (in.type == element::boolean) bytes[std::size_t(j)] = random() % 3 != 0;
        else if (in.type == element::i32) reinterpret_cast<std::int32_t*>(bytes.data())[j] = std::int32_t(random() % 6);
        else if (in.type == element::f64) reinterpret_cast<double*>(bytes.data())[j] = real;
        else reinterpret_cast<float*>(bytes.data())[j] = float(real);
      }
      memory.push_back(std::move(bytes));
      r[std::size_t(i)].data = memory.back().data();
    }
    return r;
  }
};

// An axis that a plan has made of others is as long as they are together.
inline index_array extents_of(const graph& g, const std::map<std::string, extent_t>& given) {
  index_array r{};
  for (int i = 0; i < g.axis_count; ++i) {
    const axis_entry& a = g.axes[std::size_t(i)];
    const auto known = given.find(a.name.text());
    r[std::size_t(i)] = a.extent != runtime ? a.extent : known != given.end() ? known->second : -1;
  }
  for (int i = 0; i < g.axis_count; ++i)
    for (int j = 1; j < g.size && r[std::size_t(i)] < 0; ++j)
      if ((g[j].code == op::merge || g[j].code == op::split) && g[j].first == i)
        r[std::size_t(i)] = r[std::size_t(g[j].second)] * r[std::size_t(g[j].third)];
  return r;
}

template <result_list R, std::size_t... I>
const plan::execution_plan& plan_for(std::index_sequence<I...>) {
  return plan::plan_of<*R.of[I]...>;
}

inline int value_of_result(const plan::execution_plan& p, int result) {
  for (int i = 0; i < p.buffer_count; ++i)
    if (p.buffers[std::size_t(i)].result == result) return p.buffers[std::size_t(i)].value;
  return 0;
}

// The extents every graph is tried at: odd ones, ones, and nothing along an axis.
inline const std::map<std::string, extent_t> sizes[] = {{{"b", 2}, {"n", 4}, {"m", 5}, {"t", 4}, {"u", 5}, {"tu", 20}},
                                                        {{"b", 1}, {"n", 1}, {"m", 1}, {"t", 1}, {"u", 1}, {"tu", 1}},
                                                        {{"b", 2}, {"n", 3}, {"m", 0}, {"t", 3}, {"u", 6}, {"tu", 18}},
                                                        {{"b", 0}, {"n", 2}, {"m", 2}, {"t", 2}, {"u", 2}, {"tu", 4}}};

// Calls f for every index of some axes, the last running fastest.
template <class F>
void for_each_index(axis_set axes, const index_array& extent, const F& f) {
  index_array index{};
  for (int i = 0; i < max_axes; ++i)
    if ((axes >> i & 1) && extent[std::size_t(i)] == 0) return;
  for (bool more = true; more;) {
    f(index);
    more = false;
    for (int i = max_axes - 1; i >= 0 && !more; --i) {
      if (!(axes >> i & 1)) continue;
      more = ++index[std::size_t(i)] < extent[std::size_t(i)];
      if (!more) index[std::size_t(i)] = 0;
    }
  }
}

// The oracle of one result: evaluated on the declared graph, read at an index by the axes of a plan's graph.
class expected_result {
 public:
  expected_result(const expression& e, const std::map<std::string, extent_t>& given)
      : expression_(e),
        extent_(extents_of(e.g, given)),
        inputs_(memory_.of(e.g, extent_)),
        oracle_(e.g, extent_, inputs_.data()) {
    oracle_[e.root];
  }
  double at(const graph& g, const index_array& index) const {
    index_array there{};
    for (int a = 0; a < g.axis_count; ++a)
      if (const int to = expression_.g.find_axis(g.axes[std::size_t(a)].name); to >= 0)
        there[std::size_t(to)] = index[std::size_t(a)];
    return oracle_.at(expression_.root, there);
  }

 private:
  const expression& expression_;
  operands memory_;
  index_array extent_;
  std::vector<run::view> inputs_;
  run::reference_graph oracle_;
};
inline bool alike(double got, double want, double tolerance) {
  return got == want || (std::isnan(got) && std::isnan(want)) ||
         std::fabs(got - want) <= tolerance * (1 + std::fabs(want));
}

}  // namespace heed_tests::graphs
