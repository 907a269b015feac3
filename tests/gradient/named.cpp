// Results named after the inputs they belong to: into(grad(v) = dV, grad(q) = dQ) gives the bits that positions give,
// in any order, behind operands without names, in nested lists, from the oracle; errors of a call say grad(q).
// options: -O0 -DHEED_UNOPTIMISED
// labels: meaning
#include "against_reference.hpp"
using namespace heed_tests;

namespace {
constexpr axis<"h"> h;
constexpr axis<"n"> n;
constexpr axis<"m"> m;
constexpr axis<"d", 8> d;
constexpr axis<"e", 4> e;
constexpr auto q = input<"q">(h, n, d);
constexpr auto k = input<"k">(h, m, d);
constexpr auto v = input<"v">(h, m, e);
constexpr auto slope = input<"slope">();
constexpr auto out = dot<m>(softmax<m>(mask(scaled_dot<d>(q, k) + slope * (m - n), causal(n, m))), v);
constexpr auto loss = sum<h, n, e>(out * out);
constexpr auto lse = logsumexp<m>(scaled_dot<d>(q, k));
constexpr auto evidence = sum<h, n>(lse * lse);
constexpr auto backward = gradient<out>(wrt(q, k, v, slope));
constexpr auto of_loss = gradient<loss>(wrt(slope, v));
constexpr auto step = results(loss, of_loss);
constexpr auto nested = results(results(lse, results(step)), gradient<evidence>(wrt(q)));
constexpr auto x = input<"sixteen_letters_", double>(n);
constexpr auto cubes = sum<n>(x * x * x);
constexpr auto first = gradient<cubes>(wrt(x));
constexpr auto second = gradient<first>(wrt(x));

constexpr extent_t H = 2, N = 21, M = 19;
template <class T> struct memory {
  tensor<T> dQ{H, N, 8}, dK{H, M, 8}, dV{H, M, 4}, L{H, N};
  T dS = 0, loss = 0;
};
struct operands : memory<float> {
  tensor<float> Q = filled<float>(1, 1, {H, N, 8}), K = filled<float>(2, 1, {H, M, 8}),
                V = filled<float>(3, 1, {H, M, 4}), dO = filled<float>(4, 1, {H, N, 4});
};
template <class T> void check_same(const tensor<T>& got, const tensor<T>& want) {
  BOOST_TEST(std::equal(got.begin(), got.end(), want.begin(), want.end()));
}
template <class T> void check_same(const memory<T>& got, const memory<T>& want) {
  check_same(got.dQ, want.dQ), check_same(got.dK, want.dK), check_same(got.dV, want.dV), check_same(got.L, want.L);
  BOOST_TEST((got.dS == want.dS && got.loss == want.loss));
}
// What a call throws, as the name of the operand.
template <class Call> std::string named_by(const Call& call) {
  try {
    call();
  } catch (const heed::error& x) { return x.operand(); }
  return "nobody";
}
}  // namespace

BOOST_AUTO_TEST_CASE(any_order) {
  static constexpr auto back = fuse<backward>;
  const operands a;
  memory<float> want;
  back(q = a.Q, k = a.K, v = a.V, slope = 0.5f, cotangent<out> = a.dO, into(want.dQ, want.dK, want.dV, want.dS));
  BOOST_TEST((!mostly_zero(want.dQ) && !mostly_zero(want.dK) && !mostly_zero(want.dV) && want.dS != 0));
  const auto check = [&](const auto& call) {
    memory<float> got;
    call(got);
    check_same(got, want);
  };
  check([&](auto& r) {
    back(q = a.Q, k = a.K, v = a.V, slope = 0.5f, cotangent<out> = a.dO,
         into(grad(q) = r.dQ, grad(k) = r.dK, grad(v) = r.dV, grad(slope) = r.dS));
  });
  check([&](auto& r) {
    back(into(grad(slope) = r.dS, grad(v) = r.dV, grad(k) = r.dK, grad(q) = r.dQ), cotangent<out> = a.dO, slope = 0.5f,
         v = a.V, k = a.K, q = a.Q);
  });
  check([&](auto& r) {
    back(q = a.Q, k = a.K, into(grad(v) = r.dV, grad(q) = r.dQ, grad(slope) = r.dS, grad(k) = r.dK), v = a.V,
         slope = 0.5f, cotangent<out> = a.dO);
  });
  check([&](auto& r) {
    back(q = a.Q, k = a.K, v = a.V, slope = 0.5f, cotangent<out> = a.dO,
         into(r.dQ, r.dK, grad(slope) = r.dS, grad(v) = r.dV));
  });
  check([&](auto& r) {
    workspace kept;
    back(q = a.Q, k = a.K, v = a.V, slope = 0.5f, cotangent<out> = a.dO, kept,
         into(r.dQ, grad(slope) = r.dS, grad(k) = r.dK, grad(v) = r.dV));
  });
}

BOOST_AUTO_TEST_CASE(memory_of_every_kind) {
  const operands a;
  operands want;
  fuse<backward>(q = a.Q, k = a.K, v = a.V, slope = 0.5f, cotangent<out> = a.dO,
                 into(want.dQ, want.dK, want.dV, want.dS));
  memory<float> got;
  std::vector<float> wide(H * M * 6);  // rows of 4 in rows of 6
  float array[2][19][8];
  const view<float> dQ(got.dQ.data(), {H, N, 8});
  const auto dS = (grad(slope) = got.dS);
  fuse<backward>(q = a.Q, k = a.K, v = a.V, slope = 0.5f, cotangent<out> = a.dO,
                 into(dS, grad(v) = view(wide, {H, M, 4}, {M * 6, 6, 1}), grad(k) = array, grad(q) = dQ));
  for (extent_t i = 0; i < H; ++i)
    for (extent_t j = 0; j < M; ++j) {
      for (extent_t c = 0; c < 4; ++c) got.dV(i, j, c) = wide[std::size_t((i * M + j) * 6 + c)];
      for (extent_t c = 0; c < 8; ++c) got.dK(i, j, c) = array[i][j][c];
    }
  check_same<float>(got, want);
}

BOOST_AUTO_TEST_CASE(behind_operands_without_names) {
  const operands a;
  memory<float> want, got, nested_got;
  fuse<step>(q = a.Q, k = a.K, v = a.V, slope = 0.5f, into(want.loss, want.dS, want.dV));
  fuse<step>(q = a.Q, k = a.K, v = a.V, slope = 0.5f, into(got.loss, grad(v) = got.dV, grad(slope) = got.dS));
  check_same(got, want);
  fuse<nested>(q = a.Q, k = a.K, v = a.V, slope = 0.5f, into(want.L, want.loss, want.dS, want.dV, want.dQ));
  fuse<nested>(q = a.Q, k = a.K, v = a.V, slope = 0.5f,
               into(nested_got.L, nested_got.loss, grad(q) = nested_got.dQ, grad(v) = nested_got.dV,
                    grad(slope) = nested_got.dS));
  check_same(nested_got, want);
  BOOST_TEST((want.loss != 0 && want.dS != 0 && !mostly_zero(want.dQ) && !mostly_zero(want.dV)));
}

BOOST_AUTO_TEST_CASE(from_the_oracle) {
  const operands a;
  memory<double> want, got;
  reference<nested>(q = a.Q, k = a.K, v = a.V, slope = 0.5f, into(want.L, want.loss, want.dS, want.dV, want.dQ));
  reference<nested>(q = a.Q, k = a.K, v = a.V, slope = 0.5f,
                    into(got.L, got.loss, grad(q) = got.dQ, grad(v) = got.dV, grad(slope) = got.dS));
  check_same(got, want);
  BOOST_TEST((want.loss != 0 && want.dS != 0 && !mostly_zero(want.dQ) && !mostly_zero(want.dV)));
}

// Both are called grad(x), each in a graph of its own; together they have positions.
BOOST_AUTO_TEST_CASE(second_derivatives) {
  const double X[] = {1, -2, 0.5};
  const std::vector<double> ones(3, 1);
  double one[3], two[3], both[2][3];
  fuse<first>(x = X, into(grad(x) = one));
  fuse<second>(x = X, cotangent<first> = ones, into(grad(x) = two));
  fuse<results(first, second)>(x = X, cotangent<first> = ones, into(both[0], both[1]));
  for (int i = 0; i < 3; ++i)
    BOOST_TEST((one[i] == 3 * X[i] * X[i] && two[i] == 6 * X[i] && both[0][i] == one[i] && both[1][i] == two[i]));
}

BOOST_AUTO_TEST_CASE(errors_say_the_name) {
  const operands a;
  memory<float> r;
  tensor<float> short_rows(H, N, 7), flat(H * M, 8);
  const auto back = [&](auto&& results) {
    return named_by([&] { fuse<backward>(q = a.Q, k = a.K, v = a.V, slope = 0.5f, cotangent<out> = a.dO, results); });
  };
  BOOST_TEST(back(into(grad(k) = r.dK, grad(q) = short_rows, grad(v) = r.dV, grad(slope) = r.dS)) == "grad(q)");
  BOOST_TEST(back(into(r.dQ, flat, r.dV, r.dS)) == "grad(k)");
  BOOST_TEST(back(into(r.dQ, grad(slope) = r.dS, grad(v) = r.dV, grad(k) = view(r.dQ.data(), {H, M, 8}))) == "grad(k)");
  BOOST_TEST(named_by([&] {
               fuse<step>(q = a.Q, k = a.K, v = a.V, slope = 0.5f,
                          into(view<float>(nullptr, {}), grad(v) = r.dV, grad(slope) = r.dS));
             }) == "into 1");
  BOOST_TEST(named_by([&] { reference<first>(x = std::vector<double>(3), into(grad(x) = std::vector<double>(4))); }) ==
             "grad(sixteen_letters_)");
  BOOST_TEST(named_by([&] { fuse<gradient<evidence>(wrt(q))>(q = a.Q, k = a.K, into(short_rows)); }) == "grad(q)");
  try {
    fuse<backward>(q = a.Q, k = a.K, v = a.V, slope = 0.5f, cotangent<out> = a.dO,
                   into(r.dQ, grad(slope) = r.dS, grad(v) = r.dV, grad(k) = view(r.dQ.data(), {H, M, 8})));
  } catch (const heed::error& x) { BOOST_TEST(x.got() == "memory that operand 'grad(q)' lies in"); }
}
