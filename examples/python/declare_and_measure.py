"""From a declaration to a number: declare, look at the mask, see what became of the graph, call it, time it.

    python declare_and_measure.py [--positions 2048]

Needs numpy and heed. Every part between two lines of dashes is a cell: paste them into a notebook as they are.
"""
from __future__ import annotations

import argparse
import statistics
import time

import numpy

import heed

parser = argparse.ArgumentParser()
parser.add_argument("--positions", type=int, default=2048)
positions = parser.parse_args().positions

# --- declare ----------------------------------------------------------------------------------------------------------
# Queries see the first 4 keys (an anchor) and a window behind them, within their own document; scores are capped.

variant = """
#include <heed/heed.hpp>
namespace mine {
using namespace heed;
constexpr axis<"h"> h;  constexpr axis<"n"> n;  constexpr axis<"m"> m;
constexpr axis<"d", 64> d;  constexpr axis<"e", 64> e;
constexpr auto q = input<"q">(h, n, d);
constexpr auto k = input<"k">(h, m, d);
constexpr auto v = input<"v">(h, m, e);
constexpr auto document = input<"document", std::int32_t>(n);
constexpr auto window = input<"window", std::int32_t>();
constexpr auto keep = causal(n, m) && (m < 4 || n - m < window) && same_document(document, n, m);
constexpr auto seen = arrange<n, m>(keep);
constexpr auto out = dot<m>(softmax<m>(mask(softcap(scaled_dot<d>(q, k), 30), keep)), v);
}
"""

# --- picture the mask -------------------------------------------------------------------------------------------------
# A mask is a value like any other: as a result of its own it can be looked at. A line a query, a column a key.

picture = heed.compile(variant, "seen")(document=numpy.repeat([0, 1], [20, 12]).astype("int32"), window=6, m=32)
print("\n".join("".join("█" if pair else "·" for pair in row) for row in picture))
assert picture[25].nonzero()[0].tolist() == [20, 21, 22, 23, 24, 25]

# --- what became of the graph -----------------------------------------------------------------------------------------

attend = heed.compile(variant, "out")
print(attend.signature)
print(attend.explain(h=4, n=positions, m=positions))

# --- call it ----------------------------------------------------------------------------------------------------------

random = numpy.random.default_rng(1)
q, k, v = (random.standard_normal((4, positions, 64), dtype=numpy.float32) for _ in range(3))
document = (numpy.arange(positions) // 300).astype("int32")
window = 256
out = attend(q=q, k=k, v=v, document=document, window=window)

# The same by numpy, for a few queries of the last head.
for query in (0, positions // 2, positions - 1):
    keys = numpy.arange(query + 1)
    visible = keys[((keys < 4) | (query - keys < window)) & (document[keys] == document[query])]
    score = 30 * numpy.tanh(k[-1, visible] @ q[-1, query] / 8 / 30)
    weights = numpy.exp(score - score.max())
    expected = weights / weights.sum() @ v[-1, visible]
    off = abs(out[-1, query] - expected).max()
    print(f"query {query}: sees {len(visible)} keys, differs from numpy by {off:.1e}")
    assert off < 1e-5

# --- time it ----------------------------------------------------------------------------------------------------------

seconds = []
for _ in range(20):
    begin = time.perf_counter()
    attend(q=q, k=k, v=v, document=document, window=window, out=out)
    seconds.append(time.perf_counter() - begin)
print(f"{positions} positions, 4 heads: {1e3 * statistics.median(seconds):.2f} ms, median of {len(seconds)}")
