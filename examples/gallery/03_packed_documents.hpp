// Packed documents: several sequences lie behind each other in one, and nobody sees another one's keys.
//
// Paper: Krell et al. 2021, "Efficient Sequence Packing without Cross-contamination".
// Formula: o[h, n] = sum over m <= n with document[m] = document[n] of softmax_m(q[h, n] . k[h, m] / sqrt(d)) v[h, m]
// Vary: without causal(n, m) for an encoder; a window inside of each document; document over a batch, (b, n).
// Measured: h=4,n=2048,m=2048 document=0:7
#pragma once
#include <cstdint>
#include <heed/heed.hpp>

namespace gallery::packed_documents {
using namespace heed;

constexpr axis<"h"> h;
constexpr axis<"n"> n;
constexpr axis<"m"> m;
constexpr axis<"d", 64> d;
constexpr axis<"e", 64> e;
constexpr auto q = input<"q">(h, n, d);
constexpr auto k = input<"k">(h, m, d);
constexpr auto v = input<"v">(h, m, e);
constexpr auto document = input<"document", std::int32_t>(n);

constexpr auto out = attention<d, m>(q, k, v, causal(n, m) && same_document(document, n, m));

HEED_KERNEL(packed_documents, out, wrt(q, k, v))

}  // namespace gallery::packed_documents
