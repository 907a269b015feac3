// Training in two calls: both passes of differentiable<out>(wrt(...)) against the oracle, what lies between them, and
// calls in the wrong order.
// options: -O0 -DHEED_UNOPTIMISED
// labels: sanitized
#include "against_reference.hpp"
#include "graphs.hpp"
#include <boost/test/unit_test.hpp>
#include <tuple>
using namespace heed;
using namespace heed::internal;

namespace {
using namespace heed_tests::graphs;
using extents_by_name = std::map<std::string, extent_t>;

template <const auto&... Inputs> struct list {};

// An operand for an input, with values that follow from its name.
template <const auto& Input> auto drawn(const extents_by_name& given) {
  using I = std::remove_cvref_t<decltype(Input)>;
  std::vector<extent_t> extents;
  for (int i = 0; i < I::shape_type::rank; ++i) {
    const axis_entry& a = value_of_shape<typename I::shape_type>.axes[std::size_t(i)];
    extents.push_back(a.extent != runtime ? a.extent : given.at(a.name.text()));
  }
  tensor<storage<I::type>> t{std::span<const extent_t>(extents)};
  const std::string name = make_label(I::name).text();
  std::mt19937 random{unsigned(name.front()) * 131u + unsigned(name.size())};
  for (auto& x : t)
    if constexpr (is_real(I::type)) x = storage<I::type>(double(random() % 2001) / 1000 - 1);
    else x = storage<I::type>(random() % 6);
  return t;
}
template <class T> tensor<T> of_shape(const shape_value& s, const extents_by_name& given, unsigned seed) {
  std::vector<extent_t> extents;
  for (int i = 0; i < s.rank; ++i)
    extents.push_back(s.axes[std::size_t(i)].extent != runtime ? s.axes[std::size_t(i)].extent
                                                               : given.at(s.axes[std::size_t(i)].name.text()));
  tensor<T> t{std::span<const extent_t>(extents)};
  std::mt19937 random(seed);
  for (T& x : t) x = T(double(random() % 2001) / 1000 - 1);
  return t;
}

template <class T> void compare(const std::string& what, const tensor<T>& got, const tensor<double>& want) {
  int wrong = 0;
  for (std::size_t i = 0; i < got.size(); ++i) wrong += !alike(double(got[i]), want[i], 1e-4);
  BOOST_TEST(wrong == 0, what + ": " + std::to_string(wrong) + " of " + std::to_string(got.size()) + " wrong");
}

// Both passes at all sizes, the memory between them used again, against the oracle of the results and of their
// gradient.
template <result_list Out, options O, const auto&... Wrt, const auto&... Other>
void check(const std::string& name, list<Wrt...>, list<Other...>) {
  constexpr auto step = differentiable<Out, O>(wrt(Wrt...));
  constexpr bool loss = Out.of[0]->shape->rank == 0;
  constexpr auto each_result = std::make_index_sequence<std::size_t(Out.count)>{};
  auto kept = step.saved();
  for (const auto& given : sizes) {
    const auto operands = std::make_tuple(drawn<Wrt>(given)..., drawn<Other>(given)...);
    const auto bound = [&]<std::size_t... I>(std::index_sequence<I...>) {
      return [&](const auto& call) {
        return [&]<const auto&... In>(list<In...>) {
          return call((In = std::get<I>(operands))...);
        }(list<Wrt..., Other...>{});
      };
    }(std::make_index_sequence<sizeof...(Wrt) + sizeof...(Other)>{});
    const auto with_cotangents = [&]<std::size_t... K>(std::index_sequence<K...>) {
      return [&](const auto& call) {
        if constexpr (loss) call();
        else {
          const auto cotangents = std::make_tuple(of_shape<float>(*Out.of[K]->shape, given, unsigned(K) + 1)...);
          call((cotangent<Out, int(K)> = std::get<K>(cotangents))...);
        }
      };
    }(each_result);
    [&]<std::size_t... K>(std::index_sequence<K...>) {
      auto got = std::make_tuple(of_shape<float>(*Out.of[K]->shape, given, 0)...);
      auto want = std::make_tuple(of_shape<double>(*Out.of[K]->shape, given, 0)...);
      bound([&](auto&&... in) { step.forward(kept, in..., into(std::get<K>(got)...)); });
      bound([&](auto&&... in) { reference<Out>(in..., into(std::get<K>(want)...)); });
      (compare(name + ", result " + std::to_string(K), std::get<K>(got), std::get<K>(want)), ...);
    }(each_result);
    [&]<std::size_t... K>(std::index_sequence<K...>) {
      auto got = std::make_tuple(drawn<Wrt>(given)...);
      auto want = std::make_tuple(
          of_shape<double>(value_of_shape<typename std::remove_cvref_t<decltype(Wrt)>::shape_type>, given, 0)...);
      bound([&](auto&&... in) {
        with_cotangents([&](auto&&... dy) {
          step.backward(kept, in..., dy..., into(std::get<K>(got)...));
          reference<gradient<Out>(wrt(Wrt...))>(in..., dy..., into(std::get<K>(want)...));
        });
      });
      (compare(name + ", gradient " + std::to_string(K), std::get<K>(got), std::get<K>(want)), ...);
    }(std::make_index_sequence<sizeof...(Wrt)>{});
  }
}
#define CHECK(OUT, ...) check<results(OUT), strict>(#OUT, __VA_ARGS__)
#define CHECK_LOOPS(OUT, ...) check<results(OUT), options{}>(#OUT, __VA_ARGS__)

constexpr auto qg = input<"qg">(b, h, r, n, d);
constexpr auto w3 = input<"w3">(o, c);
constexpr auto sloped_lse = logsumexp<m>(mask(s + slope * (m - n), m <= n));
constexpr auto loss = mean<b, n, c>(attended * attended);
constexpr auto line = input<"line">(n);
constexpr auto wave = sum<n>(tanh(line * line) * line);
constexpr auto grad_wave = gradient<wave>(wrt(line));
constexpr auto twice = tanh(attended) + attended;
}  // namespace

BOOST_AUTO_TEST_CASE(attention_in_two_passes) {
  CHECK(documents, list<k, v>{}, list<q, doc>{});
  CHECK(grouped, list<qg, k, v>{}, list<>{});
  CHECK(with_bias, list<dense, q>{}, list<k, v>{});
  CHECK(kept, list<gate, v>{}, list<q, k, keep_in>{});
  check<results(sloped, sloped_lse), strict>("sloped, lse", list<q, k, v, slope>{}, list<>{});
}
BOOST_AUTO_TEST_CASE(other_graphs_in_two_passes) {
  CHECK(gated_mlp, list<x, w, w3>{}, list<>{});
  CHECK(twice, list<x, w2>{}, list<w, bias_o, length>{});
  CHECK(own_mlp, list<x, w, w2>{}, list<bias_o>{});
  CHECK(loss, list<x, w, bias_o, w2>{}, list<length>{});
  CHECK(pooled, list<x>{}, list<length>{});
  check<grad_wave, strict>("a gradient", list<line>{}, list<>{});
  CHECK_LOOPS(weights, list<q, k>{}, list<>{});  // a result over pairs: its gradient needs it over pairs
}

namespace {
constexpr auto step = differentiable<past_only, strict>(wrt(q, k, v));
struct problem {
  tensor<float> Q, K, V, O, dO, dQ, dK, dV;
  explicit problem(extent_t count)
      : Q(heed_tests::filled<float>(1, 1, {1, 2, count, 4})),
        K(heed_tests::filled<float>(2, 1, {1, 2, count, 4})),
        V(heed_tests::filled<float>(3, 1, {1, 2, count, 3})),
        O(1, 2, count, 3),
        dO(heed_tests::filled<float>(4, 1, {1, 2, count, 3})),
        dQ(1, 2, count, 4),
        dK(1, 2, count, 4),
        dV(1, 2, count, 3) {}
  template <class Kept> void forward(Kept& kept) { step.forward(kept, q = Q, k = K, v = V, into(O)); }
  template <class Kept> void backward(const Kept& kept) {
    step.backward(kept, q = Q, k = K, v = V, cotangent<past_only> = dO, into(dQ, dK, dV));
  }
};
bool says(const error& e, const std::string& words) {
  BOOST_TEST_MESSAGE(e.what());
  return std::string(e.what()).find(words) != std::string::npos;
}
}  // namespace

BOOST_AUTO_TEST_CASE(what_is_kept_grows_with_the_positions) {
  auto kept = step.saved();
  BOOST_TEST(kept.bytes() == 0u);
  for (const extent_t count : {1, 40, 80, 0}) {  // weighted values of width 3 and a log-sum-exp for every head and
                                                 // query
    problem(count).forward(kept);
    BOOST_TEST(kept.bytes() == std::size_t(count) * 2 * (3 + 1) * sizeof(float));
  }
  BOOST_TEST(step.forward_results.count == 3);
}
BOOST_AUTO_TEST_CASE(the_backward_pass_computes_no_forward_score_again) {
  const plan::execution_plan& p = plan_for<step.backward_results>(std::make_index_sequence<3>{});
  for (int i = 0; i < p.region_count; ++i) BOOST_TEST(bool(p.regions[std::size_t(i)].kind != plan::region_kind::score));
}
BOOST_AUTO_TEST_CASE(gradients_by_name) {
  problem p(17);
  auto kept = step.saved();
  p.forward(kept);
  p.backward(kept);
  const tensor<float> byposition = p.dK;
  std::fill(p.dK.begin(), p.dK.end(), 7.f);
  step.backward(kept, q = p.Q, k = p.K, v = p.V, cotangent<past_only> = p.dO,
                into(grad(v) = p.dV, grad(k) = p.dK, grad(q) = p.dQ));
  BOOST_TEST(std::equal(byposition.begin(), byposition.end(), p.dK.begin()));
}
BOOST_AUTO_TEST_CASE(backward_as_often_as_one_likes) {
  problem p(33);
  auto kept = step.saved();
  p.forward(kept);
  p.backward(kept);
  const tensor<float> first = p.dQ;
  std::fill(p.dQ.begin(), p.dQ.end(), 7.f);
  p.backward(kept);
  BOOST_TEST(std::equal(first.begin(), first.end(), p.dQ.begin()));
  auto moved = std::move(kept);
  std::fill(p.dQ.begin(), p.dQ.end(), 7.f);
  p.backward(moved);
  BOOST_TEST(std::equal(first.begin(), first.end(), p.dQ.begin()));
}
BOOST_AUTO_TEST_CASE(calls_in_the_wrong_order) {
  problem p(5), longer(6);
  auto kept = step.saved();
  BOOST_CHECK_EXCEPTION(p.backward(kept), error, [](const error& e) {
    return says(e, "'saved': expected values that a forward call has kept, got none");
  });
  p.forward(kept);
  BOOST_CHECK_EXCEPTION(longer.backward(kept), error, [](const error& e) { return says(e, "saved"); });
  // A forward call that fails keeps nothing.
  tensor<float> wrong(1, 2, 5, 9);
  BOOST_CHECK_THROW(step.forward(kept, q = p.Q, k = p.K, v = wrong, into(p.O)), error);
  BOOST_CHECK_THROW(p.backward(kept), error);
  BOOST_TEST(kept.bytes() == 0u);
  // What has been moved away is gone.
  p.forward(kept);
  const auto taken = std::move(kept);
  BOOST_CHECK_THROW(p.backward(kept), error);
}
