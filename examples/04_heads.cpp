// 4. Several heads give several views. Nothing but the axes changes: the model's width is split into heads, each with
// its own queries, keys and values, and merged again.
//
// Keys and values cost memory, so several query heads may share a key head (grouped-query attention). The compiler
// checks that the numbers fit: heads x head width = model width; key heads divide query heads.
#include <cmath>
#include <cstdio>
#include <heed/heed.hpp>

namespace views {
using namespace heed;

constexpr axis<"t"> t;
constexpr axis<"u"> u;
constexpr axis<"model", 16> model;
constexpr axis<"heads", 4> heads;
constexpr axis<"d", 4> d;  // head width: 4 heads x 4 = 16

constexpr auto q = split_heads<model, heads, d>(input<"q">(t, model));  // (t, heads, d)
constexpr auto k = split_heads<model, heads, d>(input<"k">(u, model));
constexpr auto v = split_heads<model, heads, d>(input<"v">(u, model));
constexpr auto weights = arrange<heads, t, u>(softmax<u>(scaled_dot<d>(q, k)));  // a view a head
constexpr auto merged = merge_heads<heads, d, model>(attention<d, u>(q, k, v));  // (t, model)

// The same with two key heads: query heads 0, 1 read key head 0, and 2, 3 read key head 1.
constexpr axis<"kv", 8> kv;          // width of all keys
constexpr axis<"groups", 2> groups;  // key heads
constexpr axis<"r", 2> r;            // query heads that share one
constexpr auto few_k = split_heads<kv, groups, d>(input<"few_k">(u, kv));
constexpr auto few_v = split_heads<kv, groups, d>(input<"few_v">(u, kv));
constexpr auto grouped = arrange<t, groups, r, d>(attention<d, u>(group_heads<heads, groups, r>(q), few_k, few_v));

int run(int argc) {
  if (argc > 1) {
    std::puts(explain<merged>(with(t, 5), with(u, 5)).c_str());
    return std::puts(explain<grouped>(with(t, 5), with(u, 5)).c_str()), 0;
  }
  constexpr int N = 5;
  tensor<float> Q(N, 16), K(N, 16), V(N, 16), W(4, N, N), O(N, 16), G(N, 2, 2, 4);
  // Head 0 asks for the next token, head 1 for the one before, head 2 for token 0, head 3 for nothing in particular.
  for (int i = 0; i < N; ++i)
    for (int c = 0; c < 16; ++c) {
      const int wanted[] = {(i + 1) % N, (i + N - 1) % N, 0, -1}, head = c / 4, digit = c % 4;
      const auto direction = [&](int token) {
        return token < 0 ? 0.f : std::cos(float(token * (digit / 2 + 1)) * 1.2566f + (digit % 2 ? 1.5708f : 0));
      };
      Q(i, c) = 4 * direction(wanted[head]), K(i, c) = direction(i), V(i, c) = float(i);
    }
  const auto operands = [&](const auto& graph, auto& result) {
    graph(input<"q">(t, model) = Q, input<"k">(u, model) = K, input<"v">(u, model) = V, into(result));
  };
  fuse<weights>(input<"q">(t, model) = Q, input<"k">(u, model) = K, into(W));
  operands(fuse<merged, strict>, O);
  for (int head = 0; head < 4; ++head) {
    std::printf("head %d: token 2 looks at", head);
    for (int j = 0; j < N; ++j) std::printf("  %d: %.2f", j, double(W(head, 2, j)));
    std::printf("   and reads %.2f\n", double(O(2, 4 * head)));
  }

  // Key heads 0 and 1 of the grouped graph hold what heads 0 and 2 had: query heads 0 and 2 find the same as before.
  const auto of = [](tensor<float>& x, int first) { return view(x.data() + first, {N, 2, 4}, {16, 8, 1}); };
  tensor<float> few_keys(N, 8), few_values(N, 8);
  for (int i = 0; i < N; ++i)
    for (int g = 0; g < 2; ++g)
      for (int c = 0; c < 4; ++c)
        few_keys(i, 4 * g + c) = of(K, 0).data[16 * i + 8 * g + c], few_values(i, 4 * g + c) = V(i, 8 * g + c);
  fuse<grouped, strict>(input<"q">(t, model) = Q, input<"few_k">(u, kv) = few_keys, input<"few_v">(u, kv) = few_values,
                        into(G));
  double worst = 0;
  for (int i = 0; i < N; ++i)
    for (int g = 0; g < 2; ++g)
      for (int c = 0; c < 4; ++c) worst = std::max(worst, std::abs(double(G(i, g, 0, c)) - double(O(i, 8 * g + c))));
  std::printf("grouped: with two key heads, query heads 0 and 2 find the same (difference %.1e)\n", worst);
  return worst < 1e-5 && W(0, 2, 3) > 0.5f && W(1, 2, 1) > 0.5f && W(2, 2, 0) > 0.5f &&
                 std::abs(W(3, 2, 4) - 0.2f) < 1e-6f
             ? 0
             : 1;
}
}  // namespace views

int main(int argc, char**) { return views::run(argc); }
