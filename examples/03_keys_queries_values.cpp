// 3. Queries, keys and values are linear maps of the embeddings: what a word asks for, what it offers, what it tells.
//
// Being alike is not always what matters: an adjective looks for a noun. So words are compared through two maps, which
// a model learns; here they are written by hand. And what is passed on is a third map of the word.
#include <cmath>
#include <cstdio>
#include <heed/heed.hpp>

namespace maps {
using namespace heed;

constexpr axis<"t"> t;
constexpr axis<"u"> u;
constexpr axis<"c", 3> c;  // embedding: adjective, noun, red
constexpr axis<"d", 2> d;  // width of queries and keys
constexpr axis<"e", 1> e;  // width of values

constexpr auto x = input<"x">(t, c);
constexpr auto to_query = input<"to_query">(d, c);
constexpr auto to_key = input<"to_key">(d, c);
constexpr auto to_value = input<"to_value">(e, c);

constexpr auto query = project<c>(x, to_query);                  // (t, d)
constexpr auto key = rename<t, u>(project<c>(x, to_key));        // (u, d)
constexpr auto value = rename<t, u>(project<c>(x, to_value));    // (u, e)
constexpr auto weights = softmax<u>(scaled_dot<d>(query, key));  // (t, u)
constexpr auto out = attention<d, u>(query, key, value);         // (t, e): the same weights, times the values

int run(int argc) {
  if (argc > 1) return std::puts(explain<out>(with(t, 3), with(u, 3)).c_str()), 0;
  const char* name[] = {"red", "round", "apple"};
  const float embeddings[3][3] = {{1, 0, 1}, {1, 0, 0}, {0, 1, 0}};
  const float asks[2][3] = {{6, 0, 0}, {0, 6, 0}};      // an adjective asks along d = 0, a noun along d = 1 ...
  const float offers[2][3] = {{0, 1, 0}, {1, 0, .5f}};  // ... where a noun offers itself, and an adjective, red most
  const float tells[1][3] = {{0, 0, 1}};                // how red it is
  tensor<float> W(3, 3), O(3, 1);
  fuse<weights>(x = embeddings, to_query = asks, to_key = offers, into(W));
  fuse<out, strict>(x = embeddings, to_query = asks, to_key = offers, to_value = tells, into(O));
  std::printf("%-8s", "");
  for (const char* n : name) std::printf(" %8s", n);
  std::printf("\n");
  for (int i = 0; i < 3; ++i)
    std::printf("%-8s %8.2f %8.2f %8.2f   becomes red by %.2f\n", name[i], double(W(i, 0)), double(W(i, 1)),
                double(W(i, 2)), double(O(i, 0)));

  // `reference` evaluates any graph naively in double: the oracle of every test of heed.
  tensor<double> want(3, 1);
  reference<out>(x = embeddings, to_query = asks, to_key = offers, to_value = tells, into(want));
  double worst = 0;
  for (std::size_t i = 0; i < O.size(); ++i) worst = std::max(worst, std::abs(double(O[i]) - want[i]));
  std::printf("difference from the naive evaluation in double: %.1e\n", worst);
  return worst < 1e-6 && O(2, 0) > 0.5f && W(0, 2) > 0.9f ? 0 : 1;
}
}  // namespace maps

int main(int argc, char**) { return maps::run(argc); }
