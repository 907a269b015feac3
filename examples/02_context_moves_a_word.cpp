// 2. Attention lets the context move a word: beside "orange", apple moves to the fruits; beside "phone", to the
// devices.
//
// Each word becomes a weighted mean of all words of its sentence. The weights are a softmax of how alike they are:
// nothing here is learned yet.
#include <cstdio>
#include <heed/heed.hpp>

namespace context {
using namespace heed;

constexpr axis<"t"> t;     // words that move
constexpr axis<"u"> u;     // words that they look at
constexpr axis<"c", 2> c;  // fruit, technology

constexpr auto x = input<"x">(t, c);
constexpr auto y = rename<t, u>(x);
constexpr auto weights = softmax<u>(4 * dot<c>(x, y));  // (t, u), each row sums to 1
constexpr auto moved = dot<u>(weights, y);              // (t, c)

int run(int argc) {
  if (argc > 1) return std::puts(explain<moved>(with(t, 2), with(u, 2)).c_str()), 0;
  const float apple_orange[2][2] = {{.6f, .6f}, {1, 0}};  // apple stands between the meanings
  const float apple_phone[2][2] = {{.6f, .6f}, {0, 1}};
  float a[2][2], b[2][2];  // plain arrays will do
  fuse<moved>(x = apple_orange, into(a));
  fuse<moved>(x = apple_phone, into(b));

  std::printf("%-22s fruit %.2f  technology %.2f\n", "apple alone", .6, .6);
  std::printf("%-22s fruit %.2f  technology %.2f\n", "apple beside orange", double(a[0][0]), double(a[0][1]));
  std::printf("%-22s fruit %.2f  technology %.2f\n", "apple beside phone", double(b[0][0]), double(b[0][1]));
  return a[0][0] > .6f && a[0][1] < .6f && b[0][1] > .6f && b[0][0] < .6f ? 0 : 1;
}
}  // namespace context

int main(int argc, char**) { return context::run(argc); }
