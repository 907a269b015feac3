// expect: heed: an input has each axis once
// expect: "x"
#include <heed/heed.hpp>
using namespace heed;
constexpr axis<"b"> b;
constexpr axis<"n"> n;
constexpr axis<"m"> m;
constexpr axis<"d", 64> d;
constexpr axis<"e", 32> e;
constexpr axis<"o", 384> o;
constexpr axis<"h", 12> h;
constexpr axis<"w", 32> w;
constexpr auto q = input<"q">(b, n, d);
constexpr auto k = input<"k">(b, m, d);
constexpr auto v = input<"v">(b, m, e);
constexpr auto ids = input<"ids", std::int32_t>(b, n);
constexpr auto keep = input<"keep", bool>(b, m);
constexpr auto s = dot<d>(q, k);
#ifdef REPAIRED
constexpr auto x = input<"x">(n, d);
constexpr auto y = x * 2 + cosine_similarity<d>(x, k) + pow(x, 2) + x.at(m);
constexpr auto z = layer_norm<d>(x, 1, 0) + softcap(x, 5);
void call(tensor<float>& X, tensor<float>& K, tensor<float>& O) { fuse<y>(x = X, k = K, into(O)), fuse<results(z, x)>(x = X, into(O, O)); }
#else
constexpr auto x = input<"x">(n, n);
constexpr auto y = x * 2 + cosine_similarity<d>(x, k) + pow(x, 2) + x.at(m) + attention<d, m>(x, k, v) + scaled_dot<d>(x, x);
constexpr auto z = layer_norm<d>(x, x, x) + softcap(x, x) + project<d>(x, x, x) + rms_norm<n>(x, x) + where(x < 1, x, -x);
constexpr auto u = merge_heads<h, w, o>(split_heads<o, h, w>(x)) + rename<n, m>(shift<n>(x, 1)) + gelu(sum<n>(x)) + mask(x, !x && same_document(x, n, m));
void call(tensor<float>& X, tensor<float>& K, tensor<float>& O) {
  fuse<y>(x = X, k = K, into(O)), fuse<results(z, x), strict>(x = X, into(O, O)), reference<z>(x = X, into(O));
  explain<y>(with(n, 5)), passes<u>(), drawing<z>(), picture<u>(with(n, 4), with(m, 5));
}
#endif
