// The matmul region: outputs in the lanes, the weight packed once per call into panels, activations broadcast in place, and
// the region's program as the epilogue on sums that are still in the cache. A row's result never depends on its neighbours.
#pragma once
#include "evaluate.hpp"
#include "memory.hpp"
#include "team.hpp"
#include "../simd/tile.hpp"

namespace heed::run {

template <const auto& Region, class T>
struct matmul_loops {
  using P = simd::pack<T>;
  using W = simd::pack<simd::integer_of_size<sizeof(T)>>;
  using M = typename P::mask;
  static constexpr int lanes = P::lanes, panel_columns = simd::block_rows<T>;
  static constexpr extent_t row_block = 96;
  static constexpr operand x = Region.operands[std::size_t(Region.x)], w = Region.operands[std::size_t(Region.w)];
  static constexpr axis_set set(const axis_list& l) {
    axis_set s = 0;
    for (int i = 0; i < l.count; ++i) s |= axis_set(1) << l[i];
    return s;
  }
  static constexpr axis_set column_set = set(Region.columns), row_set = set(Region.rows), batch_set = set(Region.batch);

  struct sizes {
    extent_t batch, rows, columns, depth, panels, row_blocks, weights;   // weights: how many different packed weights
    explicit sizes(const environment& c)
        : batch(count_of(Region.batch, c.extent)), rows(count_of(Region.rows, c.extent)),
          columns(count_of(Region.columns, c.extent)), depth(count_of(Region.depth, c.extent)),
          panels((columns + panel_columns - 1) / panel_columns), row_blocks((rows + row_block - 1) / row_block),
          weights(1) {
      for (int i = 0; i < Region.batch.count; ++i)
        if (w.axes >> Region.batch[i] & 1) weights = batch;
    }
  };
  static std::size_t rounded(std::size_t bytes) { return (bytes + 63) / 64 * 64; }
  // Activations are read in place if their rows are evenly spaced and contiguous along the depth.
  static bool in_place(const environment& c, const sizes& n) {
    const view& v = c.operands[Region.x];
    const flat_stride d = flattened(Region.depth, c.extent, v), r = flattened(Region.rows, c.extent, v);
    return x.type == element_of<T> && d.single && r.single && (d.stride == 1 || n.depth <= 1);
  }
  static scratch_need need(const environment& c) {
    const sizes n(c);
    scratch_need r;
    r.shared = rounded(std::size_t(n.weights * n.panels * n.depth * panel_columns) * sizeof(T));
    r.per_thread = rounded(std::size_t(row_block * panel_columns) * sizeof(T));
    if (!in_place(c, n)) r.per_thread += rounded(std::size_t(row_block * n.depth) * sizeof(T));
    return r;
  }

  static void pack(const environment& c, const sizes& n, extent_t batch, extent_t panel, T* to) {
    const view& v = c.operands[Region.w];
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
        to[k * panel_columns + i] = i < count ? element_at<w.type, T>(v.data, at + offset_of(Region.columns, c.extent, v, first + i)) : T(0);
    }
  }

  struct place {                                           // an operand at one batch item: how its columns lie
    extent_t base = 0;
    flat_stride columns{};
  };
  struct epilogue {
    using real_wide = P;
    using real_narrow = T;
    using whole_wide = W;
    using whole_narrow = typename W::element;
    using truth_wide = M;
    using truth_narrow = bool;
    using constant = T;
    static constexpr bool wide(const instruction& i) { return i.where == role::column || i.where == role::pair; }
    static constexpr bool given(const instruction&) { return false; }
    const environment& c;
    const place* places;
    extent_t batch, row, column;
    int count;
    P tile;

    static extent_t index_in(const axis_list& l, const extent_t* extent, int axis, extent_t number) {
      for (int i = l.count - 1; i >= 0; --i) {
        if (l[i] == axis) return number % extent[axis];
        number /= extent[l[i]];
      }
      return 0;
    }
    extent_t axis_index(int axis, extent_t col) const {
      if (row_set >> axis & 1) return index_in(Region.rows, c.extent, axis, row);
      if (column_set >> axis & 1) return index_in(Region.columns, c.extent, axis, col);
      return index_in(Region.batch, c.extent, axis, batch);
    }
    template <int I> HEED_INLINE auto get() const {
      constexpr instruction i = Region.code[I];
      if constexpr (i.code == op::tile) return tile;
      else if constexpr (i.code == op::size) return typename W::element(c.extent[i.axis]);
      else if constexpr (i.code == op::index) {
        if constexpr (column_set >> i.axis & 1) {
          alignas(64) typename W::element r[std::size_t(lanes)];
          for (int k = 0; k < lanes; ++k) r[k] = typename W::element(axis_index(i.axis, column + k));
          return W::load(r);
        } else return typename W::element(axis_index(i.axis, 0));
      } else {
        constexpr operand o = Region.operands[std::size_t(i.operand)];
        const view& v = c.operands[i.operand];
        const place& p = places[i.operand];
        extent_t at = p.base;
        if constexpr (o.axes & row_set) at += offset_of(Region.rows, c.extent, v, row);
        if constexpr (!(o.axes & column_set)) return scalar<I>(v, at);
        else return lanes_at<I>(v, p, at);
      }
    }
    template <int I> HEED_INLINE auto scalar(const view& v, extent_t at) const {
      constexpr instruction i = Region.code[I];
      constexpr element e = Region.operands[std::size_t(i.operand)].type;
      if constexpr (class_of(i.type) == value_class::real) return element_at<e, T>(v.data, at);
      else if constexpr (class_of(i.type) == value_class::whole) return element_at<e, typename W::element>(v.data, at);
      else return element_at<e, bool>(v.data, at);
    }
    template <int I> HEED_INLINE auto lanes_at(const view& v, const place& p, extent_t at) const {
      constexpr instruction i = Region.code[I];
      constexpr element e = Region.operands[std::size_t(i.operand)].type;
      using V = std::conditional_t<class_of(i.type) == value_class::real, P, W>;
      V r;
      if (p.columns.single) r = load_lanes<e, V>(v.data, at + column * p.columns.stride, p.columns.stride, count);
      else {
        alignas(64) typename V::element s[std::size_t(lanes)];
        for (int k = 0; k < lanes; ++k)
          s[k] = k < count ? element_at<e, typename V::element>(v.data, at + offset_of(Region.columns, c.extent, v, column + k)) : typename V::element(0);
        r = V::load(s);
      }
      if constexpr (class_of(i.type) == value_class::truth) return r != V(typename V::element(0)); else return r;
    }
    template <int I, class Index> HEED_INLINE auto gather(Index where) const {
      constexpr instruction i = Region.code[I];
      constexpr operand o = Region.operands[std::size_t(i.operand)];
      const view& v = c.operands[i.operand];
      const extent_t top = c.extent[i.axis] - 1;
      using E = std::conditional_t<class_of(i.type) == value_class::real, T, typename W::element>;
      const auto one = [&](extent_t at, extent_t col) {
        if (top < 0) return E(0);
        extent_t from = (at < 0 ? 0 : at > top ? top : at) * v.stride[std::size_t(i.axis)];
        for (int a = 0; a < max_axes; ++a)
          if ((o.axes >> a & 1) && a != i.axis) from += axis_index(a, col) * v.stride[std::size_t(a)];
        return element_at<o.type, E>(v.data, from);
      };
      if constexpr (!wide(i)) {
        if constexpr (class_of(i.type) == value_class::truth) return one(where, 0) != E(0); else return one(where, 0);
      } else {
        alignas(64) E r[std::size_t(lanes)];
        for (int k = 0; k < lanes; ++k) {
          extent_t at;
          if constexpr (std::is_arithmetic_v<Index>) at = where; else at = extent_t(where[k]);
          r[k] = k < count ? one(at, column + k) : E(0);
        }
        if constexpr (class_of(i.type) == value_class::truth) return W::load(r) != W(typename W::element(0));
        else return simd::pack<E>::load(r);
      }
    }
  };

  static void finish(const environment& c, const sizes& n, const place* places, const place& to, extent_t batch, extent_t row0,
                     extent_t rows, extent_t column0, const T* sums) {
    constexpr output out = Region.outputs[0];
    const view& v = c.outputs[0];
    for (extent_t i = 0; i < rows; ++i) {
      const extent_t at = to.base + offset_of(Region.rows, c.extent, v, row0 + i);
      for (int k = 0; k < simd::vectors; ++k) {
        const extent_t column = column0 + k * lanes;
        if (column >= n.columns) break;
        const int count = int(std::min<extent_t>(lanes, n.columns - column));
        const epilogue env{c, places, batch, row0 + i, column, count, P::load(sums + i * panel_columns + k * lanes)};
        auto r = evaluate<Region, out.result>(env);
        constexpr instruction res = Region.code[out.result];
        if constexpr (!epilogue::wide(res)) {
          for (int l = 0; l < count; ++l) put_element<out.type>(v.data, at + offset_of(Region.columns, c.extent, v, column + l), r);
        } else {
          if constexpr (class_of(res.type) != value_class::truth)
            if (to.columns.single) {
              store_lanes<out.type>(v.data, at + column * to.columns.stride, to.columns.stride, count, r);
              continue;
            }
          for (int l = 0; l < count; ++l) put_element<out.type>(v.data, at + offset_of(Region.columns, c.extent, v, column + l), r[l]);
        }
      }
    }
  }

  static void run(const environment& c, const scratch& s) {
    const sizes n(c);
    T* const packed = reinterpret_cast<T*>(s.shared);
    const extent_t panel_size = n.depth * panel_columns;
    if (n.rows == 0 || n.batch == 0) return;
    for_each_item(n.weights * n.panels, c.threads, [&](extent_t item, int) {
      pack(c, n, item / n.panels, item % n.panels, packed + item * panel_size);
    });
    const bool direct = in_place(c, n);
    const view& xs = c.operands[Region.x];
    const extent_t x_stride = flattened(Region.rows, c.extent, xs).stride;
    for_each_item(n.batch * n.row_blocks, c.threads, [&](extent_t item, int thread) {
      const extent_t batch = item / n.row_blocks, row0 = item % n.row_blocks * row_block;
      const extent_t rows = std::min(row_block, n.rows - row0);
      T* const sums = reinterpret_cast<T*>(s.of(thread));
      T* const copy = sums + row_block * panel_columns;
      place places[max_operands];
      for (int k = 0; k < Region.operand_count; ++k)
        places[k] = {offset_of(Region.batch, c.extent, c.operands[k], batch), flattened(Region.columns, c.extent, c.operands[k])};
      const place to{offset_of(Region.batch, c.extent, c.outputs[0], batch), flattened(Region.columns, c.extent, c.outputs[0])};
      const T* from = static_cast<const T*>(xs.data) + places[Region.x].base + row0 * x_stride;
      extent_t stride = x_stride;
      if (!direct) {
        for (extent_t i = 0; i < rows; ++i) {
          const extent_t at = places[Region.x].base + offset_of(Region.rows, c.extent, xs, row0 + i);
          for (extent_t k = 0; k < n.depth; ++k)
            copy[i * n.depth + k] = element_at<x.type, T>(xs.data, at + offset_of(Region.depth, c.extent, xs, k));
        }
        from = copy, stride = n.depth;
      }
      const T* panels = packed + (n.weights == 1 ? 0 : batch) * n.panels * panel_size;
      for (extent_t p = 0; p < n.panels; ++p) {
        simd::multiply_panel(from, stride, rows, panels + p * panel_size, n.depth, sums);
        finish(c, n, places, to, batch, row0, rows, p * panel_columns, sums);
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

}  // namespace heed::run
