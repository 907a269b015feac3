// Values with several contractions below one sum, in every order of rename, projection, heads and norm: the gradients
// that come of one input used in several ways. Plans are made and interpreted while the test runs; they mean what the
// graphs mean.
// options: -O0 -DHEED_UNOPTIMISED
#include <boost/test/unit_test.hpp>
#include "heed/block/activation.hpp"
#include "heed/block/heads.hpp"
#include "heed/block/mask.hpp"
#include "heed/block/norm.hpp"
#include "heed/graph/gradient.hpp"
#include "planned.hpp"
using namespace heed;
using namespace heed::internal;

namespace {
constexpr axis<"n"> n;
constexpr axis<"m"> m;
constexpr axis<"t"> t;
constexpr axis<"c", 4> c;
constexpr axis<"d", 3> d;
constexpr axis<"e", 3> e;
constexpr axis<"h", 2> h;
constexpr axis<"w", 2> w;
constexpr axis<"o", 4> o;
constexpr axis<"f", 3> f;
constexpr axis<"four", 4> four;
const std::map<std::string, extent_t> extents = {{"n", 4}, {"m", 4}, {"t", 4}, {"s", 3}};

constexpr auto x = input<"x">(n, c);
constexpr auto y = input<"y">(m, c);
constexpr auto wq = input<"wq">(d, c);
constexpr auto wk = input<"wk">(d, c);
constexpr auto wv = input<"wv">(e, c);
constexpr auto back = input<"back">(c, e);
constexpr auto back_d = input<"back_d">(c, d);
constexpr auto f3 = input<"f3">(f, d);
constexpr auto hq = input<"hq">(o, c);
constexpr auto hk = input<"hk">(o, c);
constexpr auto hv = input<"hv">(o, c);
constexpr auto ho = input<"ho">(c, o);

template <result_list R> void check(const char* name, const std::string& kinds = "") {
  const auto p = heed_tests::planned<R>();
  BOOST_TEST_REQUIRE(bool(p->fault == plan::plan_fault::none));
  BOOST_TEST(!heed_tests::stores_pairs(*p),
             name << " (" << heed_tests::kinds(*p) << "): memory over pairs of positions");
  if (kinds != "") BOOST_TEST(heed_tests::kinds(*p) == kinds);
  const std::string wrong = heed_tests::difference(*p, R, extents);
  BOOST_TEST(wrong == "", name << " (" << heed_tests::kinds(*p) << "): " << wrong);
}
#define CHECK(R, ...) check<R>(#R __VA_OPT__(, ) __VA_ARGS__)

// Self-attention: where the name changes must not matter.
constexpr auto xm = rename<n, m>(x);
constexpr auto renamed_first = attention<d, m>(project<c>(x, wq), project<c>(xm, wk), project<c>(xm, wv));
constexpr auto renamed_last =
    attention<d, m>(project<c>(x, wq), rename<n, m>(project<c>(x, wk)), rename<n, m>(project<c>(x, wv)));
constexpr auto renamed_once = attention<d, m>(project<c>(x, wq), project<c>(xm, wk), rename<n, m>(project<c>(x, wv)));
constexpr auto tied = attention<d, m>(project<c>(x, wq), project<c>(xm, wq), project<c>(xm, wq));
constexpr auto normed_first = [] {
  const auto z = rms_norm<c>(x);
  return x + project<e>(
                 attention<d, m>(project<c>(z, wq), project<c>(rename<n, m>(z), wk), project<c>(rename<n, m>(z), wv)),
                 back);
}();
constexpr auto normed_behind = [] {
  return x + project<e>(attention<d, m>(project<c>(rms_norm<c>(x), wq), project<c>(rms_norm<c>(xm), wk),
                                        project<c>(rms_norm<c>(xm), wv)),
                        back);
}();
constexpr auto cross = attention<d, m>(project<c>(x, wq), project<c>(y, wk), project<c>(y, wv));
constexpr auto out_of(const auto& z, const auto& zm) {  // a block of several heads
  const auto in_heads = [](const auto& projected) { return split_heads<o, h, w>(projected); };
  return project<o>(merge_heads<h, w, o>(attention<w, m>(in_heads(project<c>(z, hq)), in_heads(project<c>(zm, hk)),
                                                         in_heads(project<c>(zm, hv)), causal(n, m))),
                    ho);
}
constexpr auto one_block = x + out_of(x, xm);
constexpr auto two_blocks = one_block + out_of(rms_norm<c>(one_block), rename<n, m>(rms_norm<c>(one_block)));
constexpr auto named_last = [] {
  const auto in_heads = [](const auto& projected) { return split_heads<o, h, w>(projected); };
  return attention<w, m>(in_heads(project<c>(x, hq)), rename<n, m>(in_heads(project<c>(x, hk))),
                         rename<n, m>(in_heads(project<c>(x, hv))), causal(n, m));
}();

// Weights on both sides; two projections that are added, multiplied, gated, normed.
constexpr auto net(const auto& z) { return project<d>(silu(project<c>(z, wk)), f3); }
constexpr auto both_sides = sum<n, m>(tanh(dot<f>(net(x), net(y))));
constexpr auto added = tanh(project<c>(x, wq) + project<c>(tanh(x), wk)) * project<c>(x, wv);
constexpr auto three_added =
    project<c>(x, wq) + project<c>(tanh(x), wq) + silu(project<c>(x * x, wq)) * project<c>(x, wq);
constexpr auto gated = project<d>(silu(project<c>(x, wq)) * project<c>(x, wk), back_d) +
                       project<d>(silu(project<c>(rms_norm<c>(x), wq)), back_d);

// Partial results of two ranges of keys, merged by their log-sum-exps.
constexpr auto key = input<"key">(m, d);
constexpr auto value = input<"value">(m, e);
constexpr auto key2 = input<"key2">(t, d);
constexpr auto value2 = input<"value2">(t, e);
constexpr auto split_keys = [] {
  const auto query = project<c>(x, wq);
  const auto s1 = scaled_dot<d>(query, key);
  const auto s2 = scaled_dot<d>(query, key2);
  const auto l1 = logsumexp<m>(s1), l2 = logsumexp<t>(s2), top = max(l1, l2);
  const auto w1 = exp(l1 - top), w2 = exp(l2 - top);
  return (w1 * dot<m>(softmax<m>(s1), value) + w2 * dot<t>(softmax<t>(s2), value2)) / (w1 + w2);
}();

// Triangle attention: pairs attend along one of their sides, with a bias from the third.
constexpr auto pair = input<"pair">(n, m, c);
constexpr auto triangle = [] {
  const auto z = rms_norm<c>(pair);
  const auto zt = rename<m, t>(z);
  const auto bias = rename<n, m>(rename<m, t>(dot<c>(z, input<"wb">(c))));
  return dot<t>(softmax<t>(scaled_dot<d>(project<c>(z, wq), project<c>(zt, wk)) + bias), project<c>(zt, wv));
}();

// Attention without softmax: Performer's features, and states that are read, changed and written position by position.
constexpr auto performer = [] {
  const auto features = [](const auto& z) { return exp(project<c>(z, input<"omega">(f, c)) - 0.5 * sum<c>(z * z)); };
  const auto fq = features(x);
  const auto fk = features(xm);
  const auto state = dot<m>(fk, project<c>(xm, wv));
  return dot<f>(fq, state) / dot<f>(fq, sum<m>(fk));
}();
constexpr auto at(const auto& z, int i) { return gather<four>(z, i); }
constexpr auto delta_rule = [] {
  const auto z = input<"z">(four, c);
  const auto keys = project<c>(z, wk);
  const auto values = project<c>(z, wv);
  const auto queries = project<c>(z, wq);
  const auto s0 = at(values, 0) * at(keys, 0);
  const auto s1 = s0 + (at(values, 1) - dot<d>(s0, at(keys, 1))) * at(keys, 1);
  const auto s2 = s1 + (at(values, 2) - dot<d>(s1, at(keys, 2))) * at(keys, 2);
  return dot<d>(s2, at(queries, 2)) + dot<d>(s1, at(queries, 1));
}();

// A contraction on the way to a value that a region computes again from it.
constexpr axis<"s"> s;
constexpr auto weighed_twice = [] {
  const auto k5 = input<"k5">(s, c, d);
  const auto pr = softmax<c>(dot<d>(input<"q5">(n, d), k5));
  return dot<c>(pr * (input<"b5">(s, n) * dot<e>(input<"c5">(n, e), input<"p5">(s, n, e))), k5);
}();

constexpr axis<"g", 2> g;
constexpr auto mix = input<"mix">(h, g);
constexpr auto queries = input<"queries">(g, n, d);
constexpr auto head_keys = input<"head_keys">(g, m, d);
constexpr auto mixed_before = dot<m>(softmax<m>(dot<g>(mix, scaled_dot<d>(queries, head_keys))), value);
constexpr auto mixed_behind = dot<m>(dot<g>(mix, softmax<m>(mask(scaled_dot<d>(queries, head_keys), m <= n))), value);
constexpr axis<"z", 9> distance;
constexpr auto relative = input<"relative">(distance, c);
constexpr auto embedded_distances =
    dot<m>(softmax<m>(scaled_dot<c>(x, y) + dot<c>(x, gather<distance>(relative, n - m + 4))), value);
constexpr auto ranked = [] {
  const auto score = dot<c>(x, y);
  return dot<m>(softmax<m>(mask(score, sum<t>(where(rename<m, t>(score) > score, 1, 0)) < 2)), value);
}();
}  // namespace

BOOST_AUTO_TEST_CASE(self_attention_in_every_order) {
  CHECK((gradient<renamed_first>(wrt(x, wq, wk, wv))));
  CHECK((gradient<renamed_last>(wrt(x, wq, wk, wv))));
  CHECK((gradient<renamed_once>(wrt(x, wq, wk, wv))));
  CHECK((gradient<tied>(wrt(x, wq))));
  CHECK((gradient<normed_first>(wrt(x, wk, back))));
  CHECK((gradient<normed_behind>(wrt(x, wk, back))));
  CHECK((gradient<cross>(wrt(x, y, wk))));
  CHECK((gradient<one_block>(wrt(x, hk, ho))));
  CHECK((gradient<two_blocks>(wrt(x, hk, ho))));
  CHECK((gradient<named_last>(wrt(x, hk))));
}
BOOST_AUTO_TEST_CASE(several_contractions_below_one_sum) {
  CHECK((gradient<both_sides>(wrt(wk, f3))));
  CHECK((gradient<added>(wrt(x, wq))));
  CHECK((gradient<three_added>(wrt(x, wq))));
  CHECK((gradient<gated>(wrt(x, wq, back_d))));
  CHECK((results(three_added, gradient<three_added>(wrt(x)))));
}
BOOST_AUTO_TEST_CASE(other_attention) {
  CHECK((gradient<split_keys>(wrt(x, wq, key, value2))));
  CHECK((results(triangle)), "rmmmms");
  CHECK((gradient<triangle>(wrt(pair, wk))), "rmmmmsrgmmmmr");
  CHECK((gradient<performer>(wrt(x, wv))));
  CHECK((gradient<delta_rule>(wrt(wk, wv, wq))));
}
BOOST_AUTO_TEST_CASE(contractions_that_regions_read_below_their_summit) { CHECK((results(weighed_twice))); }
// No memory over pairs of positions: heads that are mixed before the softmax, distances that are embedded, weights that
// are mixed behind it (which is the values mixed).
BOOST_AUTO_TEST_CASE(values_over_pairs) {
  CHECK((results(mixed_before)), "rrs");  // one deep contraction
  CHECK((results(embedded_distances)), "s");
  CHECK((results(mixed_behind)), "sm");  // the heads of values are mixed, not those of weights
  CHECK((gradient<mixed_before>(wrt(mix, queries))));
  CHECK((gradient<embedded_distances>(wrt(x))));
  CHECK((results(ranked)), "l");
}
