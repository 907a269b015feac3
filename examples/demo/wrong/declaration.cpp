// 12 heads of 30 do not make a model of width 384.
#include <heed/heed.hpp>

namespace mine {
using namespace heed;

constexpr axis<"tokens"> tokens;
constexpr axis<"model", 384> model;
constexpr axis<"heads", 12> heads;
constexpr axis<"width", 30> width;
constexpr auto x = input<"x">(tokens, model);
constexpr auto split_x = split_heads<model, heads, width>(x);
}  // namespace mine
