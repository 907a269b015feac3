// 14. Two maps in one loop. One map says what a query looks for, another, of its own queries and keys, whether it may
// be heard at all; the product of both weighs the values. Every product of a query and a key is computed once, where it
// is used, and neither map is ever stored.
#include <cmath>
#include <cstdio>
#include <heed/heed.hpp>
#include <random>
#include <string>

namespace two_maps {
using namespace heed;

constexpr axis<"h", 2> h;
constexpr axis<"n"> n;
constexpr axis<"m"> m;
constexpr axis<"d", 16> d;
constexpr axis<"r", 8> r;
constexpr auto q = input<"q">(h, n, d);
constexpr auto k = input<"k">(h, m, d);
constexpr auto v = input<"v">(h, m, d);
constexpr auto asks = input<"asks">(h, n, r);     // the second map is narrower, and ...
constexpr auto answers = input<"answers">(m, r);  // ... its keys are those of all heads

constexpr auto content = scaled_dot<d>(q, k);
constexpr auto heard = sigmoid(scaled_dot<r>(asks, answers));
constexpr auto wanted = sigmoid(mask(content - log(size<m>), causal(n, m)));
constexpr auto out = dot<m>(wanted * heard, v);
constexpr auto learn = gradient<out>(wrt(q, k, v, asks, answers));

int run(int argc) {
  if (argc > 1) return std::puts(explain<learn>(with(n, 2048), with(m, 2048)).c_str()), 0;
  const extent_t N = 64;
  tensor<float> Q(2, N, 16), K(2, N, 16), V(2, N, 16), Asks(2, N, 8), Answers(N, 8), Out(2, N, 16);
  tensor<float> dQ(2, N, 16), dK(2, N, 16), dV(2, N, 16), dAsks(2, N, 8), dAnswers(N, 8);
  std::mt19937 random{1};
  std::normal_distribution<float> normal;
  for (auto* t : {&Q, &K, &V, &Asks, &Answers})
    for (float& x : *t) x = normal(random);
  fuse<out, strict>(q = Q, k = K, v = V, asks = Asks, answers = Answers, into(Out));
  fuse<learn, strict>(q = Q, k = K, v = V, asks = Asks, answers = Answers, cotangent<out> = V,
                      into(dQ, dK, dV, dAsks, dAnswers));

  tensor<double> want(2, N, 16);
  reference<out>(q = Q, k = K, v = V, asks = Asks, answers = Answers, into(want));
  double off = 0;
  for (std::size_t i = 0; i < Out.size(); ++i) off = std::max(off, std::abs(want[i] - double(Out[i])));

  // A step along the gradient: the results must come nearer to what the cotangent asks for.
  const auto agreement = [&] {
    double sum = 0;
    for (std::size_t i = 0; i < Out.size(); ++i) sum += double(Out[i]) * double(V[i]);
    return sum;
  };
  const double before = agreement();
  for (std::size_t i = 0; i < Answers.size(); ++i) Answers[i] += dAnswers[i];
  fuse<out, strict>(q = Q, k = K, v = V, asks = Asks, answers = Answers, into(Out));
  const double after = agreement();

  const std::string forward = explain<out>(), backward = explain<learn>();
  std::printf(
      "%s\n%s\ndifference from the naive evaluation in double: %.1e\nagreement before and after a step: %.3f %.3f\n",
      forward.c_str(), backward.c_str(), off, before, after);
  const bool one_loop = forward.find("region 1:") == std::string::npos;
  return one_loop && off < 1e-6 && after > before ? 0 : 1;
}
}  // namespace two_maps

int main(int argc, char**) { return two_maps::run(argc); }
