// A program of somebody else's, with nothing but heed.
#include <cstdio>
#include <heed/heed.hpp>

namespace consumer {
using namespace heed;

constexpr axis<"n"> n;
constexpr axis<"c"> c;
constexpr auto x = input<"x">(n, c);
constexpr auto y = softmax<c>(x);

int run() {
  tensor<float> in(2, 3), out(2, 3);
  fuse<y>(x = in, into(out));
  std::printf("%g\n", double(out(1, 2)));
  return out(1, 2) > 0.33f && out(1, 2) < 0.34f ? 0 : 1;
}
}  // namespace consumer

int main() { return consumer::run(); }
