// Keys, queries and values are linear transformations of the embeddings: what a word offers, asks for and tells.
#include <cstdio>
#include <heed/heed.hpp>
using namespace heed;

constexpr axis<"t"> t;
constexpr axis<"u"> u;
constexpr axis<"c", 3> c;                                  // embedding
constexpr axis<"d", 2> d;                                  // key width
constexpr axis<"e", 3> e;                                  // value width

constexpr auto x = input<"x">(t, c);
constexpr auto to_query = input<"to_query">(d, c);
constexpr auto to_key = input<"to_key">(d, c);
constexpr auto to_value = input<"to_value">(e, c);
constexpr auto query = project<c>(x, to_query);
constexpr auto key = rename<t, u>(project<c>(x, to_key));
constexpr auto value = rename<t, u>(project<c>(x, to_value));
constexpr auto out = attention<d, u>(query, key, value);

int main() {
  tensor<float> X(4, 3), Q(2, 3), K(2, 3), V(3, 3), O(4, 3);
  for (std::size_t i = 0; i < X.size(); ++i) X[i] = float(i % 5) / 4;
  for (std::size_t i = 0; i < Q.size(); ++i) Q[i] = float(i) / 6, K[i] = float(5 - i) / 6;
  for (std::size_t i = 0; i < V.size(); ++i) V[i] = i % 4 == 0 ? 1.f : 0.f;
  fuse<out, strict>(x = X, to_query = Q, to_key = K, to_value = V, into(O));
  tensor<double> want(4, 3);
  reference<out>(x = X, to_query = Q, to_key = K, to_value = V, into(want));
  double worst = 0;
  for (std::size_t i = 0; i < O.size(); ++i) worst = std::max(worst, std::abs(double(O[i]) - want[i]));
  std::printf("%sdifference from the naive evaluation in double: %.1e\n", explain<out>().c_str(), worst);
  return worst < 1e-6 ? 0 : 1;
}
