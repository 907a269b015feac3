// Running sums against direct loops in double: both directions, lanes along the axis and across it, at drawn extents
// and strides, with what is absent, with what is computed on the way to them and behind them; long ones, whose rounding
// must not grow; whole numbers; the same bits for any number of threads, alone or in a batch.
// options: -O1
// options-sanitized: -O0 -DHEED_UNOPTIMISED
// labels: widths
#include "against_reference.hpp"
#include "drawn_operand.hpp"
#include <cstring>
#include <functional>
#include <map>
#include <omp.h>
using namespace heed_tests;

namespace {
constexpr axis<"b"> b;
constexpr axis<"n"> n;
constexpr axis<"c"> c;
template <class T> struct graphs {
  static constexpr auto x = input<"x", T>(b, n, c);
  static constexpr auto scale = input<"scale", T>(c);
  static constexpr auto length = input<"length", std::int32_t>(b);
  static constexpr auto along = running_sum<c>(x);
  static constexpr auto along_back = running_sum<c>(x, from_the_end);
  static constexpr auto across = running_sum<n>(x);
  static constexpr auto across_back = running_sum<n>(x, from_the_end);
  static constexpr auto kept = 2 * running_sum<n>(mask(x * scale, n < length)) - scale;
  static constexpr auto kept_along = running_sum<c>(mask(x * x, c < length), from_the_end) / 4;
  static constexpr auto shares = running_sum<c>(softmax<c>(x));
};

// At every index the sum of f at what lies up to it (from it on) along axis 1 or 2.
using reader = std::function<double(extent_t, extent_t, extent_t)>;
struct summed {
  reader f;
  int axis;
  bool back;
  extent_t length;
  double operator()(extent_t i, extent_t j, extent_t k) const {
    double total = 0;
    const extent_t at = axis == 1 ? j : k, first = back ? at : 0, last = back ? length - 1 : at;
    for (extent_t t = first; t <= last; ++t) total += axis == 1 ? f(i, t, k) : f(i, j, t);
    return total;
  }
};
template <class T> class problem {
 public:
  explicit problem(unsigned seed)
      : random_(seed),
        extents_{draw(random_, 1, 3), pick(random_, sizes),
                 chance(random_, 4) ? draw(random_, 60, 200) : pick(random_, sizes)},
        X_(random_, extents_),
        S_(random_, {extents_[2]}) {
    std::normal_distribution<double> normal(0.1, 1);
    X_.each([&](T& v) { v = T(normal(random_)); });
    S_.each([&](T& v) { v = T(normal(random_)); });
    for (extent_t i = 0; i < extents_[0]; ++i) lengths_.push_back(draw(random_, -1, 40));
  }
  void check() {
    using G = graphs<T>;
    const reader x = [&](extent_t i, extent_t j, extent_t k) { return double(X_(i, j, k)); };
    const reader scaled = [&](extent_t i, extent_t j, extent_t k) {
      return j < lengths_[std::size_t(i)] ? x(i, j, k) * double(S_(k)) : 0;
    };
    const reader squared = [&](extent_t i, extent_t j, extent_t k) {
      return k < lengths_[std::size_t(i)] ? x(i, j, k) * x(i, j, k) : 0;
    };
    std::map<std::pair<extent_t, extent_t>, double> totals;
    each([&](extent_t i, extent_t j, extent_t k) { totals[{i, j}] += std::exp(x(i, j, k)); });
    const reader weight = [&](extent_t i, extent_t j, extent_t k) { return std::exp(x(i, j, k)) / totals[{i, j}]; };
    const extent_t N = extents_[1], C = extents_[2];
    const auto O = out();
    fuse<G::along, strict>(G::x = X_.bind(), into(O.bind()));
    expect("along", O, summed{x, 2, false, C});
    fuse<G::along_back, strict>(G::x = X_.bind(), into(O.bind()));
    expect("along, from the end", O, summed{x, 2, true, C});
    fuse<G::across, strict>(G::x = X_.bind(), into(O.bind()));
    expect("across", O, summed{x, 1, false, N});
    fuse<G::across_back, strict>(G::x = X_.bind(), into(O.bind()));
    expect("across, from the end", O, summed{x, 1, true, N});
    fuse<G::kept, strict>(G::x = X_.bind(), G::scale = S_.bind(), G::length = lengths_, into(O.bind()));
    expect(
        "masked, scaled", O,
        [&, sum = summed{scaled, 1, false, N}](extent_t i, extent_t j, extent_t k) {
          return 2 * sum(i, j, k) - double(S_(k));
        },
        16);
    fuse<G::kept_along, strict>(G::x = X_.bind(), G::length = lengths_, into(O.bind()));
    expect("masked along, from the end", O,
           [&, sum = summed{squared, 2, true, C}](extent_t i, extent_t j, extent_t k) { return sum(i, j, k) / 4; });
    fuse<G::shares, strict>(G::x = X_.bind(), into(O.bind()));
    expect("of a softmax", O, summed{weight, 2, false, C}, 16);
  }

 private:
  static constexpr int lanes = heed::internal::simd::native_lanes<T>;
  static constexpr int sizes[] = {0, 1, 2, lanes - 1, lanes, lanes + 1, 4 * lanes - 1, 4 * lanes + 1, 7, 37};
  std::mt19937 random_;
  std::vector<extent_t> extents_;
  drawn_operand<T> X_, S_;
  std::vector<std::int32_t> lengths_;

  drawn_operand<T> out() { return {random_, extents_, layout_kind::no_broadcast}; }
  template <class F> void each(const F& f) const {
    for (extent_t i = 0; i < extents_[0]; ++i)
      for (extent_t j = 0; j < extents_[1]; ++j)
        for (extent_t k = 0; k < extents_[2]; ++k) f(i, j, k);
  }
  template <class F> void expect(const char* what, const drawn_operand<T>& got, const F& want, double units = 2) {
    double worst = 0;
    each([&](extent_t i, extent_t j, extent_t k) {
      const double w = want(i, j, k), unit = std::numeric_limits<T>::epsilon() * (4 + std::fabs(w));
      const double off = std::fabs(double(got(i, j, k)) - w) / unit;
      worst = off <= worst ? worst : off;
    });
    BOOST_TEST(worst <= (sizeof(T) == 4 ? units : 40), what << ", " << extents_[0] << " x " << extents_[1] << " x "
                                                            << extents_[2] << ": off by " << worst << " units");
    BOOST_TEST(got.gaps_are_untouched(), what);
  }
};
}  // namespace

BOOST_AUTO_TEST_CASE(against_loops) {
  for (unsigned seed = 0; seed < 24; ++seed) problem<float>(seed).check();
  for (unsigned seed = 24; seed < 32; ++seed) problem<double>(seed).check();
}

// 200000 logarithms of gates: summed in float they would be off by hundreds of units, and so would what is read of
// them.
BOOST_AUTO_TEST_CASE(long_sums_of_floats_are_rounded_once) {
  static constexpr auto f = input<"f">(n);
  static constexpr auto w = input<"w">(n, c);
  static constexpr auto total = running_sum<n>(f), back = running_sum<n>(f, from_the_end);
  static constexpr auto wide = running_sum<n>(w);
  constexpr extent_t N = 200000;
  tensor<float> F(N), U(N), D(N), W(N, 3), V(N, 3);
  for (extent_t i = 0; i < N; ++i) F(i) = -std::log(1.1f + float(i * 7919 % 1000) / 1000);
  for (extent_t i = 0; i < N; ++i) W(i, 0) = W(i, 2) = F(i), W(i, 1) = -F(i);
  fuse<total, strict>(f = F, into(U));
  fuse<back, strict>(f = F, into(D));
  fuse<wide, strict>(w = W, into(V));
  double up = 0, down = 0, worst = 0;
  for (extent_t i = 0; i < N; ++i)
    up += double(F(i)),
        worst = std::max({worst, std::fabs(U(i) / up - 1), std::fabs(V(i, 1) / up + 1), std::fabs(V(i, 2) / up - 1)});
  for (extent_t i = N; i-- > 0;) down += double(F(i)), worst = std::max(worst, std::fabs(D(i) / down - 1));
  BOOST_TEST(worst < 0.51 * std::numeric_limits<float>::epsilon());
}

BOOST_AUTO_TEST_CASE(whole_numbers_stay_whole) {
  static constexpr auto i = input<"i", std::int64_t>(n, c);
  static constexpr auto counts = running_sum<n>(i);
  static constexpr auto behind = running_sum<c>(i * 3, from_the_end);
  tensor<std::int64_t> I(50, 21);
  tensor<std::int64_t> A(50, 21), B(50, 21);
  for (std::size_t k = 0; k < I.size(); ++k) I[k] = std::int64_t(k * 40503 % 30000001) - 1500;
  fuse<counts, strict>(i = I, into(A));
  fuse<behind, strict>(i = I, into(B));
  bool same = true;
  for (extent_t k = 0; k < 21; ++k)
    for (std::int64_t j = 0, t = 0; j < 50; ++j) same = same && A(j, k) == (t += I(j, k));
  for (extent_t j = 0; j < 50; ++j)
    for (std::int64_t k = 20, t = 0; k >= 0; --k) same = same && B(j, k) == (t += 3 * I(j, k));
  BOOST_TEST(same);
}

// NaN reaches what lies behind it, and nothing before.
BOOST_AUTO_TEST_CASE(what_is_no_number_stays_on_its_side) {
  static constexpr auto f = input<"f">(n);
  static constexpr auto up = running_sum<n>(f), down = running_sum<n>(f, from_the_end);
  tensor<float> F(100), U(100), D(100);
  for (float& v : F) v = 1;
  F(41) = NAN;
  fuse<up, strict>(f = F, into(U));
  fuse<down, strict>(f = F, into(D));
  bool ok = true;
  for (int i = 0; i < 100; ++i)
    ok = ok && (i < 41 ? U(i) == float(i + 1) : std::isnan(U(i))) &&
         (i > 41 ? D(i) == float(100 - i) : std::isnan(D(i)));
  BOOST_TEST(ok);
}

BOOST_AUTO_TEST_CASE(the_same_bits_for_any_number_of_threads) {
  using G = graphs<float>;
  const tensor<float> X = filled<float>(3, 1, {3, 300, 150});
  tensor<float> one(3, 300, 150), many(3, 300, 150), alone(1, 300, 150);
  const int threads = omp_get_max_threads();
  const auto same = [&](const auto& sum) {
    omp_set_num_threads(1), sum(G::x = X, into(one));
    omp_set_num_threads(3), sum(G::x = X, into(many));
    const extent_t extents[] = {1, 300, 150}, strides[] = {45000, 150, 1};
    sum(G::x = heed::view<const float>{X.data() + 45000, extents, strides}, into(alone));
    return std::memcmp(one.data(), many.data(), one.size() * 4) == 0 &&
           std::memcmp(one.data() + 45000, alone.data(), alone.size() * 4) == 0;
  };
  BOOST_TEST(same(fuse<G::along>));
  BOOST_TEST(same(fuse<G::across_back>));
  omp_set_num_threads(threads);
}

// Whoever reads a running sum finds it stored: sums of it, views, other running sums, two readers.
BOOST_AUTO_TEST_CASE(what_reads_running_sums) {
  static constexpr auto x = input<"x">(n, c);
  static constexpr axis<"m"> m;
  static constexpr auto up = running_sum<n>(x);
  static constexpr auto twice = running_sum<n>(up);
  static constexpr auto both_ways = running_sum<c>(running_sum<n>(x) * 2, from_the_end);
  static constexpr auto exclusive = shift<n>(running_sum<n>(x), 1);
  static constexpr auto total = sum<n>(up * up);
  static constexpr auto spread = up - rename<n, m>(up);
  static constexpr auto normed = up / (1 + sum<c>(abs(up)));
  tensor<float> X = filled<float>(9, 1, {23, 40}), T(23, 40), B(23, 40), E(23, 40), S(40), P(23, 40, 23), N(23, 40);
  fuse<results(twice, both_ways, exclusive), strict>(x = X, into(T, B, E));
  fuse<results(total, spread, normed), strict>(x = X, into(S, P, N));
  std::vector<double> u(23 * 40), t(23 * 40);
  double worst = 0;
  const auto off = [&](double got, double want) {
    worst = std::max(worst, std::fabs(got - want) / (1 + std::fabs(want)));
  };
  for (int k = 0; k < 40; ++k)
    for (int i = 0; i < 23; ++i) {
      u[std::size_t(i * 40 + k)] = X(i, k) + (i ? u[std::size_t(i * 40 - 40 + k)] : 0);
      t[std::size_t(i * 40 + k)] = u[std::size_t(i * 40 + k)] + (i ? t[std::size_t(i * 40 - 40 + k)] : 0);
    }
  for (int i = 0; i < 23; ++i) {
    double behind = 0, size = 1;
    for (int k = 0; k < 40; ++k) size += std::fabs(u[std::size_t(i * 40 + k)]);
    for (int k = 39; k >= 0; --k) {
      const double here = u[std::size_t(i * 40 + k)];
      behind += 2 * here;
      off(T(i, k), t[std::size_t(i * 40 + k)]), off(B(i, k), behind), off(N(i, k), here / size);
      off(E(i, k), i ? u[std::size_t(i * 40 - 40 + k)] : 0), off(P(i, k, 7), here - u[std::size_t(7 * 40 + k)]);
    }
  }
  for (int k = 0; k < 40; ++k) {
    double squares = 0;
    for (int i = 0; i < 23; ++i) squares += u[std::size_t(i * 40 + k)] * u[std::size_t(i * 40 + k)];
    off(S(k), squares);
  }
  BOOST_TEST(worst < 2e-6);
}
