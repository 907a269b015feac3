// expect: heed: the classes of a cross entropy are an axis of its logits
// expect: "c"
#include <heed/heed.hpp>
using namespace heed;
constexpr axis<"n"> n;
constexpr axis<"c", 8> c;
constexpr axis<"words", 100> words;
constexpr auto logits = input<"logits">(n, words);
constexpr auto target = input<"target", std::int32_t>(n);
constexpr auto chances = input<"chances">(n);
#ifdef REPAIRED
constexpr auto y = cross_entropy<words>(logits, target);
#else
constexpr auto y = cross_entropy<c>(logits, target);
#endif
