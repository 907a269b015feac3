// expect: heed: the target of a cross entropy is a whole number, that of the right class
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
constexpr auto y = cross_entropy<words>(logits, chances);
#endif
