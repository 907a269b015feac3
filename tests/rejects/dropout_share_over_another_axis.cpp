// expect: heed: the share that a dropout leaves out varies over axes of its operand
#include <heed/heed.hpp>
using namespace heed;
constexpr axis<"n"> n;
constexpr axis<"m"> m;
constexpr axis<"d", 64> d;
constexpr auto seed = input<"seed", std::int64_t>();
constexpr auto share = input<"share">(d);
constexpr auto x = input<"x">(n, m);
constexpr auto row = input<"row">(n);
#ifdef REPAIRED
constexpr auto y = dropout(row, x, seed);
#else
constexpr auto y = dropout(share, x, seed);
#endif
