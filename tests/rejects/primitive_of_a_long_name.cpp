// expect: heed: a name has 1 to 16 characters
// expect: cube
#include <heed/heed.hpp>
using namespace heed;
constexpr axis<"n"> n;
constexpr auto x = input<"x">(n);
struct cube {
#ifdef REPAIRED
  static constexpr auto name = "sixteen_letters_";
#else
  static constexpr auto name = "seventeen_letters";
#endif
  static auto value(const auto& a) { return a * a * a; }
};
constexpr auto out = primitive<cube>(x);
constexpr auto more = out + 1;
