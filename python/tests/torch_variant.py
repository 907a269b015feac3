"""The declaration that the tests of heed.torch compile, one text in all of them: a kernel is compiled once for all."""

VARIANT = """
#include <heed/heed.hpp>
#ifndef REAL
#define REAL float
#endif
namespace mine {
using namespace heed;
constexpr axis<"h"> h;
constexpr axis<"n"> n;
constexpr axis<"m"> m;
constexpr axis<"z"> z;
constexpr axis<"d"> d;
constexpr axis<"e"> e;
constexpr auto q = input<"q", REAL>(h, n, d);
constexpr auto k = input<"k", REAL>(h, m, d);
constexpr auto v = input<"v", REAL>(h, m, e);
constexpr auto slope = input<"slope", REAL>(h);
constexpr auto score = mask(scaled_dot<d>(q, k) - slope * (n - m), causal(n, m));
constexpr auto out = dot<m>(softmax<m>(score), v);
constexpr auto lse = logsumexp<m>(score);

constexpr auto document = input<"document", std::int32_t>(n);
constexpr auto table = input<"table", REAL>(z);
constexpr auto packed = dot<m>(softmax<m>(mask(scaled_dot<d>(q, k) + table.at(clamp(n - m, 0, size<z> - 1)),
                                               causal(n, m) && same_document(document, n, m))), v);
constexpr auto seen = sum<m>(cast<std::int32_t>(where(causal(n, m) && same_document(document, n, m), 1, 0)));
constexpr auto energy = sum<h, n, d>(q * q * slope);
constexpr auto positions = cast<REAL>(n) * slope;
constexpr auto scaled = input<"factor", REAL>() * slope;
}  // namespace mine
"""
