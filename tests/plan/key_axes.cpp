// A softmax over several key axes: planned along one merged axis, forward and backward, with one score region, one
// score-gradient region, no loop, and nothing stored over pairs of positions; and the plan means what the graph means.
// options: -O0 -DHEED_UNOPTIMISED
#include <boost/test/unit_test.hpp>
#include "planned.hpp"
#include <heed/block/attention.hpp>
#include <heed/graph/gradient.hpp>
#include <span>
using namespace heed;
using namespace heed::internal;
using heed::internal::plan::execution_plan;
using heed_tests::planned, heed_tests::stores_pairs, heed_tests::kinds;

namespace {
constexpr axis<"b"> b;
constexpr axis<"y"> y;
constexpr axis<"x"> x;
constexpr axis<"t"> t;
constexpr axis<"yk"> yk;
constexpr axis<"xk"> xk;
constexpr axis<"tk"> tk;
constexpr axis<"h", 2> h;
constexpr axis<"r", 3> r;
constexpr axis<"d", 4> d;
constexpr axis<"e", 3> e;
constexpr axis<"c", 8> c;
constexpr axis<"o", 8> o;
constexpr axis<"z", 81> z;
constexpr axis<"u", 11> u;
constexpr auto q = input<"q">(b, h, y, x, d);
constexpr auto k = input<"k">(b, h, yk, xk, d);
constexpr auto v = input<"v">(b, h, yk, xk, e);
constexpr auto s = dot<d>(q, k) / sqrt(size<d>);
constexpr auto near = abs(y - yk) <= 1 && abs(x - xk) <= 1;
template <class S> constexpr auto weighed(const S& score) { return dot<yk, xk>(softmax<yk, xk>(score), v); }

using extents = std::map<std::string, extent_t>;
const extents sizes[] = {{{"b", 2}, {"y", 3}, {"x", 2}, {"yk", 3}, {"xk", 5}, {"t", 2}, {"tk", 2}},
                         {{"b", 1}, {"y", 1}, {"x", 1}, {"yk", 1}, {"xk", 1}, {"t", 1}, {"tk", 1}},
                         {{"b", 2}, {"y", 2}, {"x", 3}, {"yk", 3}, {"xk", 0}, {"t", 2}, {"tk", 3}},
                         {{"b", 1}, {"y", 2}, {"x", 3}, {"yk", 0}, {"xk", 4}, {"t", 2}, {"tk", 0}}};
const extents with_itself[] = {{{"b", 2}, {"y", 3}, {"x", 2}, {"yk", 3}, {"xk", 2}},
                               {{"b", 1}, {"y", 1}, {"x", 0}, {"yk", 1}, {"xk", 0}}};
// The plan of some results means what they mean; the first extents leave none of them zero.
template <result_list R> std::unique_ptr<execution_plan> checked(const char* name,
                                                                 std::span<const extents> sizes = ::sizes) {
  auto p = planned<R>();
  BOOST_TEST_REQUIRE(bool(p->fault == plan::plan_fault::none));
  for (const extents& given : sizes) {
    const bool empty = given.at("yk") * given.at("xk") * given.at("b") == 0;
    std::string wrong = heed_tests::difference(*p, R, given);
    for (std::size_t at; (empty || &given != sizes.data()) && (at = wrong.find("is zero")) != std::string::npos;)
      wrong.erase(wrong.rfind("result ", at), wrong.find("; ", at) + 2 - wrong.rfind("result ", at));
    BOOST_TEST(wrong == "", name + (": " + wrong));
  }
  return p;
}
int count(const execution_plan& p, plan::region_kind kind) {
  int n = 0;
  for (int i = 0; i < p.region_count; ++i) n += p.regions[std::size_t(i)].kind == kind;
  return n;
}
// ... and is fused: so many score and score-gradient regions.
template <result_list R> void fuses(const char* name, int scores, int gradients,
                                    std::span<const extents> sizes = ::sizes) {
  const auto p = checked<R>(name, sizes);
  BOOST_TEST(count(*p, plan::region_kind::score) == scores, std::string(name) + ": " + kinds(*p));
  BOOST_TEST(count(*p, plan::region_kind::score_gradient) == gradients, std::string(name) + ": " + kinds(*p));
  BOOST_TEST(count(*p, plan::region_kind::loop) == 0, std::string(name) + ": " + kinds(*p));
  BOOST_TEST(!stores_pairs(*p), std::string(name) + " stores pairs");
}
#define FORWARD(...) fuses<results(__VA_ARGS__)>(#__VA_ARGS__, 1, 0)
#define BACKWARD(OUT, ...) fuses<gradient<OUT>(wrt(__VA_ARGS__))>("gradient of " #OUT, 1, 1)

// keys that look at queries, beside queries that look at keys: both grids are merged
constexpr auto out_of_both(const auto& q, const auto& k, const auto& v) {
  const auto score = mask(dot<d>(q, k), near);
  return dot<yk, xk>(softmax<yk, xk>(score), v) +
         dot<yk, xk>(softmax<yk, xk>(score * 0.5 + dot<d>(dot<y, x>(softmax<y, x>(score), q * 2), k)), v);
}
constexpr auto full = weighed(s);
constexpr auto nearby = weighed(mask(s, near));
constexpr auto length = input<"length", std::int32_t>(b);
constexpr auto padded = weighed(mask(s, yk < length));
constexpr auto keep_row = input<"keep_row", bool>(b, yk);
constexpr auto keep_key = input<"keep_key", bool>(b, yk, xk);
constexpr auto keep_all = input<"keep_all", bool>(y, x, yk, xk);
constexpr auto captured_row = weighed(mask(s, keep_row));
constexpr auto captured_key = weighed(mask(s, keep_key&& near));
constexpr auto captured = weighed(mask(s, keep_all));
constexpr auto lse = logsumexp<yk, xk>(mask(s, near));
constexpr auto top = max<yk, xk>(mask(s, near));
constexpr auto capped = weighed(2 * tanh(mask(s, near) / 2));
constexpr auto slope = input<"slope">(h);
constexpr auto far = weighed(mask(s - slope * (abs(y - yk) + abs(x - xk)), near));
constexpr auto table = input<"table">(h, z);
constexpr auto relative = weighed(s + table.at((y - yk + 4) * 9 + (x - xk + 4)));
constexpr auto up = input<"up">(h, u);
constexpr auto side = input<"side">(h, u);
constexpr auto decomposed = weighed(s + up.at(y - yk + 5) + side.at(x - xk + 5));
constexpr auto decomposed_nearby = weighed(mask(s + up.at(y - yk + 5) - side.at(x - xk + 5), near));
constexpr auto shared_table =
    decomposed_nearby + dot<yk, xk>(softmax<yk, xk>(mask(s * 2 + up.at(y - yk + 5), near&& xk > x)), v);
constexpr auto bias_key = input<"bias_key">(h, yk, xk);
constexpr auto bias_row = input<"bias_row">(h, yk);
constexpr auto biased = weighed(mask(s + bias_key + bias_row, near));
constexpr auto dense = input<"dense">(h, y, x, yk, xk);
constexpr auto with_dense = weighed(s + dense);
constexpr auto qg = input<"qg">(b, h, r, y, x, d);
constexpr auto grouped = dot<yk, xk>(softmax<yk, xk>(mask(dot<d>(qg, k) * 0.5, near)), v);
constexpr auto q3 = input<"q3">(b, t, y, x, d);
constexpr auto k3 = input<"k3">(b, tk, yk, xk, d);
constexpr auto v3 = input<"v3">(b, tk, yk, xk, e);
constexpr auto film = dot<tk, yk, xk>(softmax<tk, yk, xk>(mask(dot<d>(q3, k3), tk <= t && near)), v3);
constexpr auto keep_frame = input<"keep_frame", bool>(b, tk, xk);
constexpr auto film_kept = dot<xk, tk, yk>(softmax<yk, tk, xk>(mask(dot<d>(q3, k3), keep_frame)), v3);
constexpr auto turned_k = input<"turned_k">(b, h, xk, d, yk);
constexpr auto turned = weighed(mask(dot<d>(q, turned_k), near));
constexpr auto received = sum<y, x>(softmax<yk, xk>(mask(s, near)));
constexpr auto weights = softmax<yk, xk>(mask(s, near));
constexpr auto one_query = dot<yk, xk>(softmax<yk, xk>(dot<d>(input<"q0">(b, h, d), k)), v);
constexpr auto values_padded = dot<yk, xk>(softmax<yk, xk>(s), mask(v, yk < length));
constexpr auto norm = input<"norm">(b, c, yk, xk);
constexpr auto spatial = sum<yk, xk>(softmax<yk, xk>(norm) * xk);
constexpr auto by_hand = dot<yk, xk>(exp(mask(s, near) - lse), v);  // a softmax, written in another way
constexpr auto weights_by_hand = exp(mask(s, near) - lse);
constexpr axis<"p"> p;
constexpr auto merged_by_hand = dot<p>(softmax<p>(merge<yk, xk, p>(mask(s, near))), merge<yk, xk, p>(v));
constexpr auto merged_below = dot<p>(softmax<p>(mask(2 * tanh(merge<yk, xk, p>(s)), p < 7)), merge<yk, xk, p>(v));
constexpr auto shared = dot<yk, xk>(softmax<yk, xk>(mask(s, near)), k);  // keys that are values too
constexpr auto cosine = weighed(mask(s / (sqrt(sum<d>(q * q)) * sqrt(sum<d>(k * k))), near));
constexpr auto both_ways = out_of_both(q, k, v);
constexpr auto with_lse = nearby + lse * 0.5;
constexpr auto gated = dot<yk, xk>(softmax<yk, xk>(where(yk < y, s * 2, s - bias_row)), v* sigmoid(v));
constexpr auto doubled = dot<yk, xk>(softmax<yk, xk>(s) * 2, v);
// attention with itself on a grid
constexpr auto image = input<"image">(b, y, x, c);
constexpr auto wq = input<"wq">(o, c);
constexpr auto wk = input<"wk">(o, c);
constexpr auto wv = input<"wv">(o, c);
constexpr auto in_heads(const auto& a) { return split<o, h, d>(a); }
constexpr auto moved(const auto& a) { return rename<y, yk>(rename<x, xk>(a)); }
constexpr auto own_score = mask(dot<d>(in_heads(dot<c>(image, wq)), moved(in_heads(dot<c>(image, wk)))), near);
constexpr auto layer =
    image + merge<h, d, c>(dot<yk, xk>(softmax<yk, xk>(own_score), moved(in_heads(dot<c>(image, wv)))));
}  // namespace

BOOST_AUTO_TEST_CASE(forward) {
  FORWARD(full);
  FORWARD(nearby);
  FORWARD(padded);
  FORWARD(captured_row);
  FORWARD(captured_key);
  FORWARD(captured);
  FORWARD(lse);
  FORWARD(top);
  FORWARD(nearby, lse, top);
  FORWARD(capped);
  FORWARD(far);
  FORWARD(relative);
  FORWARD(decomposed);
  FORWARD(biased);
  FORWARD(with_dense);
  FORWARD(grouped);
  FORWARD(film);
  FORWARD(turned);
  FORWARD(one_query);
  FORWARD(values_padded);
  FORWARD(by_hand);
  FORWARD(by_hand, lse);
  FORWARD(merged_by_hand);
  FORWARD(merged_below);
  fuses<results(layer)>("layer", 1, 0, with_itself);
}
BOOST_AUTO_TEST_CASE(backward) {
  BACKWARD(full, q, k, v);
  BACKWARD(nearby, q, k, v);
  BACKWARD(padded, q, k, v);
  BACKWARD(captured_row, q, k, v);
  BACKWARD(captured_key, q, k, v);
  BACKWARD(captured, q, k, v);
  BACKWARD(capped, q, k, v);
  BACKWARD(far, q, k, v, slope);
  BACKWARD(relative, q, k, v, table);
  BACKWARD(biased, q, k, v, bias_key, bias_row);
  BACKWARD(grouped, qg, k, v);
  BACKWARD(film, q3, k3, v3);
  BACKWARD(turned, q, turned_k, v);
  fuses<gradient<layer>(wrt(image, wq, wk, wv))>("gradient of layer", 1, 1, with_itself);
  BACKWARD(with_dense, q, k, v, dense);
  BACKWARD(lse, q, k);
  BACKWARD(values_padded, q, k, v);
  BACKWARD(decomposed, q, k, v, up, side);
  BACKWARD(decomposed_nearby, q, k, v, up, side);
  fuses<gradient<shared_table>(wrt(q, k, v, up, side))>("gradient of shared_table", 2, 2);
  BACKWARD(by_hand, q, k, v);
  BACKWARD(merged_by_hand, q, k, v);
  BACKWARD(merged_below, q, k, v);
}
BOOST_AUTO_TEST_CASE(whatever_else) {
  checked<results(weights)>("weights"), checked<results(received)>("received"), checked<results(spatial)>("spatial");
  FORWARD(shared);
  BACKWARD(shared, q, k);
  FORWARD(cosine);
  BACKWARD(cosine, q, k, v);
  FORWARD(gated);
  BACKWARD(gated, q, k, v);
  BACKWARD(with_lse, q, k, v);
  checked<results(doubled)>("doubled"), checked<gradient<doubled>(wrt(q, k, v))>("gradient of doubled");
  checked<results(both_ways)>("both_ways"), checked<gradient<both_ways>(wrt(q, k, v))>("gradient of both_ways");
  checked<results(film_kept)>("film_kept"), checked<results(weights_by_hand)>("weights_by_hand");
  checked<gradient<film_kept>(wrt(q3, k3, v3))>("gradient of film_kept"),
      checked<gradient<one_query>(wrt(k, v))>("gradient of one_query");
  checked<gradient<received>(wrt(q, k))>("gradient of received"),
      checked<gradient<spatial>(wrt(norm))>("gradient of spatial");
  checked<gradient<weights>(wrt(q, k))>("gradient of weights");
}
