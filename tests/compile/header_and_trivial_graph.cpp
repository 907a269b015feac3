#include <heed/heed.hpp>
using namespace heed;
constexpr axis<"n"> n;
constexpr auto x = input<"x">(n);
constexpr auto y = x * 2 + 1;
void run(tensor<float>& X, tensor<float>& Y) { fuse<y>(x = X, into(Y)); }
