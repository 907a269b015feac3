// expect: heed: the results of a differentiable graph and what its backward pass wants are at most 64 values
#include <heed/heed.hpp>
using namespace heed;
constexpr axis<"n"> n;
constexpr axis<"c", 8> c;
constexpr axis<"o", 8> o;
constexpr auto x = input<"x">(n, c);
constexpr auto w = input<"w">(o, c);
template <class X> constexpr auto layer(const X& y) { return rename<o, c>(tanh(project<c>(y, w))); }
template <class X> constexpr auto four_layers(const X& y) { return layer(layer(layer(layer(y)))); }
template <class X> constexpr auto sixteen_layers(const X& y) { return four_layers(four_layers(four_layers(four_layers(y)))); }
#ifdef REPAIRED
constexpr auto y = four_layers(x);
#else
constexpr auto y = four_layers(sixteen_layers(sixteen_layers(sixteen_layers(sixteen_layers(x)))));
#endif
constexpr auto step = differentiable<y>(wrt(w));
void call(tensor<float>& X, tensor<float>& W, tensor<float>& Y) {
  auto saved = step.saved();
  step.forward(saved, x = X, w = W, into(Y));
}
