// The program of a score region on packs: rows in the lanes, one key at a time. Operands that lie over pairs of rows
// and keys are transposed tile by tile on the way.
#pragma once
#include "score_bytes.hpp"
#include "score_terms.hpp"

namespace heed::internal::run::inline HEED_INSTRUCTION_SET {

template <const auto& Region, class T>
struct score_packs : score_values<Region, T> {
  using values = score_values<Region, T>;
  using typename values::context, typename values::P, typename values::I, typename values::W, typename values::M;
  static constexpr int rows = values::rows, lanes = values::lanes, size = values::size, column = values::column;
  using values::tile_keys;
  using bytes = score_bytes<Region, T>;

  // Pairwise operands at the keys of a tile: rows are read along the keys, a few packs at a time because rows lie pages
  // apart, and transposed.
  static void load_tiles_at(context& c, extent_t key) {
    const extent_t first = key / tile_keys * tile_keys;
    if (c.tile_first != first) load_tiles(c, first);
  }
  // Where rows run along the keys and hold elements as the program wants them, whole squares are transposed from where
  // they lie; else, and at the end of the keys, packs are gathered first.
  static HEED_NOINLINE void load_tiles(context& c, extent_t first) {
    c.tile_first = first;
    each_of<values::tiled_loads>([&]<int K>() {
      constexpr instruction x = Region.code[K];
      constexpr element e = Region.operands[x.operand].type;
      using V = std::conditional_t<class_of(x.type) == value_class::real, P, W>;
      const view& v = c.call.operands[x.operand];
      const extent_t stride = v.stride[column];
      T* const to = c.tiles + values::pair_number(x.operand) * tile_keys * rows;
      const extent_t end = std::min<extent_t>(first + tile_keys, c.columns);
      const bool direct = stride == 1 && std::is_same_v<typename V::element, storage<e>>;
      for (int r = 0; r < c.pack_count * lanes; r += lanes)
        for (extent_t key = first; key < end; key += lanes) {
          const extent_t* offset = c.row_offset[x.operand] + r;
          T* const at = to + (key - first) * rows + r;
          if (direct && end - key >= lanes) {
            simd::transpose_square<rows>(static_cast<const typename V::element*>(v.data) + c.base[x.operand] + key,
                                         offset, reinterpret_cast<typename V::element*>(at));
            continue;
          }
          V packs[lanes];
          HEED_KEEP_LOOP for (int i = 0; i < lanes; ++i) packs[i] = load_lanes<e, V>(
              v.data, c.base[x.operand] + offset[i] + key * stride, stride, int(std::min<extent_t>(lanes, end - key)));
          simd::transpose(packs);
          HEED_UNROLL for (int i = 0; i < lanes; ++i)
            __builtin_memcpy(at + i * rows, &packs[i].x, sizeof packs[i].x);
        }
    });
  }
  // What the program needs at a group of keys; `masked`: with its mask.
  static void load_pairs_at(context& c, extent_t key, bool masked) {
    if constexpr (values::tiled_loads.count > 0) load_tiles_at(c, key);
    if constexpr (bytes::exist)
      if (masked || bytes::read_elsewhere) bytes::load_at(c, key);
  }
  // Asks for what load_tiles will read next, a row every few steps of a contraction: rows lie too far apart for the
  // hardware to guess, and a burst of requests would hold the miss buffers that keys and values need. The first
  // pairwise operand only.
  static constexpr int first_pair_load() {
    for (int i = 1; i < size; ++i)
      if (values::is_pair_load(Region.code[i]) && !values::is_byte_load(Region.code[i])) return i;
    return 0;
  }
  struct prefetcher {
    static constexpr instruction x = Region.code[first_pair_load()];
    using E = storage<Region.operands[x.operand].type>;
    static constexpr int groups = tile_keys / simd::group, share = (rows + groups - 1) / groups;  // rows for each group
                                                                                                  // of keys
    static constexpr extent_t line = 64 / sizeof(E);
    const E* base = nullptr;
    const extent_t* offset = nullptr;
    int spread = 0;  // a row every 2^spread steps
    extent_t end = 0;

    // `forwards`: the tile behind this one comes next, not the one before.
    prefetcher(const context& c, extent_t group_first, extent_t depth, bool forwards = false) {
      const view& v = c.call.operands[x.operand];
      const extent_t next = c.tile_first + (forwards ? tile_keys : -tile_keys);
      if (next < 0 || next + tile_keys > c.columns || v.stride[column] != 1) return;
      const int from = int((group_first - c.tile_first) / simd::group) * share;
      while ((extent_t(share) << (spread + 1)) <= depth) ++spread;
      base = static_cast<const E*>(v.data) + c.base[x.operand] + next;
      offset = c.row_offset[x.operand] + from;
      end = extent_t(std::min(share, rows - from)) << spread;
    }
    HEED_INLINE void operator()(extent_t d) const {
      if (d >= end || d >> spread << spread != d) return;
      const E* at = base + offset[d >> spread];
      asm volatile("");  // g++ takes what only prefetches for something that does nothing
      __builtin_prefetch(at, 0, 2);
      if constexpr (tile_keys > line) __builtin_prefetch(at + line, 0, 2);
    }
  };

  // Packs: `lanes` rows from `first` on against one key. What lacks the rows is a plain number.
  struct pack_environment {
    using types = pack_types<T>;
    static constexpr bool wide(const instruction& x) { return x.where == role::row || x.where == role::pair; }
    static constexpr bool given(const instruction& x) {
      return x.code != op::constant && (x.where == role::uniform || x.where == role::row || values::is_distance(x));
    }
    const context& state;
    int first;  // row of the pack
    extent_t key;
    P tile;
    [[no_unique_address]] term_elements<T, Region.terms.count> terms{};

    // Leaves by where they vary: uniform and row values from the cache, an operand along the keys from memory, one over
    // pairs from the tile.
    template <int K> HEED_INLINE auto get() const {
      constexpr instruction x = Region.code[K];
      constexpr value_class kind = class_of(x.type);
      if constexpr (is_term(x)) return terms[x.operand - first_term];
      else if constexpr (x.code == op::tile) return tile;
      else if constexpr (x.where == role::uniform) {
        if constexpr (kind == value_class::real) return state.uniform_real[K];
        else if constexpr (kind == value_class::whole) return I(state.uniform_whole[K]);
        else return state.uniform_truth[K];
      } else if constexpr (x.where == role::row) {
        if constexpr (kind == value_class::real) return P::load(state.real[K] + first);
        else if constexpr (kind == value_class::whole) return W::load(state.whole[K] + first);
        else return W::load(state.truth[K] + first) != W(I(0));
      } else if constexpr (values::is_distance(x)) {
        constexpr instruction d = Region.code[x.a];
        constexpr bool row_first = Region.code[d.a].where == role::row;
        constexpr int col = row_first ? d.b : d.a, row = row_first ? d.a : d.b;
        const T there = T(evaluate<Region, col>(*this) - state.first_row[row]);
        if constexpr (row_first) return P::load(state.real[K] + first) - P(there);
        else return P(there) - P::load(state.real[K] + first);
        // mutants: causal_off_by_one
      } else if constexpr (x.code == op::index) return I(key);
      else if constexpr (x.where == role::column) {
        constexpr element e = Region.operands[x.operand].type;
        const view& from = state.call.operands[x.operand];
        const extent_t at = state.base[x.operand] + key * from.stride[column];
        if constexpr (kind == value_class::real) return element_at<e, T>(from.data, at);
        else if constexpr (kind == value_class::whole) return element_at<e, I>(from.data, at);
        else return element_at<e, bool>(from.data, at);
      } else if constexpr (values::is_byte_load(x)) return bytes::get(state, x.operand, key, first);
      else {
        constexpr int number = values::pair_number(x.operand);  // clang searches for it at every pack otherwise
        const T* at = state.tiles + (number * tile_keys + (key - state.tile_first)) * rows + first;
        if constexpr (kind == value_class::real) return P::load(at);
        else {
          W w;
          __builtin_memcpy(&w.x, at, sizeof w.x);
          if constexpr (kind == value_class::truth) return w != W(I(0));
          else return w;
        }
      }
    }
    // A table at an index, row by row, for each row may have a table of its own; an index outside names its first or
    // last entry.
    template <int K, class Index> HEED_INLINE auto gather(Index where) const {
      constexpr instruction x = Region.code[K];
      constexpr operand o = Region.operands[x.operand];
      constexpr value_class kind = class_of(x.type);
      using E = std::conditional_t<kind == value_class::real, T, I>;
      const view& from = state.call.operands[x.operand];
      const extent_t step = from.stride[x.axis], top = state.call.extent[x.axis] - 1;
      extent_t base = state.base[x.operand];
      if constexpr ((o.axes >> column & 1) && column != x.axis) base += key * from.stride[column];
      const auto one = [&](extent_t i, int r) HEED_INLINED {
        if (top < 0) return E(0);
        return element_at<o.type, E>(from.data, base + state.row_offset[x.operand][r] +
                                                    (i < 0     ? 0
                                                     : i > top ? top
                                                               : i) *
                                                        step);
      };
      if constexpr (!wide(x)) {
        if constexpr (kind == value_class::truth) return one(where, 0) != E(0);
        else return one(where, 0);
      } else {
        alignas(64) E r[lanes];
        for (int i = 0; i < lanes; ++i) {
          if constexpr (std::is_arithmetic_v<Index>) r[i] = one(where, first + i);
          else r[i] = one(where[i], first + i);
        }
        if constexpr (kind == value_class::truth) return W::load(r) != W(I(0));
        else return simd::pack<E>::load(r);
      }
    }
  };
};

}  // namespace heed::internal::run::inline HEED_INSTRUCTION_SET
