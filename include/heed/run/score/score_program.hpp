// The program of a score region on a block of rows: values that do not change with the key are worked out once a block
// (row cache), the rest on packs, rows in the lanes, one key at a time; and over intervals, to know what a mask is on a
// tile.
#pragma once
#include "../../plan/facts/interval.hpp"
#include "../program/evaluate.hpp"
#include "../program/scalar_environment.hpp"
#include "score_block.hpp"

namespace heed::internal::run::inline HEED_INSTRUCTION_SET {

template <const auto& Region, class T>
struct score_program {
  using P = simd::pack<T>;
  using I = simd::integer_of_size<sizeof(T)>;
  using W = simd::pack<I>;
  using M = typename P::mask;
  static constexpr int rows = simd::block_rows<T>, lanes = P::lanes, size = Region.code.size;
  static constexpr int column = Region.columns[0];

  static constexpr bool is_row(const instruction& x) { return x.where == role::row; }
  static constexpr bool is_pair_load(const instruction& x) { return x.code == op::load && x.where == role::pair; }
  // real(column - row) or real(row - column), of whole numbers: subtracted as reals, both taken from the block's first
  // row, which is exact while they are within 2^24 of it and saves a conversion per score.
  static constexpr bool is_distance(const instruction& x) {
    if (x.code != op::cast || x.decides || class_of(x.type) != value_class::real || x.where != role::pair) return false;
    const instruction& d = Region.code[x.a];
    if (d.code != op::subtract || class_of(d.type) != value_class::whole) return false;
    const role a = Region.code[d.a].where, b = Region.code[d.b].where;
    return (a == role::row && b == role::column) || (a == role::column && b == role::row);
  }
  // The number of a pairwise operand among those that are transposed tile by tile.
  static constexpr int pair_number(int operand) {
    bool seen[max_operands]{};
    int n = 0;
    for (int i = 1; i < size; ++i)
      if (is_pair_load(Region.code[i]) && !seen[Region.code[i].operand]) {
        seen[Region.code[i].operand] = true;
        if (Region.code[i].operand == operand) return n;
        ++n;
      }
    return operand < 0 ? n : -1;
  }
  static constexpr int pairs = pair_number(-1);

  // What the mask is computed from. One that looks at the contracted score is known only behind the contraction.
  static constexpr auto in_mask = plan::needed_by(Region.code, Region.pair.keep);
  template <class F> static constexpr bool mask_has(const F& f) {
    for (int i = 1; i < size; ++i)
      if (in_mask[i] && f(Region.code[i])) return true;
    return false;
  }
  static constexpr bool mask_reads_score = mask_has([](const instruction& x) { return x.code == op::tile; });
  static constexpr bool mask_reads_pairs = mask_has(is_pair_load);

  // A block of rows of one batch item, as the program sees it.
  struct context {
    const environment& call;
    scalar_environment<Region> item;  // indices of the batch item
    extent_t base[max_operands];      // offsets of operands at the item
    extent_t columns = 0;
    extent_t row_offset[max_operands][rows];
    int row_count = 0, pack_count = 0;  // rows that exist, packs that hold them
    alignas(64) T real[size][rows];
    alignas(64) I whole[size][rows];
    alignas(64) I truth[size][rows];                // all ones where true
    plan::interval range[simd::vectors + 1][size];  // of row values: over the block, then over each of its packs
    I first_row[size];                              // of whole row values: at the first row
    T uniform_real[size];
    std::int64_t uniform_whole[size];
    bool uniform_truth[size];
    T* tiles = nullptr;                     // pairwise operands: [pair][tile_keys][rows], keys from tile_first on
    plan::interval* pair_bounds = nullptr;  // of those that the mask reads: [pair][part][granules]
    extent_t tile_first = -1;
    context(const environment& e, extent_t keys)
        : call(e),
          item{e, {}},
          columns(keys) {}  // the caches stay uninitialised
  };

  template <class F> static constexpr void each(const F& f) {
    [&]<int... K>(std::integer_sequence<int, K...>) {
      (f.template operator()<K>(), ...);
    }(std::make_integer_sequence<int, size>{});
  }

  static void set_item(context& c, extent_t batch) {
    for (int i = Region.batch.count - 1; i >= 0; --i) {
      const extent_t e = c.call.extent[Region.batch[i]];
      c.item.index[Region.batch[i]] = batch % e, batch /= e;
    }
    for (int k = 0; k < Region.operands.count; ++k) {
      c.base[k] = 0;
      for (int i = 0; i < Region.batch.count; ++i)
        c.base[k] += c.item.index[Region.batch[i]] * c.call.operands[k].stride[Region.batch[i]];
    }
    each([&]<int K>() {
      constexpr instruction x = Region.code[K];
      if constexpr (K > 0 && x.where == role::uniform) {
        const auto v = evaluate<Region, K>(c.item);
        if constexpr (class_of(x.type) == value_class::real) c.uniform_real[K] = T(v);
        else if constexpr (class_of(x.type) == value_class::whole) c.uniform_whole[K] = v;
        else c.uniform_truth[K] = v;
      }
    });
  }
  static constexpr bool wanted_row(int k) { return k > 0 && is_row(Region.code[k]); }

  // Rows first .. first + count of the item. Rows that do not exist repeat the last one.
  static void set_rows(context& c, extent_t first, int count) {
    c.row_count = count, c.pack_count = (count + lanes - 1) / lanes, c.tile_first = -1;
    scalar_environment<Region> at = c.item;
    for (int r = 0; r < rows; ++r) {
      const extent_t number = first + (r < count ? r : count - 1);
      extent_t rest = number;
      for (int i = Region.rows.count - 1; i >= 0; --i) {
        const extent_t e = c.call.extent[Region.rows[i]];
        at.index[Region.rows[i]] = rest % e, rest /= e;
      }
      for (int k = 0; k < Region.operands.count; ++k) {
        extent_t o = 0;
        for (int i = 0; i < Region.rows.count; ++i)
          o += at.index[Region.rows[i]] * c.call.operands[k].stride[Region.rows[i]];
        c.row_offset[k][r] = o;
      }
      each([&]<int K>() {
        if constexpr (wanted_row(K)) {
          constexpr instruction x = Region.code[K];
          const auto v = evaluate<Region, K>(at);
          if constexpr (class_of(x.type) == value_class::real) c.real[K][r] = T(v);
          else if constexpr (class_of(x.type) == value_class::whole) c.whole[K][r] = I(v);
          else c.truth[K][r] = v ? I(-1) : I(0);
        }
      });
    }
    each([&]<int K>() {
      if constexpr (wanted_row(K)) {
        constexpr value_class kind = class_of(Region.code[K].type);
        for (int part = 0; part <= c.pack_count; ++part) {
          plan::bounds_of_values over;
          for (int r = part ? (part - 1) * lanes : 0; r < count && (part == 0 || r < part * lanes); ++r) {
            double v;
            if constexpr (kind == value_class::real) v = double(c.real[K][r]);
            else if constexpr (kind == value_class::whole) v = double(c.whole[K][r]);
            else v = c.truth[K][r] != 0;
            over.add(v);
          }
          c.range[part][K] = over.bounds();
        }
        if constexpr (kind == value_class::whole) c.first_row[K] = c.whole[K][0];
      }
      // distances keep their row value relative to the block's first row, as a real
      if constexpr (K > 0 && is_distance(Region.code[K])) {
        constexpr instruction d = Region.code[Region.code[K].a];
        constexpr int row = Region.code[d.a].where == role::row ? d.a : d.b;
        for (int r = 0; r < rows; ++r) c.real[K][r] = T(c.whole[row][r] - c.whole[row][0]);
      }
    });
    if constexpr (mask_reads_pairs) set_pair_bounds(c);
  }

  // Pairwise operands at the keys of a tile: rows are read along the keys, a few packs at a time because rows lie pages
  // apart, and transposed.
  static constexpr int tile_keys = 2 * lanes;
  static void load_tiles_at(context& c, extent_t key) {
    const extent_t first = key / tile_keys * tile_keys;
    if (c.tile_first != first) load_tiles(c, first);
  }
  static HEED_NOINLINE void load_tiles(context& c, extent_t first) {
    c.tile_first = first;
    each([&]<int K>() {
      if constexpr (K > 0 && is_pair_load(Region.code[K])) {
        constexpr instruction x = Region.code[K];
        constexpr element e = Region.operands[x.operand].type;
        using V = std::conditional_t<class_of(x.type) == value_class::real, P, W>;
        const view& v = c.call.operands[x.operand];
        const extent_t stride = v.stride[column];
        T* const to = c.tiles + pair_number(x.operand) * tile_keys * rows;
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
            HEED_KEEP_LOOP for (int i = 0; i < lanes; ++i) packs[i] =
                load_lanes<e, V>(v.data, c.base[x.operand] + offset[i] + key * stride, stride,
                                 int(std::min<extent_t>(lanes, end - key)));
            simd::transpose(packs);
            HEED_UNROLL for (int i = 0; i < lanes; ++i)
              __builtin_memcpy(at + i * rows, &packs[i].x, sizeof packs[i].x);
          }
      }
    });
  }
  // Asks for what load_tiles will read next, a row every few steps of a contraction: rows lie too far apart for the
  // hardware to guess, and a burst of requests would hold the miss buffers that keys and values need. The first
  // pairwise operand only.
  static constexpr int first_pair_load() {
    for (int i = 1; i < size; ++i)
      if (is_pair_load(Region.code[i])) return i;
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

  // Packs: `lanes` rows from 16 v on against one key. What lacks the rows is a plain number.
  struct pack_environment {
    using real_wide = P;
    using real_narrow = T;
    using whole_wide = W;
    using whole_narrow = I;
    using truth_wide = M;
    using truth_narrow = bool;
    using constant = T;
    static constexpr bool wide(const instruction& x) { return x.where == role::row || x.where == role::pair; }
    static constexpr bool given(const instruction& x) {
      return x.code != op::constant && (x.where == role::uniform || x.where == role::row || is_distance(x));
    }
    const context& c;
    int v;  // first row of the pack
    extent_t key;
    P tile;

    template <int K> HEED_INLINE auto get() const {
      constexpr instruction x = Region.code[K];
      constexpr value_class kind = class_of(x.type);
      if constexpr (x.code == op::tile) return tile;
      else if constexpr (x.where == role::uniform) {
        if constexpr (kind == value_class::real) return c.uniform_real[K];
        else if constexpr (kind == value_class::whole) return I(c.uniform_whole[K]);
        else return c.uniform_truth[K];
      } else if constexpr (x.where == role::row) {
        if constexpr (kind == value_class::real) return P::load(c.real[K] + v);
        else if constexpr (kind == value_class::whole) return W::load(c.whole[K] + v);
        else return W::load(c.truth[K] + v) != W(I(0));
      } else if constexpr (is_distance(x)) {
        constexpr instruction d = Region.code[x.a];
        constexpr bool row_first = Region.code[d.a].where == role::row;
        constexpr int col = row_first ? d.b : d.a, row = row_first ? d.a : d.b;
        const T there = T(evaluate<Region, col>(*this) - c.first_row[row]);
        if constexpr (row_first) return P::load(c.real[K] + v) - P(there);
        else return P(there) - P::load(c.real[K] + v);
        // mutants: causal_off_by_one
      } else if constexpr (x.code == op::index) return I(key);
      else if constexpr (x.where == role::column) {
        constexpr element e = Region.operands[x.operand].type;
        const view& from = c.call.operands[x.operand];
        const extent_t at = c.base[x.operand] + key * from.stride[column];
        if constexpr (kind == value_class::real) return element_at<e, T>(from.data, at);
        else if constexpr (kind == value_class::whole) return element_at<e, I>(from.data, at);
        else return element_at<e, bool>(from.data, at);
      } else {
        const T* at = c.tiles + (pair_number(x.operand) * tile_keys + (key - c.tile_first)) * rows + v;
        if constexpr (kind == value_class::real) return P::load(at);
        else {
          W w;
          __builtin_memcpy(&w.x, at, sizeof w.x);
          if constexpr (kind == value_class::truth) return w != W(I(0));
          else return w;
        }
      }
    }
    template <int K, class Index> HEED_INLINE auto gather(Index where) const {
      constexpr instruction x = Region.code[K];
      constexpr operand o = Region.operands[x.operand];
      constexpr value_class kind = class_of(x.type);
      using E = std::conditional_t<kind == value_class::real, T, I>;
      const view& from = c.call.operands[x.operand];
      const extent_t step = from.stride[x.axis], top = c.call.extent[x.axis] - 1;
      extent_t base = c.base[x.operand];
      if constexpr ((o.axes >> column & 1) && column != x.axis) base += key * from.stride[column];
      const auto one = [&](extent_t i, int r) HEED_INLINED {
        if (top < 0) return E(0);
        return element_at<o.type, E>(from.data, base + c.row_offset[x.operand][r] +
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
          if constexpr (std::is_arithmetic_v<Index>) r[i] = one(where, v + i);
          else r[i] = one(where[i], v + i);
        }
        if constexpr (kind == value_class::truth) return W::load(r) != W(I(0));
        else return simd::pack<E>::load(r);
      }
    }
  };

  // Bounds of operands along the columns that a mask reads, for every `granule` keys, so that classifying a long
  // stretch does not read it element by element. Those of pairwise operands are bounds over the rows of the block (part
  // 0) and over those of each of its packs.
  static constexpr int granule = plan::bounded_columns, parts = simd::vectors + 1;
  static constexpr extent_t granules_of(extent_t keys) { return (keys + granule - 1) / granule; }
  // How many intervals the bounds of pairwise operands take, a block.
  static constexpr extent_t pair_bounds_count(extent_t keys) {
    return mask_reads_pairs ? pairs * parts * granules_of(keys) : 0;
  }
  static plan::interval hull_of(const plan::interval* bounds, extent_t first, extent_t last) {
    plan::interval r = bounds[first / granule];
    for (extent_t i = first / granule + 1; i <= last / granule; ++i)
      r.lo = std::min(r.lo, bounds[i].lo), r.hi = std::max(r.hi, bounds[i].hi);
    return r;
  }
  static constexpr int bounded_number(int k) {  // of column loads; k < 0: how many
    int n = 0;
    for (int i = 1; i < size; ++i)
      if (Region.code[i].code == op::load && Region.code[i].where == role::column) {
        if (i == k) return n;
        ++n;
      }
    return k < 0 ? n : -1;
  }
  static constexpr int bounded = Region.pair.keep ? bounded_number(-1) : 0;

  struct interval_environment {
    using real_wide = plan::interval;
    using real_narrow = plan::interval;
    using whole_wide = plan::interval;
    using whole_narrow = plan::interval;
    using truth_wide = plan::interval;
    using truth_narrow = plan::interval;
    using constant = double;
    static constexpr bool wide(const instruction&) { return false; }
    static constexpr bool given(const instruction& x) {
      return x.code != op::constant && (x.where == role::uniform || x.where == role::row);
    }
    const context& c;
    const plan::interval* bounds;  // [bounded][granules]
    extent_t first, last;          // keys, inclusive
    int part;                      // 0: the block, v + 1: its pack v

    template <int K> plan::interval get() const {
      constexpr instruction x = Region.code[K];
      constexpr value_class kind = class_of(x.type);
      if constexpr (x.where == role::uniform) {
        if constexpr (kind == value_class::real) return double(c.uniform_real[K]);
        else if constexpr (kind == value_class::whole) return double(c.uniform_whole[K]);
        else return double(c.uniform_truth[K]);
      } else if constexpr (x.where == role::row) return c.range[part][K];
      else if constexpr (x.code == op::index) return {double(first), double(last)};
      else if constexpr (x.code == op::load && x.where == role::column) {
        return hull_of(bounds + bounded_number(K) * granules_of(c.columns), first, last);
      } else if constexpr (is_pair_load(x) && in_mask[K]) {
        return hull_of(c.pair_bounds + (pair_number(x.operand) * parts + part) * granules_of(c.columns), first, last);
      } else if constexpr (kind == value_class::truth) return {0, 1};
      else return {};
    }
    // A table at any of some indices: what it holds there, where that is not much to read; a longer stretch is halved
    // until it is.
    template <int K, class Index> plan::interval gather(Index where) const {
      constexpr instruction x = Region.code[K];
      constexpr operand o = Region.operands[x.operand];
      constexpr plan::interval anything =
          class_of(x.type) == value_class::truth ? plan::interval{0, 1} : plan::interval{};
      if constexpr ((o.axes >> column & 1) && column != x.axis) return anything;
      else {
        constexpr bool has_rows = [] {
          for (int i = 0; i < Region.rows.count; ++i)
            if (o.axes >> Region.rows[i] & 1 && Region.rows[i] != x.axis) return true;
          return false;
        }();
        const view& from = c.call.operands[x.operand];
        const extent_t top = c.call.extent[x.axis] - 1, step = from.stride[x.axis];
        if (top < 0 || plan::is_unknown(where)) return anything;
        const extent_t low = extent_t(std::clamp(where.lo, 0.0, double(top))),
                       high = extent_t(std::clamp(where.hi, 0.0, double(top)));
        const int row = part ? (part - 1) * lanes : 0, end = !has_rows ? row + 1
                                                             : part    ? std::min(part * lanes, c.row_count)
                                                                       : c.row_count;
        if ((high - low + 1) * (end - row) > plan::bounded_entries) return anything;
        plan::bounds_of_values over;
        for (int k = row; k < end; ++k)
          for (extent_t i = low; i <= high; ++i)
            over.add(element_at<o.type, double>(
                from.data, c.base[x.operand] + (has_rows ? c.row_offset[x.operand][k] : 0) + i * step));
        return over.bounds();
      }
    }
  };
  // Read once a block, a granule of a row at a time: rows lie apart.
  static HEED_NOINLINE void set_pair_bounds(context& c) {
    const extent_t granules = granules_of(c.columns);
    each([&]<int K>() {
      constexpr instruction x = Region.code[K];
      if constexpr (K > 0 && is_pair_load(x) && in_mask[K]) {
        constexpr element e = Region.operands[x.operand].type;
        using E = std::conditional_t<e == element::boolean, unsigned char, storage<e>>;  // vectorised as numbers only
        const view& v = c.call.operands[x.operand];
        const extent_t stride = v.stride[column];
        plan::interval* const to = c.pair_bounds + pair_number(x.operand) * parts * granules;
        for (extent_t g = 0; g < granules; ++g) {
          const extent_t first = g * granule;
          const int count = int(std::min<extent_t>(granule, c.columns - first));
          plan::bounds_of_values whole;
          for (int p = 0; p < c.pack_count; ++p) {
            E row[granule], low[granule], high[granule];
            bool bad[granule]{};
            for (int r = p * lanes; r < std::min((p + 1) * lanes, c.row_count); ++r) {
              const extent_t at = c.base[x.operand] + c.row_offset[x.operand][r] + first * stride;
              if (stride == 1 && count == granule)
                __builtin_memcpy(row, static_cast<const char*>(v.data) + at * extent_t(sizeof(E)), sizeof row);
              else
                for (int i = 0; i < granule; ++i)
                  row[i] = element_at<e, E>(v.data, at + std::min(i, count - 1) * stride);
              if (r == p * lanes) std::memcpy(low, row, sizeof row), std::memcpy(high, row, sizeof row);
              for (int i = 0; i < granule; ++i) {
                low[i] = row[i] < low[i] ? row[i] : low[i];
                high[i] = high[i] < row[i] ? row[i] : high[i];
                if constexpr (std::is_floating_point_v<E>) bad[i] = bad[i] | (row[i] != row[i]);
              }
            }
            for (int half = granule / 2; half > 0; half /= 2)
              for (int i = 0; i < half; ++i) {
                low[i] = low[i + half] < low[i] ? low[i + half] : low[i];
                high[i] = high[i] < high[i + half] ? high[i + half] : high[i];
                bad[i] = bad[i] | bad[i + half];
              }
            to[(p + 1) * granules + g] = bad[0] ? plan::interval() : plan::interval(double(low[0]), double(high[0]));
            whole.add(double(low[0])), whole.add(double(high[0]));
            whole.unknown = whole.unknown || bad[0];
          }
          to[g] = whole.bounds();
        }
      }
    });
  }
  static void set_bounds(const context& c, plan::interval* bounds) {
    each([&]<int K>() {
      constexpr instruction x = Region.code[K];
      if constexpr (K > 0 && Region.pair.keep != 0 && x.code == op::load && x.where == role::column) {
        constexpr element e = Region.operands[x.operand].type;
        const view& from = c.call.operands[x.operand];
        const extent_t granules = granules_of(c.columns);
        for (extent_t g = 0; g < granules; ++g) {
          plan::bounds_of_values over;
          for (extent_t i = g * granule; i < c.columns && i < (g + 1) * granule; ++i)
            over.add(element_at<e, double>(from.data, c.base[x.operand] + i * from.stride[column]));
          bounds[bounded_number(K) * granules + g] = over.bounds();
        }
      }
    });
  }
};

enum class tile_kind : std::uint8_t { empty, mixed, full };

// What the mask is on keys [first, last] x the rows of the block (part 0) or of its pack part - 1.
template <const auto& Region, class T>
inline tile_kind classify(const typename score_program<Region, T>::context& c, const plan::interval* bounds,
                          extent_t first, extent_t last, int part = 0) {
  if constexpr (Region.pair.keep == 0) return tile_kind::full;
  else {
    const plan::interval keep = evaluate<Region, Region.pair.keep>(
        typename score_program<Region, T>::interval_environment{c, bounds, first, last, part});
    // mutants: mixed_tile_called_full
    return keep.hi <= 0 ? tile_kind::empty : keep.lo > 0 ? tile_kind::full : tile_kind::mixed;
  }
}
// Does a row of pack v see any of the keys [first, last]? The mask itself, where it is known before the score is.
template <const auto& Region, class T>
HEED_NOINLINE bool sees_any(typename score_program<Region, T>::context& c, extent_t first, extent_t last, int v) {
  using program_type = score_program<Region, T>;
  if constexpr (program_type::mask_reads_pairs) program_type::load_tiles_at(c, first);
  for (extent_t key = first; key <= last; ++key)
    if (simd::any(typename program_type::M(evaluate<Region, Region.pair.keep>(
            typename program_type::pack_environment{c, v * program_type::lanes, key, {}}))))
      return true;
  return false;
}
// The packs of a block that see any of the keys [first, last]: from the first to the last of them. Bounds know little
// of conditions that depend on each other (one document and a window inside it), so what they leave open is looked at:
// a group that nobody sees costs its mask alone.
struct pack_range {
  int from = 0, to = 0;
  int count() const { return to - from; }
};
template <const auto& Region, class T>
inline pack_range visible_packs(typename score_program<Region, T>::context& c, const plan::interval* bounds,
                                extent_t first, extent_t last) {
  if constexpr (Region.pair.keep == 0) return {0, c.pack_count};
  pack_range r;
  for (int v = 0; v < c.pack_count; ++v) {
    const tile_kind kind = classify<Region, T>(c, bounds, first, last, v + 1);
    if (kind == tile_kind::empty) continue;
    if constexpr (Region.pair.keep != 0 && !score_program<Region, T>::mask_reads_score)
      if (kind == tile_kind::mixed && !sees_any<Region, T>(c, first, last, v)) continue;
    if (r.to == 0) r.from = v;
    r.to = v + 1;
  }
  return r;
}

}  // namespace heed::internal::run::inline HEED_INSTRUCTION_SET
