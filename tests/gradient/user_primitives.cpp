// Operations of a user's: fused against formulas written out by hand, in float and double, forward and backward; first
// and second derivatives against central differences; absent operands, masks, text.
// options: -O0 -DHEED_UNOPTIMISED
// labels: meaning
#include "against_reference.hpp"
#include "user_primitives.hpp"
using namespace heed_tests;

namespace {
constexpr axis<"h", 2> h;
constexpr axis<"n"> n;
constexpr axis<"m"> m;
constexpr axis<"d", 8> d;
constexpr axis<"e", 4> e;
constexpr axis<"o", 12> o;

// sin and cos, lane by lane: each is the derivative of the other.
struct cosine;
struct sine {
  static constexpr auto name = "sine";
  static auto value(auto x) {
    for (int i = 0; i < x.lanes; ++i) x.x[i] = std::sin(x.x[i]);
    return x;
  }
  static constexpr auto derivative(const auto& x) { return primitive<cosine>(x); }
};
struct cosine {
  static constexpr auto name = "cosine";
  static auto value(auto x) {
    for (int i = 0; i < x.lanes; ++i) x.x[i] = std::cos(x.x[i]);
    return x;
  }
  static constexpr auto derivative(const auto& x) { return -primitive<sine>(x); }
};
struct half {  // the derivative is a number
  static constexpr auto name = "half";
  static auto value(const auto& x) { return 0.5 * x; }
  static constexpr auto derivative(const auto&) { return 0.5; }
};
struct unbounded_square {  // nothing is known of it on an interval, and it has no derivative
  static constexpr auto name = "unbounded_square";
  static auto value(const auto& x) { return x * x; }
};

// A score changed by primitives and by the formulas they stand for.
template <class T, bool Own> struct block {
  static constexpr auto q = input<"q", T>(h, n, d);
  static constexpr auto k = input<"k", T>(h, m, d);
  static constexpr auto v = input<"v", T>(h, m, e);
  static constexpr auto slope = input<"slope", T>(h);
  static constexpr auto w = input<"w", T>(o, e);
  static constexpr auto w2 = input<"w2", T>(e, o);
  static constexpr auto relu2(const auto& x) {
    if constexpr (Own) return primitive<squared_relu>(x);
    else return max(x, 0) * max(x, 0);
  }
  static constexpr auto gated(const auto& x, const auto& beta) {
    if constexpr (Own) return primitive<swish>(x, beta);
    else return x * sigmoid(beta * x);
  }
  static constexpr auto s = scaled_dot<d>(q, k);
  static constexpr auto out = dot<m>(softmax<m>(mask(relu2(s) - gated(s, slope), relu2(n - m) < 50)), v);
  static constexpr auto mlp = out + dot<o>(relu2(gated(dot<e>(out, w), 1.5)), w2);
  static constexpr auto backward = gradient<mlp>(wrt(q, k, v, slope, w, w2));
};
template <class T> struct memory {
  tensor<T> O{2, 29, 4}, dQ{2, 29, 8}, dK{2, 27, 8}, dV{2, 27, 4}, dS{2}, dW{12, 4}, dW2{4, 12};
};
template <class T, class B, class R, class Fuse, class Back> void run(const Fuse& forward, const Back& back, R& r) {
  const tensor<T> Q = filled<T>(1, 1, {2, 29, 8}), K = filled<T>(2, 1, {2, 27, 8}), V = filled<T>(3, 1, {2, 27, 4}),
                  S = filled<T>(4, 1, {2}), W = filled<T>(5, 1, {12, 4}), W2 = filled<T>(6, 1, {4, 12}),
                  dO = filled<T>(7, 1, {2, 29, 4});
  forward(B::q = Q, B::k = K, B::v = V, B::slope = S, B::w = W, B::w2 = W2, into(r.O));
  back(B::q = Q, B::k = K, B::v = V, B::slope = S, B::w = W, B::w2 = W2, cotangent<B::mlp> = dO,
       into(grad(B::q) = r.dQ, grad(B::k) = r.dK, grad(B::v) = r.dV, grad(B::slope) = r.dS, grad(B::w) = r.dW,
            grad(B::w2) = r.dW2));
}
template <class T> void check_block(double unit) {
  using own = block<T, true>;
  using written = block<T, false>;
  memory<T> got;
  memory<double> oracle, formulas;
  run<T, own>(fuse<own::mlp, strict>, fuse<own::backward, strict>, got);
  run<T, own>(reference<own::mlp>, reference<own::backward>, oracle);
  run<T, written>(reference<written::mlp>, reference<written::backward>, formulas);
  const auto check = [&](const char* name, const auto& g, const auto& a, const auto& b) {
    BOOST_TEST(!mostly_zero(b), name);
    BOOST_TEST(worst_units(a, b, 1e-12 * largest(b)) <= 1,
               name << ": the oracle is " << worst_units(a, b, 1e-12 * largest(b)) << " off");
    BOOST_TEST(worst_units(g, b, unit * largest(b)) <= 1,
               name << ": fused is " << worst_units(g, b, unit * largest(b)) << " off");
  };
  check("O", got.O, oracle.O, formulas.O), check("dQ", got.dQ, oracle.dQ, formulas.dQ),
      check("dK", got.dK, oracle.dK, formulas.dK);
  check("dV", got.dV, oracle.dV, formulas.dV), check("dS", got.dS, oracle.dS, formulas.dS);
  check("dW", got.dW, oracle.dW, formulas.dW), check("dW2", got.dW2, oracle.dW2, formulas.dW2);
}

constexpr auto x = input<"x", double>(n);
constexpr auto y = input<"y", double>();
constexpr auto wave =
    sum<n>(primitive<sine>(x * y) * primitive<swish>(x, y) + primitive<half>(x) * primitive<squared_relu>(x) * x);
constexpr auto first = gradient<wave>(wrt(x, y));
constexpr auto second = gradient<first>(wrt(x, y));
}  // namespace

BOOST_AUTO_TEST_CASE(float_block) { check_block<float>(1e-5); }
BOOST_AUTO_TEST_CASE(double_block) { check_block<double>(1e-13); }

BOOST_AUTO_TEST_CASE(derivatives_against_central_differences) {
  std::vector<double> X = {0.7, -1.2, 2.1, 0.3, -0.4}, C = {1, -2, 0.5, 3, -1}, dX(5), ddX(5);
  double Y = 0.8, dY = 0, ddY = 0;
  const auto loss = [&] {
    double r = 0;
    reference<wave>(x = X, y = Y, into(r));
    return r;
  };
  const auto slope_along = [&] {  // of which `second` is the gradient
    std::vector<double> a(5);
    double b = 0, r = 0;
    fuse<first>(x = X, y = Y, into(a, b));
    for (std::size_t i = 0; i < 5; ++i) r += a[i] * C[i];
    return r + b;  // a number has no cotangent
  };
  const auto difference = [](double& at, const auto& f) {
    const double was = at, step = 1e-6;
    const double above = (at = was + step, f()), below = (at = was - step, f());
    at = was;
    return (above - below) / (2 * step);
  };
  fuse<first>(x = X, y = Y, into(dX, dY));
  fuse<second>(x = X, y = Y, cotangent<first, 0> = C, into(ddX, ddY));
  for (std::size_t i = 0; i < 5; ++i) {
    BOOST_TEST(std::fabs(difference(X[i], loss) - dX[i]) < 1e-8);
    BOOST_TEST(std::fabs(difference(X[i], slope_along) - ddX[i]) < 1e-8);
  }
  BOOST_TEST(std::fabs(difference(Y, loss) - dY) < 1e-8);
  BOOST_TEST(std::fabs(difference(Y, slope_along) - ddY) < 1e-8);
}

// What is absent stays absent through a primitive, which makes no 0 of it.
BOOST_AUTO_TEST_CASE(absent_operands) {
  static constexpr auto z = input<"z">(n);
  static constexpr auto outside = sum<n>(primitive<cosine>(mask(z, n < 2)));
  static constexpr auto grad_z = gradient<outside>(wrt(z));
  const float Z[] = {0, 0, NAN, INFINITY};
  float total = 0, dZ[] = {7, 7, 7, 7};
  fuse<outside>(z = Z, into(total));
  fuse<grad_z>(z = Z, into(dZ));
  BOOST_TEST(total == 2);
  for (const float g : dZ) BOOST_TEST(g == 0);
}

// A mask that reads a primitive falls on tiles by its bounds, as the formula does; without bounds no tile is known, so
// that every one is looked at: those that nobody sees are found, those that all see are not.
BOOST_AUTO_TEST_CASE(masks_by_bounds) {
  using own = block<float, true>;
  const auto tiles = [](const std::string& text) {
    const std::size_t from = text.find("mask    "), to = text.find('\n', from);
    BOOST_TEST_REQUIRE(from != std::string::npos, text);
    return text.substr(from, to - from);
  };
  static constexpr auto score = scaled_dot<d>(own::q, own::k);
  static constexpr auto by_formula =
      dot<m>(softmax<m>(mask(score, max(cast<float>(n - m), 0) * max(cast<float>(n - m), 0) < 50)), own::v);
  static constexpr auto by_bounds = dot<m>(softmax<m>(mask(score, primitive<squared_relu>(n - m) < 50)), own::v);
  static constexpr auto by_nothing =
      dot<m>(softmax<m>(mask(score, primitive<unbounded_square>(max(n - m, 0)) < 50)), own::v);
  const std::string bounded = tiles(explain<by_bounds>(with(n, 500), with(m, 500)));
  BOOST_TEST(bounded == tiles(explain<by_formula>(with(n, 500), with(m, 500))));
  BOOST_TEST(bounded.find(" 0 (0 %) empty") == std::string::npos, bounded);
  const std::string unknown = tiles(explain<by_nothing>(with(n, 500), with(m, 500)));
  BOOST_TEST(unknown.find("; 0 (0 %) full") != std::string::npos, unknown);
  const auto empty = [](const std::string& text) { return text.substr(0, text.find(" empty")); };
  BOOST_TEST(empty(unknown) == empty(bounded));
  BOOST_TEST(unknown != bounded);
  const tensor<float> Q = filled<float>(1, 1, {2, 100, 8}), K = filled<float>(2, 1, {2, 90, 8}),
                      V = filled<float>(3, 1, {2, 90, 4});
  tensor<float> a(2, 100, 4), b(2, 100, 4), c(2, 100, 4);
  fuse<by_formula>(own::q = Q, own::k = K, own::v = V, into(a));
  fuse<by_bounds>(own::q = Q, own::k = K, own::v = V, into(b));
  fuse<by_nothing>(own::q = Q, own::k = K, own::v = V, into(c));
  BOOST_TEST(std::equal(a.begin(), a.end(), b.begin(), b.end()));
  tensor<double> want(2, 100, 4);
  reference<by_formula>(own::q = Q, own::k = K, own::v = V, into(want));
  BOOST_TEST(worst_units(c, want, 1e-5 * largest(want)) <= 1);
}

BOOST_AUTO_TEST_CASE(two_primitives_are_two) {
  static constexpr auto same = primitive<sine>(x) - primitive<sine>(x),
                        other = primitive<sine>(x) - primitive<cosine>(x);
  BOOST_TEST(same.g.size + 1 == other.g.size);  // nothing, x, sine, (cosine,) the difference
  std::vector<double> X = {0, 1}, r(2);
  fuse<other>(x = X, into(r));
  BOOST_TEST((std::fabs(r[0] + 1) < 1e-15 && std::fabs(r[1] - std::sin(1.) + std::cos(1.)) < 1e-15));
  // Regions that differ in their primitives alone are not compiled as one.
  static constexpr auto one = sum<n>(primitive<sine>(x)), two = sum<n>(primitive<cosine>(x));
  double s = 7, c = 7;
  fuse<results(one, two)>(x = X, into(s, c));
  BOOST_TEST((std::fabs(s - std::sin(1.)) < 1e-15 && std::fabs(c - 1 - std::cos(1.)) < 1e-15));
}

BOOST_AUTO_TEST_CASE(as_text) {
  using own = block<float, true>;
  const std::string text = explain<own::out>(), boxes = drawing<own::mlp>(), all = passes<own::out>();
  BOOST_TEST(text.find("1.4427 * squared_relu(tile) - 1.4427 * swish(tile, slope)") != std::string::npos, text);
  BOOST_TEST(text.find("keeps       squared_relu(n - m) < 50") != std::string::npos, text);
  BOOST_TEST(boxes.find("squared_relu(swish(") != std::string::npos, boxes);
  BOOST_TEST(all.find("= swish(#") != std::string::npos, all);
  BOOST_TEST(all.find("= swish(%") != std::string::npos, all);
}
