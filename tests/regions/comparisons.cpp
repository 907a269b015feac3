// A value compared with what is made of it, where the maximum is a result or the other side has another name: to the
// last bit the same value, whichever region computed it. What must come out is worked out by plain loops that look for
// the largest.
// options: -O0 -DHEED_UNOPTIMISED
// labels: meaning
#include "against_reference.hpp"
using namespace heed_tests;

namespace {
constexpr axis<"n"> n;
constexpr axis<"m"> m;
constexpr axis<"t"> t;
constexpr axis<"d", 3> d;
constexpr axis<"e", 2> e;
constexpr int N = 9, M = 6, D = 3;
template <class T> struct graphs {
  static constexpr auto q = input<"q", T>(n, d);
  static constexpr auto k = input<"k", T>(m, d);
  static constexpr auto v = input<"v", T>(m, e);
  static constexpr auto s = dot<d>(q, k) * 0.37;
  static constexpr auto top = max<m>(s);
  static constexpr auto hard = dot<m>(softmax<m>(mask(s, s == top)), v);
  static constexpr auto both = results(top, hard);
  static constexpr auto step = results(top, gradient<top>(wrt(q)));
  static constexpr auto rank = sum<t>(where(rename<m, t>(s) > s, 1, 0));  // how many scores of the row are larger
  static constexpr auto ranked = dot<m>(softmax<m>(mask(s, rank < 2)), v);
};

template <class T> struct data {
  tensor<T> Q = filled<T>(1, 1, {N, D}), K = filled<T>(2, 1, {M, D}), V = filled<T>(3, 1, {M, 2});
  double score(int i, int j) const {
    double r = 0;
    for (int l = 0; l < D; ++l) r += double(Q(i, l)) * double(K(j, l));
    return 0.37 * r;
  }
  std::vector<int> by_score(int i) const {  // keys, the one of the largest score first
    std::vector<int> r(M);
    for (int j = 0; j < M; ++j) r[std::size_t(j)] = j;
    std::sort(r.begin(), r.end(), [&](int a, int b) { return score(i, a) > score(i, b); });
    return r;
  }
};
bool near(double a, double b) { return std::fabs(a - b) < 1e-5 * (1 + std::fabs(b)); }

template <class T> void the_largest() {
  using g = graphs<T>;
  const data<T> x;
  tensor<T> top(N), hard(N, 2), largest(N), dQ(N, D), dT = filled<T>(4, 1, {N}), ranked(N, 2);
  fuse<g::both>(g::q = x.Q, g::k = x.K, g::v = x.V, into(top, hard));
  fuse<g::step>(g::q = x.Q, g::k = x.K, cotangent<g::top> = dT, into(largest, dQ));
  fuse<g::ranked>(g::q = x.Q, g::k = x.K, g::v = x.V, into(ranked));
  for (int i = 0; i < N; ++i) {
    const std::vector<int> key = x.by_score(i);
    const int j = key[0], second = key[1];
    BOOST_TEST(near(double(top(i)), x.score(i, j)));
    BOOST_TEST(near(double(largest(i)), x.score(i, j)));
    for (int l = 0; l < 2; ++l) BOOST_TEST(near(double(hard(i, l)), double(x.V(j, l))));
    for (int l = 0; l < D; ++l) BOOST_TEST(near(double(dQ(i, l)), 0.37 * double(dT(i)) * double(x.K(j, l))));
    const double a = std::exp(x.score(i, j)), b = std::exp(x.score(i, second));
    for (int l = 0; l < 2; ++l)
      BOOST_TEST(near(double(ranked(i, l)), (a * double(x.V(j, l)) + b * double(x.V(second, l))) / (a + b)));
  }
}
}  // namespace

// In the oracle too, whose numbers are doubles: what is compared is rounded as declared, and so is the least of it.
BOOST_AUTO_TEST_CASE(in_the_oracle) {
  static constexpr auto x = input<"x">(n);
  static constexpr auto made = gelu((n + 1) * x), y = made / (1 + made * made);
  static constexpr auto least = min<n>(y), largest = max<n>(y);
  static constexpr auto found = sum<n>(where(y == least, 1, 0)), found_too = sum<n>(where(y == largest, 1, 0));
  for (int draw = 0; draw < 40; ++draw) {
    const tensor<float> X = filled<float>(unsigned(draw), 1, {8});
    double one = 0, another = 0;
    reference<results(found, found_too)>(x = X, into(one, another));
    BOOST_TEST(one >= 1);
    BOOST_TEST(another >= 1);
  }
}
BOOST_AUTO_TEST_CASE(of_floats) { the_largest<float>(); }
BOOST_AUTO_TEST_CASE(of_doubles) { the_largest<double>(); }
