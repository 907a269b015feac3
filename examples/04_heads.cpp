// Several heads give several views; groups of query heads may share a key head. Nothing but the axes changes.
#include <cstdio>
#include <heed/heed.hpp>
using namespace heed;

constexpr axis<"t"> t;
constexpr axis<"u"> u;
constexpr axis<"model", 48> model;
constexpr axis<"kv", 16> kv;                               // width of all keys
constexpr axis<"heads", 6> heads;
constexpr axis<"g", 2> g;                                  // key heads
constexpr axis<"r", 3> r;                                  // query heads that share one
constexpr axis<"d", 8> d;

constexpr auto q = group_heads<heads, g, r>(split_heads<model, heads, d>(input<"q">(t, model)));
constexpr auto k = split_heads<kv, g, d>(input<"k">(u, kv));
constexpr auto v = split_heads<kv, g, d>(input<"v">(u, kv));
constexpr auto each_head = attention<d, u>(q, k, rename<d, axis<"e", 8>{}>(v));

int main() {
  tensor<float> Q(5, 48), K(7, 16), V(7, 16), O(5, 2, 3, 8);
  for (std::size_t i = 0; i < Q.size(); ++i) Q[i] = float(i % 7) / 7;
  for (std::size_t i = 0; i < K.size(); ++i) K[i] = float(i % 5) / 5, V[i] = float(i % 3);
  constexpr static auto arranged = arrange<t, g, r, axis<"e", 8>{}>(each_head);
  fuse<arranged, strict>(input<"q">(t, model) = Q, input<"k">(u, kv) = K, input<"v">(u, kv) = V, into(O));
  std::printf("token 0, head 0 of group 0: %.3f %.3f ...\n", double(O(0, 0, 0, 0)), double(O(0, 0, 0, 1)));
  return O(0, 0, 0, 0) > 0 && O(0, 0, 0, 0) < 2 ? 0 : 1;
}
