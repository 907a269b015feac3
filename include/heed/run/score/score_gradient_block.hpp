// What the threads of a score-gradient region work with. Each has a block of rows in both layouts (transposed for the
// contractions, in natural order for the outer products) and the batch of keys whose pairwise values wait for their
// products; a batch item, which several threads may be at, has the sums of its keys and whatever it knows about them.
// All of it grows with rows or with keys, never with both.
#pragma once
#include "score_gradient_shape.hpp"
#include "score_later_rows.hpp"
#include "score_skewed.hpp"
#include "score_visit.hpp"
#include "../team.hpp"
#include <cstring>

namespace heed::internal::run::inline HEED_INSTRUCTION_SET {

template <class T> inline constexpr int gradient_keys = 96;  // keys whose pairwise values wait: those of two slots stay
                                                             // in L1

template <const auto& Region, class T> struct unskewed_pairs;

template <const auto& Region, class T>
struct gradient_sizes {
  using shape = gradient_shape<Region>;
  static constexpr int rows = simd::block_rows<T>, lanes = simd::native_lanes<T>;
  static constexpr std::size_t operands = std::size_t(Region.operands.count);

  extent_t owners, serial, rows_total, blocks, keys;  // blocks: at least one, perhaps without rows
  extent_t width[operands], padded[operands];         // of operands of products; padded to whole packs
  extent_t entries[Region.outputs.count];  // of tables, for all heads of a group that have their own, of those
                                           // of rows for each; 0: none
  extent_t top[Region.outputs.count];      // the last index of a table
  bool in_place[operands], rows_in_place[operands];  // unit element stride; and rows that lie evenly, in whole packs
  extent_t row_stride[operands];
  explicit gradient_sizes(const environment& c)
      : owners(1),
        serial(1),
        rows_total(count_of(Region.rows, c.extent)),
        blocks(std::max<extent_t>((rows_total + rows - 1) / rows, 1)),
        keys(c.extent[shape::column]) {
    for (int i = 0; i < Region.batch.count; ++i)
      (i < Region.batch.count - Region.gradient.serial_axes ? owners : serial) *= c.extent[Region.batch[i]];
    shape::each_output([&]<int K>() {
      constexpr sink k = Region.gradient.sinks[K];
      constexpr int axis = adds_at_index(k.kind) ? k.table : -1;
      entries[K] = axis < 0 ? 0 : c.extent[axis] * count_of(shape::kept_rows(K), c.extent);
      top[K] = axis < 0 ? 0 : std::min<extent_t>(c.extent[axis] - 1, std::numeric_limits<std::int32_t>::max());
    });
    shape::each_operand([&]<int K>() {
      constexpr int axis = shape::width_axis(K);
      width[K] = axis < 0 ? 1 : c.extent[axis];
      padded[K] = (width[K] + lanes - 1) / lanes * lanes;
      in_place[K] = Region.operands[K].type == element_of<T> && (width[K] <= 1 || c.operands[K].stride[axis] == 1);
      const flat_stride flat = flattened(Region.rows, c.extent, c.operands[K]);
      rows_in_place[K] = in_place[K] && flat.single && width[K] == padded[K];
      row_stride[K] = flat.stride;
    });
  }
  extent_t items() const { return owners * serial; }
  // How many elements output K adds up for each row; 0: none, or one.
  template <int K> extent_t row_width() const {
    constexpr sink s = Region.gradient.sinks[K];
    if constexpr (gives_rows(s.kind)) return width[s.other];
    else if constexpr (s.kind == sink_kind::row_table_sum) return entries[K];
    else return 0;
  }
  // Of the first contraction.
  extent_t depth() const {
    if constexpr (shape::has_keys) return width[Region.tile.row_operand];
    else return 0;
  }
  // How many keys, or entries of a table, an operand along the columns has.
  template <int K> extent_t entries_along(const environment& c) const {
    return shape::table_axis(K) < 0 ? keys : c.extent[shape::entry_axis(K)];
  }
  // How many different distances there are, of tables that products are added to.
  static extent_t distances(const environment& c) {
    const extent_t n = c.extent[Region.rows[0]], m = c.extent[shape::column];
    return n > 0 && m > 0 ? n + m - 1 : 0;
  }

  // How far a block has come, as a number that grows over all parts of an item: not begun, begun, all keys before `key`
  // added, done (which is where it has not begun its next part).
  extent_t begun(extent_t part) const { return part * (keys + 2) + 1; }
  extent_t passed(extent_t part, extent_t key) const { return begun(part) + key; }
  extent_t done(extent_t part) const { return (part + 1) * (keys + 2); }
};

// What the blocks of a batch item share: set up by the first of them, added to by each after the one before it.
template <const auto& Region, class T>
struct gradient_item {
  using shape = gradient_shape<Region>;
  using program_type = score_program<Region, T>;
  using context = typename program_type::context;
  static constexpr std::size_t operands = std::size_t(Region.operands.count),
                               outputs = std::size_t(Region.outputs.count);

  milestone* blocks = nullptr;  // how far each has come: see gradient_sizes
  plan::interval* bounds = nullptr;
  T* key_copy[operands];  // [keys][width], where an operand cannot be read in place
  const T* key[operands];
  extent_t key_stride[operands];
  bool finite[operands];  // of tables that are read at distances
  T* sums[outputs];  // [keys][padded], [keys], of a product in a table [distances][padded]: by the kind of the sink
  double total[outputs];   // uniform sums
  double* table[outputs];  // [entries], of a product in a table [padded] for each

  void place(const environment& call, const gradient_sizes<Region, T>& extents, pieces& take) {
    blocks = take.template of<milestone>(extents.blocks);
    bounds = take.template of<plan::interval>(score_columns<Region, T>::count(extents.keys));
    shape::each_operand([&]<int K>() {
      key_copy[K] = nullptr;
      if constexpr (shape::over_columns(K))
        if (!extents.in_place[K])
          key_copy[K] = take.template of<T>(extents.template entries_along<K>(call) * extents.width[K]);
    });
    shape::each_output([&]<int K>() {
      constexpr sink s = Region.gradient.sinks[K];
      sums[K] = nullptr, table[K] = nullptr;
      if constexpr (s.kind == sink_kind::column_product)
        sums[K] = take.template of<T>(extents.keys * extents.padded[s.other]);
      else if constexpr (s.kind == sink_kind::table_sum) table[K] = take.template of<double>(extents.entries[K]);
      else if constexpr (s.kind == sink_kind::table_product) {
        sums[K] = take.template of<T>(extents.distances(call) * extents.padded[s.other]);
        table[K] = take.template of<double>(call.extent[s.table] * extents.padded[s.other]);
      } else if constexpr (s.kind == sink_kind::column_sum) sums[K] = take.template of<T>(extents.keys);
    });
  }

  // Operands along the keys: in place, or copied once an item.
  void set_keys(const environment& call, const gradient_sizes<Region, T>& extents, const context& c) {
    shape::each_operand([&]<int K>() {
      if constexpr (shape::over_columns(K)) {
        const view& v = call.operands[K];
        const extent_t stride = v.stride[shape::entry_axis(K)];
        if (extents.in_place[K]) {
          key[K] = static_cast<const T*>(v.data) + c.base[K], key_stride[K] = stride;
        } else {
          constexpr int axis = shape::width_axis(K);
          const extent_t step = stride_along(axis, v);
          for (extent_t j = 0; j < extents.template entries_along<K>(call); ++j)
            for (extent_t d = 0; d < extents.width[K]; ++d)
              key_copy[K][j * extents.width[K] + d] =
                  element_at<Region.operands[K].type, T>(v.data, c.base[K] + j * stride + d * step);
          key[K] = key_copy[K], key_stride[K] = extents.width[K];
        }
        if constexpr (shape::table_axis(K) >= 0)
          finite[K] =
              simd::all_finite(key[K], key_stride[K], extents.width[K], extents.template entries_along<K>(call));
      }
    });
  }
};

// The pairs of a block that the statistics of its rows are of: [pack][keys][lanes], of the keys that were met.
template <class T, std::size_t Outputs> struct seen_pairs {
  T* of[Outputs];
  extent_t count = 0;
  void place(int output, extent_t elements, pieces& take) { of[output] = take.template of<T>(elements); }
};
struct no_seen_pairs {
  static void place(int, extent_t, pieces&) {}
};

template <const auto& Region, class T>
struct gradient_work {
  using shape = gradient_shape<Region>;
  using program_type = score_program<Region, T>;
  using context = typename program_type::context;
  using sizes = gradient_sizes<Region, T>;
  using item_type = gradient_item<Region, T>;
  static constexpr int rows = simd::block_rows<T>, lanes = simd::native_lanes<T>, group = simd::group,
                       slots = slots_of(Region).slots;
  static constexpr bool falling = Region.gradient.falling;
  static constexpr std::size_t operands = std::size_t(Region.operands.count),
                               outputs = std::size_t(Region.outputs.count);

  struct segment {
    extent_t first;
    int at, count;
    simd::some_packs packs;
    bool mixed;
  };

  sizes extents;
  context* state = nullptr;
  item_type* item = nullptr;  // that this thread is at, and which part of it
  extent_t owner = -1, part = 0, block = 0;
  const plan::interval* bounds = nullptr;
  T *queries = nullptr, *cotangents = nullptr;  // [depth][rows]; of the terms behind those of the first contraction
  T* log_sum_exp = nullptr;                     // [rows], in units of log2; +inf: every weight is 0
  T* values = nullptr;                          // [slot][gradient_keys][rows]
  const T* natural[operands];                   // [rows][padded]: row operands as they are, in place or copied
  extent_t natural_stride[operands];
  T* natural_copy[operands];
  bool finite[operands];   // the block's rows of them
  const T* key[operands];  // the item's
  extent_t key_stride[operands];
  T* tail = nullptr;       // a last, incomplete group of keys
  T* sums[outputs];        // by the kind of the sink: [width][rows], [rows]; the item's [keys][padded]
  T* by_key[outputs];      // column sums of the batch: [gradient_keys]
  double* table[outputs];  // what the block adds to the item's: [entries]
  typename program_type::I* row_entry[outputs];  // [rows]: where a row's own table begins, if rows have their own
  [[no_unique_address]] std::conditional_t<shape::has_statistics, seen_pairs<T, outputs>, no_seen_pairs> seen;
  T* tiles = nullptr;
  typename running_sums<Region, T>::memory running;
  plan::interval* pair_bounds = nullptr;
  segment segments[gradient_keys<T>];
  int segment_count = 0, at = first_at;
  extent_t first_row = 0;                               // of the block
  later_rows<T> next_rows[operands], results[outputs];  // of the next block; of this one
  [[no_unique_address]] skewed_place<skewed_block<Region, T>, has_distances(Region)> skewed;
  [[no_unique_address]] skewed_place<unskewed_pairs<Region, T>, has_distances(Region)> unskewed;

  explicit gradient_work(const environment& call) : extents(call) {}
  static constexpr std::size_t slot_size = std::size_t(gradient_keys<T>) * rows;

  // All that a thread needs for a block of rows, whatever the item: row operands in both layouts, the batch of values
  // that wait, and by the kind of each sink what it adds up. Null where a region has no use for it.
  void place(pieces& take) {
    state = take.template of<context>(1);
    extent_t depth = extents.depth();
    each_term<Region>([&]<int I>() { depth += extents.width[Region.terms[I].row_operand]; });
    queries = take.template of<T>(depth * rows);
    if constexpr (shape::has_product)
      cotangents = take.template of<T>(extents.width[Region.gradient.cotangents] * rows);
    if constexpr (shape::has_weights) log_sum_exp = take.template of<T>(rows);
    values = take.template of<T>(extent_t(slots * slot_size));
    extent_t widest = extents.depth();
    shape::each_operand([&]<int K>() {
      natural_copy[K] = nullptr;
      if constexpr (shape::over_rows(K))
        if (!extents.rows_in_place[K]) natural_copy[K] = take.template of<T>(rows * extents.padded[K]);
      if constexpr (shape::over_columns(K)) widest = std::max(widest, extents.width[K]);
    });
    tail = take.template of<T>(group * widest);
    shape::each_output([&]<int K>() {
      constexpr sink s = Region.gradient.sinks[K];
      sums[K] = by_key[K] = nullptr, table[K] = nullptr, row_entry[K] = nullptr;
      if constexpr (shape::is_wide(K)) sums[K] = take.template of<T>(extents.template row_width<K>() * rows);
      else if constexpr (reduces_to_rows(s.kind)) sums[K] = take.template of<T>(rows);
      else if constexpr (s.kind == sink_kind::column_sum) by_key[K] = take.template of<T>(gradient_keys<T>);
      else if constexpr (s.kind == sink_kind::table_sum) table[K] = take.template of<double>(extents.entries[K]);
      if constexpr (s.kind == sink_kind::row_statistic) seen.place(K, extents.keys * rows, take);
      if constexpr (shape::kept_rows(K).count > 0) row_entry[K] = take.template of<typename program_type::I>(rows);
    });
    running.of = take.template of<T>(running_sums<Region, T>::elements);
    tiles = take.template of<T>(program_type::pairs * program_type::tile_keys * rows);
    pair_bounds = take.template of<plan::interval>(program_type::pair_bounds_count(extents.keys));
    if constexpr (has_distances(Region))
      skewed.at = take.template of<skewed_block<Region, T>>(1),
      unskewed.at = take.template of<unskewed_pairs<Region, T>>(1);
  }

  // Goes to part `p` of item `o`, which another thread may have set up.
  void enter(const environment& call, item_type& of, extent_t o, extent_t p) {
    item = &of, owner = o, part = p;
    state = new (static_cast<void*>(state)) context(call, extents.keys);
    state->tiles = tiles, state->pair_bounds = pair_bounds;
    program_type::set_item(*state, owner * extents.serial + part);
  }
  // What the item knows once its first block has begun.
  void use_keys() {
    bounds = item->bounds;
    shape::each_operand([&]<int K>() {
      if constexpr (shape::over_columns(K)) key[K] = item->key[K], key_stride[K] = item->key_stride[K];
    });
    shape::each_output([&]<int K>() {
      constexpr sink_kind kind = Region.gradient.sinks[K].kind;
      if constexpr (kind == sink_kind::column_product || kind == sink_kind::table_product) sums[K] = item->sums[K];
    });
  }
  // ---- the order of blocks: sums into keys and into the item are added block after block, whoever is at which ----
  void await_begin() const {
    if (block > 0) item->blocks[block - 1].await(extents.begun(part));
    else if (part > 0) item->blocks[extents.blocks - 1].await(extents.done(part - 1));
  }
  void await_before(extent_t position) const {  // of the block before this one
    if (block > 0) item->blocks[block - 1].await(position);
  }
  void reach(extent_t position) const { item->blocks[block].reach(position); }

  // What the contractions of a group ask for on their way: the keys of the next group, and the sums of this one, which
  // are read when the batch is full.
  static HEED_INLINE extent_t next_group(extent_t first) { return falling ? first - group : first + group; }
  HEED_INLINE next_lines<T> ahead_of_keys(extent_t first) const {
    next_lines<T> r;
    const extent_t next = next_group(first);
    if (falling ? next < 0 : next + group > extents.keys) return r;
    if constexpr (shape::has_keys)
      r.ask_keys(key[Region.tile.column_operand] + next * key_stride[Region.tile.column_operand],
                 key_stride[Region.tile.column_operand], extents.depth());
    if constexpr (shape::has_product)
      r.ask_values(key[Region.gradient.values] + next * key_stride[Region.gradient.values],
                   key_stride[Region.gradient.values], extents.width[Region.gradient.values]);
    return r;
  }
  template <int I> HEED_INLINE next_lines<T> ahead_of_term(extent_t first) const {
    constexpr int k = Region.terms[I].column_operand;
    next_lines<T> r;
    const extent_t next = next_group(first);
    if (falling ? next >= 0 : next + group <= extents.keys)
      r.ask_keys(key[k] + next * key_stride[k], key_stride[k], extents.width[k]);
    return r;
  }
  HEED_INLINE next_lines<T> ahead_of_products(extent_t first) const {
    next_lines<T> r;
    if (first + group > extents.keys) return r;
    int found = 0;
    shape::each_output([&]<int K>() HEED_INLINED {
      constexpr sink s = Region.gradient.sinks[K];
      if constexpr (s.kind == sink_kind::column_product) {
        const extent_t stride = extents.padded[s.other];
        if (found++ == 0) r.ask_keys(sums[K] + first * stride, stride, stride);
        else r.ask_values(sums[K] + first * stride, stride, stride);
      }
    });
    return r;
  }

  // The batch is filled from its start, or from its end where columns are visited from the last to the first, so that
  // those of a segment lie in their order.
  static constexpr int first_at = falling ? gradient_keys<T> - group : 0;
  bool is_full() const { return falling ? at < 0 : at + group > gradient_keys<T>; }
  void empty() { segment_count = 0, at = first_at; }
  void note(extent_t first, int count, const simd::some_packs& packs, bool mixed) {
    const int here = at;
    at += falling ? -group : group;
    if (segment_count) {
      segment& s = segments[segment_count - 1];
      const bool alike = s.mixed == mixed && s.packs == packs;
      if (falling && alike && first + count == s.first && here + count == s.at) {
        s.count += count, s.first = first, s.at = here;
        return;
      }
      if (!falling && alike && s.first + s.count == first && s.at + s.count == here) {
        s.count += count;
        return;
      }
    }
    segments[segment_count++] = {first, here, count, packs, mixed};
  }

  // A group of keys, or fewer with zeros behind them.
  const T* keys_at(int operand, extent_t first, int count, extent_t& stride) {
    const T* from = key[operand] + first * key_stride[operand];
    stride = key_stride[operand];
    if (count == group) return from;
    const extent_t width = extents.width[operand];
    for (int i = 0; i < group; ++i)
      for (extent_t d = 0; d < width; ++d) tail[i * width + d] = i < count ? from[i * stride + d] : T(0);
    stride = width;
    return tail;
  }

  // The block of rows that set_rows has chosen: row operands in both layouts, the log-sum-exp.
  void set_block(const environment& call, int count) {
    shape::each_operand([&]<int K>() {
      if constexpr (shape::over_rows(K)) {
        const view& v = call.operands[K];
        constexpr int axis = shape::width_axis(K);
        constexpr element type = Region.operands[K].type;
        const extent_t width = extents.width[K], step = stride_along(axis, v);
        natural[K] = extents.rows_in_place[K] ? static_cast<const T*>(v.data) + state->base[K] + state->row_offset[K][0]
                                              : natural_copy[K];
        natural_stride[K] = extents.rows_in_place[K] ? extents.row_stride[K] : extents.padded[K];
        for (int r = 0; r < count && !extents.rows_in_place[K]; ++r) {
          T* const to = natural_copy[K] + r * extents.padded[K];
          const extent_t from = state->base[K] + state->row_offset[K][r];
          if (extents.in_place[K])
            std::memcpy(to, static_cast<const T*>(v.data) + from, std::size_t(width) * sizeof(T));
          else
            for (extent_t d = 0; d < width; ++d) to[d] = element_at<type, T>(v.data, from + d * step);
          std::fill(to + width, to + extents.padded[K], T(0));
        }
        finite[K] = true;
        if (Region.pair.keep != 0 || shape::leaves_out_behind_weights || count < rows || shape::adds_to_tables)
          finite[K] = simd::all_finite(natural[K], natural_stride[K], width, count);
      }
    });
    if constexpr (shape::has_keys)
      simd::transpose_in<T>(natural[Region.tile.row_operand], natural_stride[Region.tile.row_operand], count, 1,
                            extents.depth(), program_type::scale_of_queries(*state), queries);
    [[maybe_unused]] T* to = queries + extents.depth() * rows;
    each_term<Region>([&]<int I>() {
      constexpr term t = Region.terms[I];
      const extent_t depth = extents.width[t.row_operand];
      // mutants: term_not_scaled_backward
      simd::transpose_in<T>(natural[t.row_operand], natural_stride[t.row_operand], count, 1, depth,
                            program_type::template uniform<t.scale>(*state), to);
      to += depth * rows;
    });
    if constexpr (shape::has_product)
      simd::transpose_in<T>(natural[Region.gradient.cotangents], natural_stride[Region.gradient.cotangents], count, 1,
                            extents.width[Region.gradient.cotangents], T(1), cotangents);
    if constexpr (shape::has_weights) set_log_sum_exp(call, count);
    if constexpr (has_distances(Region)) {
      skewed.at->set_rows(call, first_row, count);
      for (auto& lines : unskewed.at->incomplete) lines.count = 0;
    }
    shape::each_output([&]<int K>() {
      constexpr sink s = Region.gradient.sinks[K];
      if constexpr (shape::is_wide(K))
        std::memset(sums[K], 0, std::size_t(extents.template row_width<K>() * rows) * sizeof(T));
      else if constexpr (reduces_to_rows(s.kind)) std::memset(sums[K], 0, rows * sizeof(T));
      else if constexpr (s.kind == sink_kind::table_sum) std::fill_n(table[K], extents.entries[K], 0.0);
      if constexpr (shape::kept_rows(K).count > 0)
        for (int r = 0; r < rows; ++r)
          row_entry[K][r] =
              typename program_type::I(own_table<K>(call, first_row + std::min(r, count - 1)) * call.extent[s.table]);
    });
  }
  // What the block asks for on its way: the rows of the next one, and where its own results will stand.
  void set_later(const environment& call) {
    constexpr axis_list row_axes = Region.rows;  // a copy, or all of the region would be in the program
    const extent_t next = first_row + rows, end = extents.rows_total;
    shape::each_operand([&]<int K>() {
      if constexpr (shape::over_rows(K) && Region.operands[K].type == element_of<T>)
        next_rows[K] = {row_axes,
                        call.extent,
                        call.operands[K],
                        state->base[K],
                        shape::width_axis(K),
                        next,
                        std::min(next + rows, end)};
    });
    shape::each_output([&]<int K>() {
      constexpr sink s = Region.gradient.sinks[K];
      if constexpr (gives_rows(s.kind) && Region.outputs[K].type == element_of<T>)
        results[K] = {row_axes,
                      call.extent,
                      call.outputs[K],
                      offset_at(Region.batch, state->item.index, call.outputs[K]),
                      shape::width_axis(s.other),
                      first_row,
                      std::min(next, end)};
    });
  }
  HEED_INLINE void ask_later() {
    shape::each_operand([&]<int K>() {
      if constexpr (shape::over_rows(K)) next_rows[K].template ask<false>();
    });
    shape::each_output([&]<int K>() {
      if constexpr (gives_rows(Region.gradient.sinks[K].kind)) results[K].template ask<true>();
    });
  }
  void set_log_sum_exp(const environment& call, int count) {
    constexpr int l = Region.gradient.log_sum_exp;
    for (int r = 0; r < rows; ++r) {
      log_sum_exp[r] = std::numeric_limits<T>::infinity();
      if (r >= count) continue;
      const double e =
          element_at<Region.operands[l].type, double>(call.operands[l].data, state->base[l] + state->row_offset[l][r]);
      // mutants: lse_in_base_e_backward
      if (e != -std::numeric_limits<double>::infinity()) log_sum_exp[r] = T(e * 1.4426950408889634074);
    }
  }
  // Which of the tables of an item is that of a row.
  template <int K> static extent_t own_table(const environment& call, extent_t row) {
    static constexpr axis_list own = shape::kept_rows(K);
    extent_t index[max_axes]{};
    index_of(Region.rows, call.extent, row, index);
    return number_of(own, call.extent, index);
  }
};

}  // namespace heed::internal::run::inline HEED_INSTRUCTION_SET
