// A stack of 24 transformer-like blocks, 637 nodes, through front and middle.
#include <heed/graph/results.hpp>
#include <heed/plan/make_plan.hpp>
using namespace heed;
constexpr axis<"b"> b;  constexpr axis<"n"> n;  constexpr axis<"m"> m;
constexpr axis<"h", 8> h; constexpr axis<"d", 64> d; constexpr axis<"c",512> c; constexpr axis<"o", 512> o; constexpr axis<"f",2048> f;
template <class X> constexpr auto block(const X& x) {
  constexpr auto wq = input<"wq">(o, c); constexpr auto wk = input<"wk">(o, c); constexpr auto wv = input<"wv">(o, c); constexpr auto wo = input<"wo">(c, o);
  constexpr auto w1 = input<"w1">(f, c); constexpr auto w2 = input<"w2">(c, f);
  auto nx = x * rsqrt(mean<c>(x * x) + 1e-6);
  auto q = split<o, h, d>(dot<c>(nx, wq));
  auto k = rename<n, m>(split<o, h, d>(dot<c>(nx, wk)));
  auto v = rename<n, m>(split<o, h, d>(dot<c>(nx, wv)));
  auto s = dot<d>(q, k) * 0.125;
  auto a = merge<h, d, o>(dot<m>(softmax<m>(mask(s, m <= n)), v));
  auto y = x + dot<o>(a, wo);
  auto ff = dot<c>(y, w1);
  return y + dot<f>(ff * sigmoid(ff), w2);
}
template <int K, class X> constexpr auto stack(const X& x) { if constexpr (K == 0) return x; else return stack<K-1>(block(x)); }
constexpr auto x0 = input<"x">(b, n, c);
constexpr auto out = stack<24>(static_cast<const expr<shape<axis<"b">,axis<"n">,axis<"c",512>>, element::f32>&>(x0));

template <result_list R, std::size_t... I> constexpr const middle::plan& get(std::index_sequence<I...>) { return middle::plan_of<*R.of[I]...>; }
static_assert(get<out>(std::make_index_sequence<1>{}).region_count == 192 && !get<out>(std::make_index_sequence<1>{}).too_large);
