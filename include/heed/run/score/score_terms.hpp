// The contractions of a score beside the first. Their elements for a group of keys lie in memory while the first is
// contracted, which needs all registers, and the program reads them from there: a store and a load for each pack beside
// the products of a whole depth. The rows of a block stand in the lanes behind those of the first contraction.
#pragma once
#include "score_values.hpp"

namespace heed::internal::run::inline HEED_INSTRUCTION_SET {

constexpr bool is_term(const instruction& x) { return x.code == op::tile && x.operand >= first_term; }

template <const auto& Region, class F> HEED_INLINE constexpr void each_term(const F& f) {
  [&]<int... I>(std::integer_sequence<int, I...>)
      HEED_INLINED { (f.template operator()<I>(), ...); }(std::make_integer_sequence<int, Region.terms.count>{});
}

// Elements [term][key][row] of a group of keys. Nothing at all where there are no terms.
template <class T, int Count> struct term_tiles {
  static constexpr int size = simd::group * simd::block_rows<T>;  // of one
  alignas(64) T of[Count * size];
};
template <class T> struct term_tiles<T, 0> {};
// Where those at a key and from a row on begin, for each term a fixed distance further.
template <class T, int Count> struct term_elements {
  const T* at = nullptr;
  term_elements() = default;
  // mutants: term_of_first_key
  HEED_INLINE term_elements(const term_tiles<T, Count>& tiles, int key, int row)
      : at(tiles.of + key * simd::block_rows<T> + row) {}
  HEED_INLINE simd::pack<T> operator[](int term) const {
    return simd::pack<T>::load(at + term * term_tiles<T, Count>::size);
  }
};
template <class T> struct term_elements<T, 0> {
  term_elements() = default;
  HEED_INLINE term_elements(const term_tiles<T, 0>&, int, int) {}
};

// The score region, forward: the extents of the terms, and where an item's columns of them lie.
template <const auto& Region, class T, int Count = Region.terms.count> struct term_sizes {
  extent_t depth[Count];
  bool in_place[Count];  // the column operand
  explicit term_sizes(const environment& c) {
    for (int i = 0; i < Count; ++i) {
      const term& t = Region.terms[i];
      depth[i] = c.extent[t.depth];
      in_place[i] = Region.operands[t.column_operand].type == element_of<T> &&
                    (c.operands[t.column_operand].stride[t.depth] == 1 || depth[i] <= 1);
    }
  }
  extent_t total() const {
    extent_t sum = 0;
    for (const extent_t one : depth) sum += one;
    return sum;
  }
  extent_t wider_than(extent_t first) const {
    for (const extent_t one : depth) first = std::max(first, one);
    return first;
  }
};
template <const auto& Region, class T> struct term_sizes<Region, T, 0> {
  explicit term_sizes(const environment&) {}
  static constexpr extent_t total() { return 0; }
  static constexpr extent_t wider_than(extent_t first) { return first; }
};
template <const auto& Region, class T, int Count = Region.terms.count> struct term_columns {
  const T* at[Count];
  extent_t stride[Count];
  term_columns(const environment& call, const extent_t* base) {
    for (int i = 0; i < Count; ++i) {
      const int k = Region.terms[i].column_operand;
      at[i] = static_cast<const T*>(call.operands[k].data) + base[k];
      stride[i] = call.operands[k].stride[is_skewed(Region.terms[i]) ? Region.terms[i].table : Region.columns[0]];
    }
  }
};
template <const auto& Region, class T> struct term_columns<Region, T, 0> {
  term_columns(const environment&, const extent_t*) {}
};

}  // namespace heed::internal::run::inline HEED_INSTRUCTION_SET
