// expect: heed: two results of the graph have this name: into..... takes them in their order, without names
// expect: "grad.x."
#include <heed/heed.hpp>
using namespace heed;
constexpr axis<"n"> n;
constexpr auto x = input<"x">(n);
constexpr auto cubes = sum<n>(x * x * x);
constexpr auto first = gradient<cubes>(wrt(x));
constexpr auto second = gradient<first>(wrt(x));
#ifdef REPAIRED
void call(tensor<float>& X, tensor<float>& C, tensor<float>& one, tensor<float>& two) {
  fuse<results(first, second)>(x = X, cotangent<first> = C, into(one, two));
}
#else
void call(tensor<float>& X, tensor<float>& C, tensor<float>& one, tensor<float>& two) {
  fuse<results(first, second)>(x = X, cotangent<first> = C, into(one, grad(x) = two));
}
#endif
