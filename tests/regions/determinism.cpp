// The same bits from every kind of region: for any number of threads, run after run, alone or in a batch.
// options: -O0 -DHEED_UNOPTIMISED
// labels: meaning
#include "against_reference.hpp"
#include "attention_operands.hpp"
#include <cstring>
#include <omp.h>
using namespace heed_tests;

namespace {
constexpr axis<"c"> c;
constexpr axis<"o"> o;
constexpr auto qr = input<"qr">(b, h, r, n, d);
constexpr auto doc = input<"doc", std::int32_t>(b, z);
constexpr auto length = input<"length", std::int32_t>(b);
constexpr auto x = input<"x">(b, n, c);
constexpr auto w = input<"w">(o, c);
constexpr auto bias = input<"bias">(o);
constexpr auto s = dot<d>(q, k) / sqrt(size<d>);
constexpr auto full = dot<m>(softmax<m>(s), v);
constexpr auto kept = mask(s, causal(n, m) && same_document(doc, n, m) && n - m < 40 && padding(m, length));  // empty,
                                                                                                              // full
                                                                                                              // and
                                                                                                              // mixed
                                                                                                              // tiles
constexpr auto out = dot<m>(softmax<m>(kept), v);
constexpr auto lse = logsumexp<m>(kept);
constexpr auto grouped = dot<m>(softmax<m>(mask(dot<d>(qr, k) * 0.25, causal(n, m))), v);
constexpr auto back = gradient<results(out, lse)>(wrt(q, k, v));  // through masks of every kind of tile
constexpr auto activated = gelu(project<c>(x, w, bias));
constexpr auto normed = layer_norm<c>(x);
constexpr auto over_n = softmax<n>(x);
constexpr auto looped = dot<m>(softmax<m>(s) * 2, v);  // no score region takes this
constexpr auto w_back = input<"w_back">(c, o);
constexpr auto layer = x + dot<o>(activated, w_back);

// The shapes of all operands begin with the batch. computed(p, first, count) gives items first .. first + count.
struct problem {
  static constexpr extent_t B = 3, H = 2, N = 130, D = 24, E = 17, C = 65, O = 70;
  tensor<float> Q = filled<float>(1, 1, {B, H, N, D}), K = filled<float>(2, 1, {B, H, N, D}),
                V = filled<float>(3, 1, {B, H, N, E}), G = filled<float>(4, 1, {B, H, 3, N, D});
  tensor<float> X = filled<float>(5, 1, {B, N, C}), W = filled<float>(6, 0.2, {O, C}), A = filled<float>(7, 1, {O}),
                back = filled<float>(8, 0.2, {C, O});
  tensor<std::int32_t> docs{B, N}, lengths{B};
  problem() {
    for (std::size_t i = 0; i < docs.size(); ++i) docs[i] = std::int32_t(i % std::size_t(N)) / 37;
    for (std::size_t i = 0; i < 3; ++i) lengths[i] = std::int32_t(N) - 11 * std::int32_t(i);
  }
};
template <class T> heed::view<const T> items(const tensor<T>& t, extent_t first, extent_t count) {
  std::vector<extent_t> extents(t.extents().begin(), t.extents().end()),
      strides(t.strides().begin(), t.strides().end());
  extents[0] = count;
  return {t.data() + first * strides[0], std::span<const extent_t>(extents), std::span<const extent_t>(strides)};
}
using results_of_all = std::vector<tensor<float>>;
results_of_all computed(const problem& p, extent_t first, extent_t count) {
  using P = problem;
  const auto queries = items(p.Q, first, count), keys = items(p.K, first, count), values = items(p.V, first, count),
             groups = items(p.G, first, count), rows = items(p.X, first, count);
  const auto documents = items(p.docs, first, count);
  const auto lengths = items(p.lengths, first, count);
  results_of_all r;
  const auto to = [&](auto... extents) -> tensor<float>& { return r.emplace_back(count, extents...); };
  r.reserve(16);
  fuse<full, strict>(q = queries, k = keys, v = values, into(to(P::H, P::N, P::E)));
  tensor<float>& O = to(P::H, P::N, P::E);
  fuse<results(out, lse), strict>(q = queries, k = keys, v = values, doc = documents, length = lengths,
                                  into(O, to(P::H, P::N)));
  fuse<back, strict>(q = queries, k = keys, v = values, doc = documents, length = lengths,
                     cotangent<results(out, lse), 0> = heed::view<const float>(O.data(), {count, P::H, P::N, P::E}),
                     cotangent<results(out, lse), 1> = heed::view<const float>(r[2].data(), {count, P::H, P::N}),
                     into(to(P::H, P::N, P::D), to(P::H, P::N, P::D), to(P::H, P::N, P::E)));
  fuse<grouped, strict>(qr = groups, k = keys, v = values, into(to(P::H, 3, P::N, P::E)));
  fuse<activated, strict>(x = rows, w = p.W, bias = p.A, into(to(P::N, P::O)));
  fuse<normed, strict>(x = rows, into(to(P::N, P::C)));
  fuse<over_n, strict>(x = rows, into(to(P::N, P::C)));
  fuse<layer, strict>(x = rows, w = p.W, bias = p.A, w_back = p.back, into(to(P::N, P::C)));
  const auto corner = [&](const heed::view<const float>& t) {  // every element of it is a softmax of its own: few of
                                                               // them
    return heed::view<const float>(t.data, {count, 1, 9, 8}, {t.strides[0], t.strides[1], t.strides[2], 1});
  };
  fuse<looped>(q = corner(queries), k = corner(keys), v = corner(values), into(to(1, 9, 8)));
  return r;
}
constexpr const char* names[] = {
    "full",    "masked", "log-sum-exp", "queries' gradient", "keys' gradient", "values' gradient",
    "grouped", "matmul", "row",         "softmax across",    "layer",          "loop"};
}  // namespace

BOOST_AUTO_TEST_CASE(for_any_number_of_threads_and_again) {
  const problem p;
  omp_set_num_threads(1);
  const results_of_all want = computed(p, 0, p.B);
  for (const tensor<float>& t : want) BOOST_TEST(!mostly_zero(t));
  for (const int threads : {1, 2, 3, 5, 8, 16}) {
    omp_set_num_threads(threads);
    const results_of_all got = computed(p, 0, p.B);
    for (std::size_t i = 0; i < want.size(); ++i)
      BOOST_TEST(std::memcmp(got[i].data(), want[i].data(), want[i].size() * sizeof(float)) == 0,
                 std::string(names[i]) + " differs with " + std::to_string(threads) + " threads");
  }
}
BOOST_AUTO_TEST_CASE(alone_or_in_a_batch) {
  const problem p;
  omp_set_num_threads(2);
  const results_of_all want = computed(p, 0, p.B);
  for (extent_t first = 0; first < p.B; ++first) {
    const results_of_all got = computed(p, first, 1);
    for (std::size_t i = 0; i < want.size(); ++i)
      BOOST_TEST(std::memcmp(got[i].data(), want[i].data() + got[i].size() * std::size_t(first),
                             got[i].size() * sizeof(float)) == 0,
                 std::string(names[i]) + ": item " + std::to_string(first) + " alone differs from the batch");
  }
}
// A sequence is the same alone and behind padding, and a query whatever other queries there are.
BOOST_AUTO_TEST_CASE(alone_or_among_others) {
  static constexpr auto causal_out = dot<m>(softmax<m>(mask(s, causal(n, m))), v);
  const problem p;
  tensor<float> all(1, 2, 130, 17), some(1, 2, 71, 17);
  fuse<causal_out>(q = items(p.Q, 0, 1), k = items(p.K, 0, 1), v = items(p.V, 0, 1), into(all));
  const auto first_71 = [](const tensor<float>& t) {  // keys after the last query are seen by nobody
    return heed::view<const float>(t.data(), {1, 2, 71, t.extents()[3]},
                                   {t.strides()[0], t.strides()[1], t.strides()[2], 1});
  };
  fuse<causal_out>(q = first_71(p.Q), k = first_71(p.K), v = first_71(p.V), into(some));
  for (extent_t j = 0; j < 2; ++j)
    BOOST_TEST(std::memcmp(&some(0, j, 0, 0), &all(0, j, 0, 0), 71 * 17 * sizeof(float)) == 0);
}
