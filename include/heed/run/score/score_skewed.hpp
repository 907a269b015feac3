// Contractions of a score with a table that is read at a distance. All pairs of a diagonal read one entry, so that a
// block of rows is contracted with entries, one a distance, as with keys: a line of products for each. Of a group of
// keys a row wants the line of its distance, which is a diagonal through lines; the group of keys beside it wants all
// of them but a few, and as many new ones. So a ring of a few groups of lines is all that is stored, and every product
// of a row and a distance is made once. Neighbouring distances of one entry (clamped, or in buckets) share it.
#pragma once
#include "../../simd/skewed.hpp"
#include "score_terms.hpp"

namespace heed::internal::run::inline HEED_INSTRUCTION_SET {

constexpr int skewed_count(const region& r, int terms) {  // of the first terms
  int n = 0;
  for (int i = 0; i < terms; ++i) n += is_skewed(r.terms[i]);
  return n;
}

// The positions of the rows of a block, and what table entries lie at their distances.
template <const auto& Region, class T> struct skewed_rows {
  using values = score_values<Region, T>;
  using context = typename values::context;
  using I = typename values::I;
  static constexpr int rows = values::rows, lanes = values::lanes, position = Region.rows[0];

  extent_t first, last;                                    // positions of the first and of the last row
  int of_pack[simd::vectors], end_of_pack[simd::vectors];  // of the first and the last row of a pack, behind `first`
  alignas(64) I far[simd::skew_steps<T> * rows];           // of a row from the first one of its pack: see simd::skew

  // Rows from `from` on; those that do not exist repeat the last one.
  void set(const environment& call, extent_t from, int count) {
    const auto at = [&](int r) {
      return index_along(Region.rows, call.extent, position, from + std::min(r, count - 1));
    };
    first = at(0), last = at(rows - 1);
    for (int r = 0; r < rows; ++r) {
      if (r % lanes == 0) of_pack[r / lanes] = int(at(r) - first);
      end_of_pack[r / lanes] = int(at(r) - first);
      const int shift = int(at(r) - first) - of_pack[r / lanes];
      for (int s = 0; s < simd::skew_steps<T>; ++s) far[s * rows + r] = shift >> s & 1 ? I(-1) : I(0);
    }
  }
  // The entries at distances from `first` on. A function of the distance alone may be asked as if the key were at 0.
  template <int Index, int Table>
  static void entries(const context& c, extent_t first, int count, extent_t* to) {
    scalar_environment<Region> at = c.item;
    at.index[values::column] = 0;
    const extent_t last = std::max<extent_t>(c.call.extent[Table] - 1, 0);
    for (int i = 0; i < count; ++i) {
      at.index[position] = first + i;
      to[i] = std::clamp<extent_t>(extent_t(evaluate<Region, Index>(at)), 0, last);
    }
  }
};

// How many groups of lines a ring holds: those that a block of rows meets at a group of keys, in a power of two.
constexpr int places_of_lines(int rows, int group) {
  return int(std::bit_ceil(unsigned((rows + group - 2) / group + 1)));
}
// The lines of a term for a block of rows. Groups of distances are numbered by the keys that the first row meets there:
// group -k has the distances of that row to a group of keys from k * group on.
template <class T> struct distance_lines {
  static constexpr int rows = simd::block_rows<T>, group = simd::group, places = places_of_lines(rows, group);
  alignas(64) T of[places * group * rows];
  extent_t number[places];  // of the group that lies there
  extent_t entry;           // of the group that was made last, if it has but one; -1
  int last;

  void clear() {
    for (extent_t& n : number) n = std::numeric_limits<extent_t>::max();
    entry = -1, last = 0;
  }
  T* at(int place) { return of + place * group * rows; }
};

// What a block of rows knows of its distances: nothing, where none is looked at.
template <const auto& Region, class T, bool Any = has_distances(Region)>
struct skewed_block : skewed_rows<Region, T> {
  using base = skewed_rows<Region, T>;
  using base::rows, base::lanes;
  using typename base::context;
  static constexpr int group = simd::group, count = skewed_count(Region, Region.terms.count);
  distance_lines<T> lines[std::max(count, 1)];

  void set_rows(const environment& call, extent_t from, int row_count) {
    base::set(call, from, row_count);
    for (int i = 0; i < count; ++i) lines[i].clear();
  }

  // Entries of a term, where they lie: in elements of T side by side, or anyhow.
  struct entries {
    const T* in_place;  // or null
    extent_t stride;
    T* copied;  // memory for those of a group
  };
  // The products of a group of keys and some packs of the block with what lies at their distances. queries: of this
  // term, all packs.
  template <int Term, int Packs>
  void contract(const context& c, const T* queries, extent_t depth, const entries& table, extent_t key, int row,
                int step, T* to) {
    distance_lines<T>& l = lines[skewed_count(Region, Term)];
    const extent_t low = -key / group, high = low + (base::last - base::first + group - 1) / group;
    for (extent_t number = low; number <= high; ++number) {
      const int place = int(number & (l.places - 1));
      if (l.number[place] != number) make<Term>(c, l, number, place, queries, depth, table);
    }
    const int apart = int(simd::packs_apart<Packs, T>(step));
    for (int v = 0; v < Packs; ++v) {
      const int lane = row + v * apart;
      simd::skewed_group<T>(l.of + lane, base::of_pack[lane / lanes] - key, l.places * group - 1, base::far + lane,
                            to + v * apart);
    }
  }

 private:
  template <int Term>
  HEED_NOINLINE void make(const context& c, distance_lines<T>& l, extent_t number, int place, const T* queries,
                          extent_t depth, const entries& table) const {
    constexpr term t = Region.terms[Term];
    T* const to = l.at(place);
    extent_t entry[group];
    base::template entries<t.index, t.table>(c, base::first + number * group - (group - 1), group, entry);
    bool even = true;
    for (int i = 2; i < group; ++i) even = even && entry[i] - entry[i - 1] == entry[1] - entry[0];
    const bool same = even && entry[1] == entry[0];
    if (same && entry[0] == l.entry) {
      if (place != l.last) std::memcpy(to, l.at(l.last), group * rows * sizeof(T));
    } else if (even && table.in_place && c.call.extent[t.table] > 0) {
      simd::contract_into<simd::vectors>(queries, table.in_place + entry[0] * table.stride,
                                         (entry[1] - entry[0]) * table.stride, depth, to);
    } else {
      copy<Term>(c, entry, depth, table);
      simd::contract_into<simd::vectors>(queries, table.copied, depth, depth, to);
    }
    l.number[place] = number, l.entry = same ? entry[0] : -1, l.last = place;
  }
  // Of a table without entries every one is 0.
  template <int Term>
  static void copy(const context& c, const extent_t* entry, extent_t depth, const entries& table) {
    constexpr term t = Region.terms[Term];
    const view& v = c.call.operands[t.column_operand];
    for (int i = 0; i < group; ++i)
      for (extent_t d = 0; d < depth; ++d) {
        T& to = table.copied[i * depth + d];
        if (c.call.extent[t.table] < 1) to = T(0);
        else if (table.in_place) to = table.in_place[entry[i] * table.stride + d];
        else
          to = element_at<Region.operands[t.column_operand].type, T>(
              v.data, c.base[t.column_operand] + entry[i] * v.stride[t.table] + d * v.stride[t.depth]);
      }
  }
};
template <const auto& Region, class T> struct skewed_block<Region, T, false> {};

// Where a block has it.
template <class Block, bool Any> struct skewed_place {
  Block* at = nullptr;
};
template <class Block> struct skewed_place<Block, false> {
  skewed_place() = default;
  explicit skewed_place(Block*) {}
};
// ... for term I, so that regions without any need not have it.
template <int I, class Place> HEED_INLINE auto& distances_of(const Place& place) { return *place.at; }

}  // namespace heed::internal::run::inline HEED_INSTRUCTION_SET
