// options: -O0 -DHEED_UNOPTIMISED
// labels: meaning
// What the masks of the literature cost: tiles (a pack of rows x a group of keys) that the kernel computes, over those
// in which the mask, evaluated pair by pair, lets a pair be seen; tiles whose mask it looks at in vain, because bounds
// do not know that nobody sees them; and tiles that run with mask code though all of their pairs are seen. Counted by
// the walk of the kernels, which regions/visited.cpp holds against the scores that a call really computes.
#include <boost/test/unit_test.hpp>
#include "met_tiles.hpp"
#include <random>
using namespace heed;
using namespace heed::internal;

namespace {
constexpr axis<"n"> n;
constexpr axis<"m"> m;
constexpr axis<"z"> z;
constexpr axis<"y"> y;
constexpr axis<"x"> x;
constexpr axis<"d", 2> d;
constexpr auto q = input<"q">(n, d);
constexpr auto k = input<"k">(m, d);
template <const auto& Keep> inline constexpr auto statistics = logsumexp<m>(mask(dot<d>(q, k), Keep));

// Cells of a picture of the mask: an interpreter of the declared graph, which knows nothing of tiles.
template <result_list Keep, class... Args> std::vector<bool> cells_of(extent_t rows, extent_t columns, Args&... args) {
  const std::string text = picture<Keep>(with(n, rows), with(m, columns), args...);
  std::vector<bool> cells;
  for (std::size_t i = 0; i < text.size();) {
    if (text[i] == '\n') {
      ++i;
      continue;
    }
    const bool seen = text.compare(i, 3, "█") == 0;
    cells.push_back(seen), i += seen ? 3 : 2;
  }
  BOOST_TEST_REQUIRE(extent_t(cells.size()) == rows * columns);
  return cells;
}

// How a mask falls, in packs of rows x groups of keys, and (whole, masked) in blocks of rows x groups of keys.
struct fall {
  double computed = 0, needed = 0, whole = 0, masked = 0;
  long looked = 0;
};
struct counter {
  long* count;
  void looked_in_vain() const { ++*count; }
};

template <const auto& Keep, result_list R, class... Args>
fall fall_of(extent_t rows, extent_t columns, Args&... args) {
  static_assert(plan::region_of<0, *R.of[0]>.pair.keep != 0);
  const std::vector<bool> cells = cells_of<Keep>(rows, columns, args...);
  constexpr extent_t lanes = simd::native_lanes<float>, group = simd::group, block = simd::block_rows<float>;
  const extent_t packs = (rows + lanes - 1) / lanes, groups = (columns + group - 1) / group;
  std::vector<char> some(std::size_t(packs * groups)), every((some.size() + simd::vectors) * simd::vectors, 1);
  for (extent_t i = 0; i < rows; ++i)
    for (extent_t j = 0; j < columns; ++j) {
      const bool seen = cells[std::size_t(i * columns + j)];
      some[std::size_t(i / lanes * groups + j / group)] |= seen;
      every[std::size_t(i / block * groups + j / group)] &= seen;
    }
  fall f;
  for (const char s : some) f.needed += s;
  for (extent_t i = 0; i < (rows + block - 1) / block * groups; ++i) f.whole += every[std::size_t(i)];
  heed_tests::each_met_tile<R>(
      rows, columns,
      [&](const show::met_tile& t) {
        f.computed += t.packs.count;
        f.masked += t.mixed && every[std::size_t(t.first_row / block * groups + t.first_key / group)];
        for (int p = 0; p < simd::vectors; ++p)
          if (t.packs.has(p)) some[std::size_t((t.first_row / lanes + p) * groups + t.first_key / group)] = 0;
      },
      counter{&f.looked}, args...);
  BOOST_TEST(std::count(some.begin(), some.end(), 1) == 0, "tiles that hold visible pairs are left out");
  return f;
}

constexpr struct {
  extent_t rows, columns;
} extents[] = {{160, 160}, {150, 333}, {203, 97}};

// The most that a family costs at some extents, relative to the tiles that are needed, and the share of whole tiles
// that run with mask code. No tile is computed that holds no visible pair, whatever the mask.
struct family {
  const char* name;
  double computed = 0, looked = 0, masked = 0;
  void add(const fall& f) {
    computed = std::max(computed, f.computed / std::max(f.needed, 1.0));
    looked = std::max(looked, double(f.looked) / std::max(f.needed, 1.0));
    masked = std::max(masked, f.masked / std::max(f.whole, 1.0));
  }
  void check(double most_looked, double most_masked) const {
    BOOST_TEST_MESSAGE(name << ": computed " << computed << ", looked at in vain " << looked << ", masked though whole "
                            << masked);
    BOOST_TEST(computed == 1, name << ": computes " << computed);
    BOOST_TEST(looked <= most_looked, name << ": looks in vain at " << looked);
    BOOST_TEST(masked <= most_masked, name << ": masks " << masked << " of what is whole");
  }
};
template <const auto& Keep, class... Args> family fall_everywhere(const char* name, Args&&... args) {
  family f{name};
  for (const auto& e : extents) f.add(fall_of<Keep, statistics<Keep>>(e.rows, e.columns, args...));
  return f;
}
// A limit on packs of at most 8 rows, and one on packs of 16, of which fewer lie inside of a mask's blocks.
constexpr double by_width(double narrow, double wide) { return simd::native_lanes<float> <= 8 ? narrow : wide; }
#define FALLS(KEEP, LOOKED, MASKED, ...) fall_everywhere<KEEP>(#KEEP __VA_OPT__(, ) __VA_ARGS__).check(LOOKED, MASKED)

// Positions.
constexpr auto past = causal(n, m);
constexpr auto cached = causal(n, m, size<m> - size<n>);
constexpr auto sliding = sliding_window(n, m, 20);
constexpr auto two_sided = sliding_window(n, m, 13, 6);
constexpr auto dilated = abs(n - m) <= 60 && (n - m) % 16 == 0;
constexpr auto strided = m <= n && (n - m < 16 || (n - m) % 16 == 0);
constexpr auto fixed = m <= n && (floor_divide(n, 32) == floor_divide(m, 32) || m % 32 >= 28);
constexpr auto chunked = m <= n && floor_divide(n, 32) == floor_divide(m, 32);
constexpr auto prefix = m < 37 || m <= n;
constexpr auto clamped = abs(min(max(n, 10), size<n> - 11) - m) <= 10;
// A grid of 16 columns.
constexpr auto row_n = floor_divide(n, 16);
constexpr auto row_m = floor_divide(m, 16);
constexpr auto column_n = n % 16;
constexpr auto column_m = m % 16;
constexpr auto neighbourhood =
    abs(clamp(row_n, 2, floor_divide(size<n>, 16) - 3) - row_m) <= 2 && abs(clamp(column_n, 2, 13) - column_m) <= 2;
constexpr auto sliding_tiles = abs(floor_divide(row_n, 4) - floor_divide(row_m, 4)) <= 1 &&
                               abs(floor_divide(column_n, 4) - floor_divide(column_m, 4)) <= 1;
constexpr auto swin =
    floor_divide(row_n, 4) == floor_divide(row_m, 4) && floor_divide(column_n, 4) == floor_divide(column_m, 4);
// Two halves of `half` positions: noisy blocks of 16, then clean ones. Arriola et al. 2025.
constexpr auto half = input<"half", std::int32_t>();
constexpr auto noisy_n = n < half;
constexpr auto noisy_m = m < half;
constexpr auto block_n = floor_divide(where(noisy_n, n, n - half), 16);
constexpr auto block_m = floor_divide(where(noisy_m, m, m - half), 16);
constexpr auto diffusion = (block_n == block_m && noisy_n == noisy_m) || (noisy_n && !noisy_m && block_m < block_n) ||
                           (!noisy_n && !noisy_m && block_m <= block_n);
// What operands say.
constexpr auto length = input<"length", std::int32_t>();
constexpr auto padded = padding(m, length);
constexpr auto doc = input<"doc", std::int32_t>(z);
constexpr auto documents = same_document(doc, n, m) && m <= n;
constexpr auto start = input<"start", std::int32_t>(x);
constexpr auto packed = start.at(doc.at(n)) <= m && m <= n;
constexpr auto local = same_document(doc, n, m) && m - start.at(doc.at(m)) <= n - start.at(doc.at(n)) && n - m < 24;
constexpr auto shared = m < 40 || (same_document(doc, n, m) && m <= n);
constexpr auto global = input<"global", bool>(z);
constexpr auto longformer = abs(n - m) <= 12 || global.at(n) || global.at(m);
constexpr auto seen = input<"seen", bool>(n, m);
constexpr auto captured = seen && m <= n;
constexpr auto first = input<"first", std::int32_t>(y);
constexpr auto second = input<"second", std::int32_t>(y);
constexpr auto place_n = floor_divide(n, 16);
constexpr auto place_m = floor_divide(m, 16);
constexpr auto listed = first.at(place_n) == place_m || second.at(place_n) == place_m;
constexpr auto big_bird = place_n < 1 || place_m < 1 || abs(place_n - place_m) <= 1 || listed;
constexpr auto map = input<"map", bool>(n, x);
constexpr auto cubes = gather<x>(map, place_m);
constexpr auto end = input<"end", std::int32_t>(z);
constexpr auto tree = m <= n && n < end.at(m);
constexpr auto tree_of_drafts = m < 40 || (m - 40 <= n && n < end.at(m));
constexpr auto bits = input<"bits", std::int32_t>(n, y);
constexpr auto power = input<"power", std::int32_t>(x);
constexpr auto words =
    m < 64 || floor_divide(gather<y>(bits, floor_divide(m - 64, 16)), power.at((m - 64) % 16)) % 2 == 1;
constexpr auto anchor = input<"anchor", std::int32_t>(y);
constexpr auto drafts = m < anchor.at(floor_divide(n, 8)) || (m >= 80 && floor_divide(m - 80, 8) == floor_divide(n, 8));
}  // namespace

BOOST_AUTO_TEST_CASE(of_positions) {
  FALLS(past, 0, 0);
  FALLS(cached, 0, 0);
  FALLS(sliding, 0, 0);
  FALLS(two_sided, 0, 0);
  FALLS(chunked, 0, 0);
  FALLS(prefix, 0, 0);
  FALLS(clamped, 0, 0);
  FALLS(dilated, by_width(0.13, 0.25), 0);
  FALLS(strided, 0, 0);
  FALLS(fixed, 0, 0);
  FALLS(neighbourhood, 0, 0);
  FALLS(sliding_tiles, 0, 0);
  FALLS(swin, 0, 0);
}
BOOST_AUTO_TEST_CASE(of_operands) {
  constexpr extent_t most = 400;
  std::mt19937 bits_of(5);
  std::vector<std::int32_t> D(most), S(64), first_of(32), second_of(32), ends(most), anchors(64), powers(16);
  for (extent_t i = 0; i < most; ++i) {
    const auto at = std::size_t(i);
    D[at] = i > 0 ? D[at - 1] + (bits_of() % 37 == 0) : 0;
    if (i == 0 || D[at] != D[at - 1]) S[std::size_t(D[at])] = std::int32_t(i);
  }
  tensor<bool> G(most), map_of(most, 32);
  G(0) = G(57) = true;
  for (std::size_t i = 0; i < 32; ++i)
    first_of[i] = std::int32_t(bits_of() % (i + 1)), second_of[i] = std::int32_t(bits_of() % 21);
  for (extent_t i = 0; i < most; ++i)
    for (extent_t j = 0; j < 32; ++j) map_of(i, j) = i % 16 ? map_of(i - 1, j) : bits_of() % 4 == 0;
  // A tree in depth-first order: parents by chance, what is below each ends somewhere.
  std::vector<extent_t> parent(most, -1);
  for (extent_t i = 1; i < most; ++i)
    for (parent[std::size_t(i)] = i - 1; bits_of() % 2 && parent[std::size_t(i)] > 0;)
      parent[std::size_t(i)] = parent[std::size_t(parent[std::size_t(i)])];
  for (extent_t i = most; i-- > 0;) {
    ends[std::size_t(i)] = std::max(ends[std::size_t(i)], std::int32_t(i + 1));
    if (parent[std::size_t(i)] >= 0) {
      std::int32_t& above = ends[std::size_t(parent[std::size_t(i)])];
      above = std::max(above, ends[std::size_t(i)]);
    }
  }
  tensor<std::int32_t> W(most, 32);
  for (extent_t i = 0; i < most; ++i)
    for (extent_t j = i; j >= 0; j = parent[std::size_t(j)]) W(i, j / 16) |= 1 << (j % 16);
  for (std::size_t i = 0; i < 64; ++i) anchors[i] = std::int32_t(bits_of() % 80);
  for (std::size_t i = 0; i < 16; ++i) powers[i] = 1 << i;
  const std::int32_t eighty = 80, seventy = 70;
  FALLS(diffusion, 0, by_width(0.11, 0.19), half = eighty);
  FALLS(padded, 0, 0, length = seventy);
  FALLS(documents, 0, 0, doc = D);
  FALLS(packed, 0, 0, doc = D, start = S);
  FALLS(shared, 0, 0, doc = D);
  FALLS(local, by_width(0.12, 0.3), 0, doc = D, start = S);
  FALLS(longformer, 0, 0, global = G);
  FALLS(listed, 0, 0.25, first = first_of, second = second_of);
  FALLS(big_bird, 0, by_width(0.11, 0.15), first = first_of, second = second_of);
  FALLS(tree, 0, 0, end = ends);
  FALLS(tree_of_drafts, 0, 0, end = ends);
  FALLS(drafts, 0, 0, anchor = anchors);
  family maps{"cubes"}, ancestors{"words"};
  for (const auto& e : extents) {
    auto of_blocks = map = view(map_of.data(), {e.rows, 32});
    auto of_nodes = bits = view(W.data(), {e.rows, 32});
    auto of_bits = power = powers;
    maps.add(fall_of<cubes, statistics<cubes>>(e.rows, e.columns, of_blocks));
    ancestors.add(fall_of<words, statistics<words>>(e.rows, e.columns, of_nodes, of_bits));
  }
  maps.check(0, 0);
  ancestors.check(0.1, 0);
}
BOOST_AUTO_TEST_CASE(by_chance) {
  family f{"captured"};
  std::mt19937 bits_of(7);
  for (const unsigned one_in : {2u, 10u, 50u, 400u})
    for (const auto& e : extents) {
      tensor<bool> S(e.rows, e.columns);
      for (bool& s : S) s = bits_of() % one_in == 0;
      auto bound = seen = S;
      f.add(fall_of<captured, statistics<captured>>(e.rows, e.columns, bound));
    }
  f.check(by_width(0.15, 0.18), 0);
}
