// The matmul region: outputs in the lanes, the weight packed once per call into panels, activations broadcast in place
// (or, where their depth is not contiguous, as in the gradient of a weight, packed in groups of rows once per call),
// and the region's program as the epilogue on the sums of a register tile, while what it reads and writes is on its way
// into the cache. A row's result never depends on its neighbours.
#pragma once
#include "../program/evaluate.hpp"
#include "../frame/axes.hpp"
#include "../frame/elements.hpp"
#include "../frame/pieces.hpp"
#include "../team.hpp"
#include "../../simd/tile.hpp"

namespace heed::internal::run::inline HEED_INSTRUCTION_SET {

template <const auto& Region, class T>
struct matmul_loops {
  using P = simd::pack<T>;
  using W = simd::pack<simd::integer_of_size<sizeof(T)>>;
  static constexpr int lanes = P::lanes, panel_columns = simd::block_rows<T>;
  static constexpr extent_t row_block = 96;
  static constexpr operand x = Region.operands[Region.tile.row_operand],
                           w = Region.operands[Region.tile.column_operand];
  static constexpr axis_set set(const axis_list& l) {
    axis_set s = 0;
    for (int i = 0; i < l.count; ++i) s |= axis_set(1) << l[i];
    return s;
  }
  static constexpr axis_set column_set = set(Region.columns), row_set = set(Region.rows);
  static constexpr bool by_row(axis_set axes) { return (axes & row_set) != 0; }
  static constexpr bool by_column(axis_set axes) { return (axes & column_set) != 0; }

  struct sizes {
    extent_t batch, rows, columns, depth, panels, row_blocks, weights, activations;  // the last: how many different
                                                                                     // packed ones
    extent_t shares, share;  // a row block's panels are shared out in so many shares of so many
    bool packed_once;        // no panel is used by two items: the item packs it for itself
    bool in_place;           // activations: their rows are evenly spaced and contiguous along the depth
    extent_t panel_size;     // elements, whole cache lines
    explicit sizes(const environment& c)
        : batch(count_of(Region.batch, c.extent)),
          rows(count_of(Region.rows, c.extent)),
          columns(count_of(Region.columns, c.extent)),
          depth(count_of(Region.depth, c.extent)),
          panels((columns + panel_columns - 1) / panel_columns),
          row_blocks((rows + row_block - 1) / row_block),
          weights(1),
          activations(1) {
      for (int i = 0; i < Region.batch.count; ++i) {
        if (w.axes >> Region.batch[i] & 1) weights = batch;
        if (x.axes >> Region.batch[i] & 1) activations = batch;
      }
      // Where the blocks of rows are few the panels are shared out too: 22 blocks on 2 threads leave one idle for 3 %
      // of the time, and a single block all but one. Sums do not depend on it.
      const extent_t blocks = std::max<extent_t>(1, batch * row_blocks), wanted = c.threads > 1 ? 32 * c.threads : 1;
      share = std::max<extent_t>(1, panels / std::max<extent_t>(1, (wanted + blocks - 1) / blocks));
      shares = (panels + share - 1) / share;
      packed_once = batch * row_blocks == weights;
      panel_size = extent_t(rounded_up(std::size_t(depth * panel_columns) * sizeof(T)) / sizeof(T));
      const view& v = c.operands[Region.tile.row_operand];
      const flat_stride along = flattened(Region.depth, c.extent, v), down = flattened(Region.rows, c.extent, v);
      in_place = x.type == element_of<T> && along.single && down.single && (along.stride == 1 || depth <= 1);
    }
  };
  // How the columns of one pack lie in an operand: evenly spaced, or each at an offset of its own (a head ends within
  // the pack).
  struct lanes_place {
    bool even = true;
    extent_t first = 0, stride = 0;
    extent_t lane[lanes];
  };
  // A block of rows that one thread works on. Offsets of rows are found once a block, those of columns once a panel;
  // the last place is the output's.
  struct block {
    static constexpr int places = Region.operands.count + 1;
    alignas(64) T sums[simd::group * panel_columns];
    extent_t batch, first;  // the batch item, the first row
    extent_t base[places];  // of the batch item
    extent_t row[places][row_block];
    lanes_place columns[places][simd::vectors];
  };
  // What threads share: the weights in panels and the activations in groups of rows, as far as they are packed before.
  struct shared_memory {
    T *packed, *grouped;
  };
  static shared_memory lay_out(const sizes& n, pieces& take) {
    shared_memory m{};
    if (!n.packed_once) m.packed = take.of<T>(n.weights * n.panels * n.panel_size);
    if (!n.in_place) m.grouped = take.of<T>(n.activations * n.row_blocks * row_block * n.depth);
    return m;
  }
  // What each has: a block of rows, and a panel where it packs its own.
  struct own_memory {
    block* rows;
    T* panel;
  };
  static own_memory lay_out_own(const sizes& n, pieces& take) {
    block* const rows = take.of<block>(1);
    return {rows, n.packed_once ? take.of<T>(n.panel_size) : nullptr};
  }
  static scratch_need need(const environment& c) {
    const sizes n(c);
    pieces shared, own;
    lay_out(n, shared), lay_out_own(n, own);
    return {shared.used, own.used};
  }

  // A block of rows of the activations, in groups: to[group][depth][row of the group].
  static void pack_rows(const environment& c, const sizes& n, extent_t batch, extent_t first, T* to) {
    const view& v = c.operands[Region.tile.row_operand];
    const extent_t base = offset_of(Region.batch, c.extent, v, batch), rows = std::min(row_block, n.rows - first);
    const flat_stride d = flattened(Region.depth, c.extent, v);
    constexpr extent_t group = simd::group;
    extent_t offset[row_block];
    bool adjacent = true;  // rows side by side: whole groups move at a time
    for (extent_t i = 0; i < rows; ++i) {
      offset[i] = base + offset_of(Region.rows, c.extent, v, first + i);
      adjacent = adjacent && offset[i] == offset[0] + i;
    }
    for (extent_t k = 0; k < n.depth; ++k) {
      const extent_t at = d.single ? k * d.stride : offset_of(Region.depth, c.extent, v, k);
      if constexpr (x.type == element_of<T>) {
        if (adjacent && rows == row_block) {
          const T* const from = static_cast<const T*>(v.data) + at + offset[0];
          HEED_UNROLL for (extent_t i = 0; i < row_block; i += group)
            __builtin_memcpy(to + i * n.depth + k * group, from + i, sizeof(T) * std::size_t(group));
          continue;
        }
      }
      for (extent_t i = 0; i < rows; ++i)
        to[i / group * group * n.depth + k * group + i % group] = element_at<x.type, T>(v.data, at + offset[i]);
    }
  }

  static void pack(const environment& c, const sizes& n, extent_t batch, extent_t panel, T* to) {
    const view& v = c.operands[Region.tile.column_operand];
    const extent_t base = offset_of(Region.batch, c.extent, v, batch), first = panel * panel_columns;
    const int count = int(std::min<extent_t>(panel_columns, n.columns - first));
    const flat_stride d = flattened(Region.depth, c.extent, v);
    if constexpr (w.type == element_of<T>) {
      if (d.single) {
        const T* rows[panel_columns];
        for (int i = 0; i < count; ++i)
          rows[i] = static_cast<const T*>(v.data) + base + offset_of(Region.columns, c.extent, v, first + i);
        simd::transpose_in<T>(rows, count, d.stride, n.depth, T(1), to);
        return;
      }
    }
    for (extent_t k = 0; k < n.depth; ++k) {
      const extent_t at = base + offset_of(Region.depth, c.extent, v, k);
      for (int i = 0; i < panel_columns; ++i)
        to[k * panel_columns + i] =
            i < count ? element_at<w.type, T>(v.data, at + offset_of(Region.columns, c.extent, v, first + i)) : T(0);
    }
  }

  static void place_lanes(const environment& c, const view& v, extent_t column, int count, lanes_place& to) {
    to.first = offset_of(Region.columns, c.extent, v, column);
    if (const flat_stride all = flattened(Region.columns, c.extent, v); all.single) {
      to.even = true, to.stride = all.stride;
      return;
    }
    for (int k = 0; k < count; ++k) to.lane[k] = offset_of(Region.columns, c.extent, v, column + k);
    to.stride = count > 1 ? to.lane[1] - to.lane[0] : 1;
    to.even = true;
    for (int k = 1; k < count; ++k) to.even = to.even && to.lane[k] - to.lane[k - 1] == to.stride;
  }
  template <element E, class V>
  static HEED_INLINE V load(const view& v, extent_t at, const lanes_place& p, int count) {
    if (p.even) return load_lanes<E, V>(v.data, at + p.first, p.stride, count);
    alignas(64) typename V::element s[lanes] = {};
    for (int k = 0; k < count; ++k) s[k] = element_at<E, typename V::element>(v.data, at + p.lane[k]);
    return V::load(s);
  }
  template <element E, class V>
  static HEED_INLINE void store(const view& v, extent_t at, const lanes_place& p, int count, V value) {
    if (p.even) return store_lanes<E>(v.data, at + p.first, p.stride, count, value);
    for (int k = 0; k < count; ++k) put_element<E>(v.data, at + p.lane[k], value[k]);
  }

  template <class F> static HEED_INLINE void each_place(const environment& c, const F& f) {
    [&]<int... K>(std::integer_sequence<int, K...>) HEED_INLINED {
      (f.template operator()<K, Region.operands[K].axes, Region.operands[K].type>(c.operands[K]), ...);
    }(std::make_integer_sequence<int, Region.operands.count>{});
    f.template operator()<Region.operands.count, Region.outputs[0].axes, Region.outputs[0].type>(c.outputs[0]);
  }
  static constexpr bool contracted(int k) { return k == Region.tile.row_operand || k == Region.tile.column_operand; }
  static void place_rows(const environment& c, block& b, extent_t rows) {
    each_place(c, [&]<int K, axis_set Axes, element>(const view& v) {
      b.base[K] = offset_of(Region.batch, c.extent, v, b.batch);
      if constexpr (by_row(Axes) && !contracted(K)) {
        const flat_stride all = flattened(Region.rows, c.extent, v);
        for (extent_t i = 0; i < rows; ++i)
          b.row[K][i] =
              b.base[K] + (all.single ? (b.first + i) * all.stride : offset_of(Region.rows, c.extent, v, b.first + i));
      }
    });
  }
  static void place_columns(const environment& c, const sizes& n, block& b, extent_t column) {
    each_place(c, [&]<int K, axis_set Axes, element>(const view& v) {
      if constexpr (by_column(Axes) && !contracted(K))
        for (int k = 0; k < simd::vectors && column + k * lanes < n.columns; ++k)
          place_lanes(c, v, column + k * lanes, int(std::min<extent_t>(lanes, n.columns - column - k * lanes)),
                      b.columns[K][k]);
    });
  }
  // What the epilogue of a tile will read and write per pair of row and column starts moving before the tile is
  // multiplied.
  static HEED_INLINE void prefetch(const environment& c, const block& b, extent_t row, extent_t rows, int packs) {
    each_place(c, [&]<int K, axis_set Axes, element E>(const view& v) HEED_INLINED {
      if constexpr (by_row(Axes) && by_column(Axes) && !contracted(K))
        for (extent_t i = row; i < row + rows; ++i)
          for (int k = 0; k < packs; ++k) {
            const char* const at =
                static_cast<const char*>(v.data) + (b.row[K][i] + b.columns[K][k].first) * extent_t(byte_size(E));
            if constexpr (K == Region.operands.count) __builtin_prefetch(at, 1);
            else __builtin_prefetch(at);  // literals: without optimisation nothing else is constant
          }
    });
  }

  struct epilogue {
    using types = pack_types<T>;
    static constexpr bool wide(const instruction& i) { return i.where == role::column || i.where == role::pair; }
    static constexpr bool given(const instruction&) { return false; }
    const environment& call;
    const block& of_block;
    extent_t row;  // within the block
    int vector;    // which pack of the panel, and where its columns begin
    extent_t column;
    int count;  // columns that exist
    P tile;

    extent_t axis_index(int axis, extent_t col) const {
      if (row_set >> axis & 1) return index_along(Region.rows, call.extent, axis, of_block.first + row);
      if (column_set >> axis & 1) return index_along(Region.columns, call.extent, axis, col);
      return index_along(Region.batch, call.extent, axis, of_block.batch);
    }
    template <int I> HEED_INLINE auto get() const {
      constexpr instruction i = Region.code[I];
      if constexpr (i.code == op::tile) return tile;
      else if constexpr (i.code == op::size) return typename W::element(call.extent[i.axis]);
      else if constexpr (i.code == op::index) {
        if constexpr (column_set >> i.axis & 1) {
          alignas(64) typename W::element r[lanes];
          for (int k = 0; k < lanes; ++k) r[k] = typename W::element(axis_index(i.axis, column + k));
          return W::load(r);
        } else return typename W::element(axis_index(i.axis, 0));
      } else {
        constexpr operand o = Region.operands[i.operand];
        const view& v = call.operands[i.operand];
        const extent_t at = by_row(o.axes) ? of_block.row[i.operand][row] : of_block.base[i.operand];
        if constexpr (by_column(o.axes)) return lanes_at<I>(v, at);
        else return scalar<I>(v, at);
      }
    }
    template <int I> HEED_INLINE auto scalar(const view& v, extent_t at) const {
      constexpr instruction i = Region.code[I];
      constexpr element e = Region.operands[i.operand].type;
      if constexpr (class_of(i.type) == value_class::real) return element_at<e, T>(v.data, at);
      else if constexpr (class_of(i.type) == value_class::whole) return element_at<e, typename W::element>(v.data, at);
      else return element_at<e, bool>(v.data, at);
    }
    template <int I> HEED_INLINE auto lanes_at(const view& v, extent_t at) const {
      constexpr instruction i = Region.code[I];
      constexpr element e = Region.operands[i.operand].type;
      using V = std::conditional_t<class_of(i.type) == value_class::real, P, W>;
      const V r = load<e, V>(v, at, of_block.columns[i.operand][vector], count);
      if constexpr (class_of(i.type) == value_class::truth) return r != V(typename V::element(0));
      else return r;
    }
    // A table at an index, element by element: the axes it has besides its own may be of any job, and the columns of a
    // pack may lie in several heads.
    template <int I, class Index> HEED_INLINE auto gather(Index where) const {
      constexpr instruction i = Region.code[I];
      constexpr operand o = Region.operands[i.operand];
      const view& v = call.operands[i.operand];
      const extent_t top = call.extent[i.axis] - 1;
      using E = std::conditional_t<class_of(i.type) == value_class::real, T, typename W::element>;
      const auto one = [&](extent_t at, extent_t col) {
        if (top < 0) return E(0);
        extent_t from = (at < 0 ? 0 : at > top ? top : at) * v.stride[i.axis];
        for (int a = 0; a < max_axes; ++a)
          if ((o.axes >> a & 1) && a != i.axis) from += axis_index(a, col) * v.stride[a];
        return element_at<o.type, E>(v.data, from);
      };
      if constexpr (!wide(i)) {
        if constexpr (class_of(i.type) == value_class::truth) return one(where, 0) != E(0);
        else return one(where, 0);
      } else {
        alignas(64) E r[lanes];
        for (int k = 0; k < lanes; ++k) {
          extent_t at;
          if constexpr (std::is_arithmetic_v<Index>) at = where;
          else at = extent_t(where[k]);
          r[k] = k < count ? one(at, column + k) : E(0);
        }
        if constexpr (class_of(i.type) == value_class::truth) return W::load(r) != W(typename W::element(0));
        else return simd::pack<E>::load(r);
      }
    }
  };

  // The epilogue of a tile: rows [row, row + rows) of the block, the panel's columns from `column` on.
  static void finish(const environment& c, const sizes& n, const block& b, extent_t row, extent_t rows,
                     extent_t column) {
    constexpr output out = Region.outputs[0];
    constexpr instruction result = Region.code[out.result];
    constexpr int to = Region.operands.count;
    const view& v = c.outputs[0];
    for (extent_t i = 0; i < rows; ++i)
      for (int k = 0; k < simd::vectors && column + k * lanes < n.columns; ++k) {
        const int count = int(std::min<extent_t>(lanes, n.columns - column - k * lanes));
        const epilogue env{
            c, b, row + i, k, column + k * lanes, count, P::load(b.sums + i * panel_columns + k * lanes)};
        const extent_t at = by_row(out.axes) ? b.row[to][row + i] : b.base[to];
        const auto r = evaluate<Region, out.result>(env);
        const lanes_place& p = b.columns[to][k];
        if constexpr (class_of(result.type) == value_class::real) store<out.type>(v, at, p, count, P(r));
        else if constexpr (class_of(result.type) == value_class::whole) store<out.type>(v, at, p, count, W(r));
        else store<out.type>(v, at, p, count, W(simd::select(M(r), W(1), W(0))));
      }
  }

  // First what many items read is packed, then every item multiplies a block of rows by its share of the panels. An
  // item whose panel nobody else reads packs it itself, into memory that stays in its cache.
  static void run(const environment& c, const scratch& s) {
    const sizes n(c);
    pieces all{s.shared};
    const shared_memory shared = lay_out(n, all);
    T *const packed = shared.packed, *const grouped = shared.grouped;
    if (n.rows == 0 || n.batch == 0) return;
    if (!n.packed_once)
      for_each_item(n.weights * n.panels, c.threads, [&](extent_t item, int) {
        pack(c, n, item / n.panels, item % n.panels, packed + item * n.panel_size);
      });
    const extent_t grouped_block = row_block * n.depth;
    if (!n.in_place)
      for_each_item(n.activations * n.row_blocks, c.threads, [&](extent_t item, int) {
        pack_rows(c, n, item / n.row_blocks, item % n.row_blocks * row_block, grouped + item * grouped_block);
      });
    const view& xs = c.operands[Region.tile.row_operand];
    const extent_t x_stride = flattened(Region.rows, c.extent, xs).stride;
    for_each_item(n.batch * n.row_blocks * n.shares, c.threads, [&](extent_t item, int thread) {
      pieces mine{s.of(thread)};
      const own_memory own = lay_out_own(n, mine);
      block& b = *new (static_cast<void*>(own.rows)) block;
      const extent_t row_number = item / n.shares % n.row_blocks;
      b.batch = item / n.shares / n.row_blocks, b.first = row_number * row_block;
      const extent_t rows = std::min(row_block, n.rows - b.first);
      const extent_t first_panel = item % n.shares * n.share, end_panel = std::min(n.panels, first_panel + n.share);
      place_rows(c, b, rows);
      const T* const from =
          n.in_place ? static_cast<const T*>(xs.data) + b.base[Region.tile.row_operand] + b.first * x_stride
                     : grouped + ((n.activations == 1 ? 0 : b.batch) * n.row_blocks + row_number) * grouped_block;
      for (extent_t p = first_panel; p < end_panel; ++p) {
        const extent_t column = p * panel_columns, weight = n.weights == 1 ? 0 : b.batch;
        const T* const panel = n.packed_once ? own.panel : packed + (weight * n.panels + p) * n.panel_size;
        if (n.packed_once) pack(c, n, weight, p, own.panel);
        place_columns(c, n, b, column);
        const int packs = int(std::min<extent_t>(simd::vectors, (n.columns - column + lanes - 1) / lanes));
        for (extent_t row = 0; row < rows; row += simd::group) {
          const extent_t present = std::min<extent_t>(simd::group, rows - row);
          prefetch(c, b, row, present, packs);
          if (n.in_place) simd::multiply_panel(from + row * x_stride, x_stride, present, panel, n.depth, b.sums);
          else simd::multiply_panel_grouped(from + row * n.depth, present, panel, n.depth, b.sums);
          finish(c, n, b, row, present, column);
        }
      }
    });
  }
};

template <const auto& Region>
struct matmul_kernel {
  using loops = matmul_loops<Region, std::conditional_t<Region.real == element::f64, double, float>>;
  static scratch_need need(const environment& c) { return loops::need(c); }
  static void run(const environment& c, const scratch& s) noexcept { loops::run(c, s); }
};

}  // namespace heed::internal::run::inline HEED_INSTRUCTION_SET
