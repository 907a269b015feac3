// Attention lets the context move a word: beside "orange", apple moves to the fruits; beside "phone", to the devices.
#include <cstdio>
#include <heed/heed.hpp>
using namespace heed;

constexpr axis<"t"> t;
constexpr axis<"u"> u;
constexpr axis<"c", 2> c;                                  // fruit, technology

constexpr auto x = input<"x">(t, c);
constexpr auto y = rename<t, u>(x);
constexpr auto moved = arrange<t, c>(dot<u>(softmax<u>(4 * dot<c>(x, y)), y));

int main() {
  const float with_orange[2][2] = {{.6f, .6f}, {1, 0}};    // apple stands between the meanings
  const float with_phone[2][2] = {{.6f, .6f}, {0, 1}};
  float a[2][2], b[2][2];
  fuse<moved>(x = with_orange, into(a));
  fuse<moved>(x = with_phone, into(b));
  std::printf("apple           fruit %.2f  technology %.2f\n", .6, .6);
  std::printf("beside orange   fruit %.2f  technology %.2f\n", double(a[0][0]), double(a[0][1]));
  std::printf("beside phone    fruit %.2f  technology %.2f\n", double(b[0][0]), double(b[0][1]));
  return a[0][0] > a[0][1] && b[0][1] > b[0][0] ? 0 : 1;
}
