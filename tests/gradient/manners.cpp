// How gradients behave where calculus does not say, or where what is stored must not matter; and how large their graphs
// are.
// options: -O0 -DHEED_UNOPTIMISED
#include "gradient_graphs.hpp"
#include <limits>
using namespace heed::internal;
using namespace heed_tests;
using namespace heed_tests::gradient_graphs;

namespace {
constexpr double not_a_number = std::numeric_limits<double>::quiet_NaN();
using vector = std::vector<double>;
constexpr auto x = input<"x", double>(n);
constexpr auto y = input<"y", double>(n);
constexpr auto wide = input<"wide", double>(n, c);
constexpr auto column = input<"column", double>(m);

// The gradients of a sum over a result: a cotangent of ones.
template <class F> values_by_name gradients_of(const F& make, values_by_name inputs,
                                               const extents_by_name& given = sizes) {
  const auto graph = on_heap(make);
  extent_t size = 1;
  for (int i = 0; i < graph->shape->rank; ++i) {
    const axis_entry& x = graph->shape->axes[std::size_t(i)];
    size *= x.extent == runtime ? given.at(x.name.text()) : x.extent;
  }
  inputs["cotangent"] = vector(std::size_t(size), 1);
  return gradients(list_of({graph.get()}), given, std::move(inputs)).of;
}
#define SUMMED(INPUTS, ...) gradients_of([]() { return __VA_ARGS__; }, INPUTS)

void check_equal(const vector& got, const vector& want) {
  BOOST_REQUIRE(got.size() == want.size());
  for (std::size_t i = 0; i < got.size(); ++i)
    BOOST_TEST(std::fabs(got[i] - want[i]) <= 1e-12, "[" << i << "]: " << got[i] << " for " << want[i]);
}
void check_finite(const values_by_name& got) {
  for (const auto& [name, values] : got)
    for (const double x : values) BOOST_TEST(std::isfinite(x), name << " holds " << x);
}
}  // namespace

BOOST_AUTO_TEST_CASE(ties_share_evenly) {
  const values_by_name tied = {{"x", {2, 2, 1}}, {"y", {2, 1, 1}}};
  check_equal(SUMMED(tied, max<n>(x)).at("x"), {0.5, 0.5, 0});
  check_equal(SUMMED(tied, min<n>(y)).at("y"), {0, 0.5, 0.5});
  check_equal(SUMMED((values_by_name{{"x", {3, 3, 3}}}), max<n>(x) * 6).at("x"), {2, 2, 2});
  check_equal(SUMMED(tied, max(x, y)).at("x"), {0.5, 1, 0.5});
  check_equal(SUMMED(tied, max(x, y)).at("y"), {0.5, 0, 0.5});
  check_equal(SUMMED(tied, min(x, y)).at("x"), {0.5, 0, 0.5});
  check_equal(SUMMED(tied, max(x, x)).at("x"), {1, 1, 1});
  check_equal(SUMMED((values_by_name{{"x", {5, 5, 5}}}), max<n>(mask(x, n != 1)) * 2).at("x"), {1, 0, 1});
  check_equal(SUMMED((values_by_name{{"x", {0, -3, 3}}}), abs(x)).at("x"), {0, -1, 1});
  check_equal(SUMMED((values_by_name{{"x", {0, -3, 3}}}), relu(x)).at("x"), {0.5, 0, 1});
  check_equal(SUMMED((values_by_name{{"x", {not_a_number, 1, not_a_number}}}), max<n>(mask(x, n == 1))).at("x"),
              {0, 1, 0});
}

BOOST_AUTO_TEST_CASE(an_input_without_part_has_zeros) {
  check_equal(SUMMED({}, x + 0 * wide).at("wide"), vector(18, 0));
  check_equal(SUMMED({}, x * cast<double>(cast<std::int32_t>(wide * 0.1))).at("wide"), vector(18, 0));
  check_equal(SUMMED({}, where(wide < x, x, 1 - x)).at("wide"), vector(18, 0));
  check_equal(SUMMED((values_by_name{{"wide", vector(18, not_a_number)}}), mask(wide, n < 0) + x).at("wide"),
              vector(18, 0));
}

BOOST_AUTO_TEST_CASE(rows_with_nothing_left_have_zeros) {
  const values_by_name nothing = {{"length", vector{0}}};
  for (const auto& got : {SUMMED(nothing, attention<d, m>(q, k, v, padding(m, length))),
                          SUMMED(nothing, weighed(mask(s + slope * (m - n), m < length))),
                          SUMMED(nothing, weighed(2 * tanh(mask(s, m < length) / 2))),
                          SUMMED(nothing, sum<m>(mask(s, m < length)) + max<m>(mask(s, m < length))),
                          SUMMED(nothing, mean<m>(mask(s, m < length)))})
    for (const auto& [name, values] : got) check_equal(values, vector(values.size(), 0));
  const values_by_name first_row = SUMMED({}, attention<d, m>(q, k, v, m < n));
  check_finite(first_row);
  for (const std::size_t head : {0u, 1u})  // q is (h, n, d): the first query of each head
    check_equal({first_row.at("q").begin() + std::ptrdiff_t(head * 9),
                 first_row.at("q").begin() + std::ptrdiff_t(head * 9 + 3)},
                {0, 0, 0});
}

// The gradients with NaN stored where the mask excludes are those with 0 there.
template <class F> void check_excluded(const char* name, const F& make) {
  BOOST_TEST_CONTEXT(name) {
    values_by_name inputs = {{"length", {2}}};
    draw_missing(inputs, on_heap(make)->g, sizes);
    const auto excluded = [&](std::size_t i, std::size_t width) { return i / width % 4 >= 2; };  // m is 4, of which
                                                                                                 // length keeps 2
    values_by_name clean = inputs, dirty = inputs;
    for (const auto& [key, width] :
         {std::pair("k", 3), std::pair("v", 2), std::pair("column", 1), std::pair("dense", 1)})
      if (const auto it = inputs.find(key); it != inputs.end())
        for (std::size_t i = 0; i < it->second.size(); ++i)
          if (excluded(i, std::size_t(width))) clean[key][i] = 0, dirty[key][i] = i % 2 ? not_a_number : INFINITY;
    const values_by_name want = gradients_of(make, clean), got = gradients_of(make, dirty);
    for (const auto& [key, values] : want) BOOST_TEST_CONTEXT("gradient of " << key) check_equal(got.at(key), values);
  }
}
#define EXCLUDED(...) check_excluded(#__VA_ARGS__, []() { return __VA_ARGS__; })

BOOST_AUTO_TEST_CASE(what_is_excluded_never_reaches_a_gradient) {
  EXCLUDED(attention<d, m>(q, k, v, padding(m, length)));
  EXCLUDED(attention<d, m>(q, k, v, causal(n, m) && padding(m, length)));
  EXCLUDED(weighed(mask(softcap(s, 2), m < length)));
  EXCLUDED(weighed(softcap(mask(s, m < length), 2)));
  EXCLUDED(weighed(mask(s * column + slope * (m - n) + dense, m < length)));
  EXCLUDED(weighed(mask(mask(s, m < length) * column, m <= n)));
  EXCLUDED(weighed(mask(s, m < length)) * logsumexp<m>(mask(s, m < length)));
  EXCLUDED(weighed(mask(s, m < length)) * max<m>(mask(s, m < length)));
  EXCLUDED(mean<m>(mask(s * s, m < length)));
  EXCLUDED(sum<m>(mask(dense, m < length) * s));
  EXCLUDED(dot<m>(mask(dense, m < length), v));
  EXCLUDED(dot<m>(mask(exp(s), m < length), v));
}

BOOST_AUTO_TEST_CASE(the_gradient_graph_shares_with_the_forward) {
  const auto count = [](const graph& g, op code) {
    int r = 0;
    for (int i = 1; i < g.size; ++i) r += g[i].code == code;
    return r;
  };
  const auto capped = HEED_MAKE(weighed(mask(softcap(s, 2), m <= n)));
  const auto d1 = std::make_unique<differentiation>(differentiated(list_of({capped.get()})));
  for (const op code : {op::tanh, op::softmax}) BOOST_TEST(count(d1->g, code) == 1);
  const auto normed = HEED_MAKE(layer_norm<c>(a));
  const auto d2 = std::make_unique<differentiation>(differentiated(list_of({normed.get()})));
  for (const op code : {op::rsqrt, op::sqrt}) BOOST_TEST(count(d2->g, code) == count(normed->g, code));
}

// x + dot(tanh(dot(x, w)), w2), so many times: each block adds the same number of nodes to the gradient.
template <class X> [[gnu::noinline]] void add_block(X& y) {
  y = std::make_unique<typename X::element_type>(
      *y + dot<o>(tanh(dot<c>(*y, input<"rw", double>(o, c))), input<"rw2", double>(c, o)));
}
int nodes_of_gradient(int blocks) {
  auto y = HEED_MAKE(a * 1);
  for (int i = 0; i < blocks; ++i) add_block(y);
  return std::make_unique<differentiation>(differentiated(list_of({y.get()})))->g.size;
}
BOOST_AUTO_TEST_CASE(gradients_are_linear_in_the_graph) {
  const int four = nodes_of_gradient(4), eight = nodes_of_gradient(8), sixteen = nodes_of_gradient(16);
  BOOST_TEST(sixteen - eight == 2 * (eight - four));
  BOOST_TEST((eight - four) / 4 <= 24, "a block of 5 nodes has a gradient of " << (eight - four) / 4);
}
BOOST_AUTO_TEST_CASE(dead_results_are_dropped) {
  static constexpr auto out = weighed(s + dense);
  static constexpr auto only_v = gradient<out>(wrt(v));  // needs no gradient of the score
  const plan::execution_plan& p = plan::plan_of<*only_v.of[0]>;
  int sizes_of_loops = 0;
  for (int i = 1; i < p.g.size; ++i) sizes_of_loops += p.g[i].code == op::dot;
  BOOST_TEST(sizes_of_loops == 2);  // q k, and the weights with the cotangent
}

namespace {
constexpr axis<"many"> many;
constexpr auto one_of_many = input<"one_of_many">(many) * 2;
constexpr auto ten_results = results(one_of_many, one_of_many, one_of_many, one_of_many, one_of_many, one_of_many,
                                     one_of_many, one_of_many, one_of_many, one_of_many);
}  // namespace
BOOST_AUTO_TEST_CASE(cotangents_are_counted_in_decimal) {
  BOOST_TEST(cotangent_label(ten_results, 0).text() == "cotangent1");
  BOOST_TEST(cotangent_label(ten_results, 9).text() == "cotangent10");
  BOOST_TEST(cotangent_label(results(one_of_many), 0).text() == "cotangent");
}
