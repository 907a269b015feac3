// The score region, forward: for every block of rows one pass over the visible keys, from the last to the first, online
// softmax with lazy rescaling, weighted values in batches. Which keys are visible is found by bisection over intervals:
// empty stretches cost a logarithm, full ones run without mask code. Nothing of the size rows x keys is ever stored.
#pragma once
#include "score_program.hpp"
#include "team.hpp"

namespace heed::run {

template <const auto& Region, class T>
struct score_loops {
  using program_type = score_program<Region, T>;
  using context = typename program_type::context;
  using P = simd::pack<T>;
  static constexpr int rows = simd::block_rows<T>, lanes = P::lanes, group = simd::group, column = Region.columns[0];
  static constexpr int depth_axis = Region.depth[0], width_axis = Region.width.count ? Region.width[0] : -1;
  static constexpr element x_type = Region.operands[std::size_t(Region.x)].type, w_type = Region.operands[std::size_t(Region.w)].type;
  static constexpr bool has_values = Region.v >= 0;
  static constexpr element v_type = Region.operands[std::size_t(has_values ? Region.v : 0)].type;

  struct sizes {
    extent_t batch, rows_total, blocks, keys, depth, width;
    bool keys_in_place, values_in_place;
    explicit sizes(const environment& c)
        : batch(count_of(Region.batch, c.extent)), rows_total(count_of(Region.rows, c.extent)),
          blocks((rows_total + rows - 1) / rows), keys(c.extent[column]), depth(c.extent[depth_axis]),
          width(has_values ? count_of(Region.width, c.extent) : 0),
          keys_in_place(w_type == element_of<T> && (c.operands[Region.w].stride[std::size_t(depth_axis)] == 1 || depth <= 1)),
          values_in_place(has_values && v_type == element_of<T> &&
                          (width <= 1 || c.operands[std::size_t(Region.v)].stride[std::size_t(width_axis < 0 ? 0 : width_axis)] == 1)) {}
  };
  static constexpr std::size_t rounded(std::size_t bytes) { return (bytes + 63) / 64 * 64; }
  static std::size_t bounds_bytes(const sizes& n) {
    return rounded(sizeof(middle::interval) * std::size_t(program_type::bounded) * std::size_t((n.keys + program_type::granule - 1) / program_type::granule));
  }
  static scratch_need need(const environment& c) {
    const sizes n(c);
    scratch_need r;
    r.per_thread = rounded(sizeof(context)) + bounds_bytes(n) +
                   rounded(score_block<T>::elements(n.depth, n.width, program_type::pairs, has_values && !n.values_in_place) * sizeof(T));
    return r;
  }

  // What one block of rows works with.
  struct work {
    context& c;
    score_block<T>& b;
    const sizes& n;
    const T* keys;                                         // of this item, when they are read in place
    extent_t key_stride;
    const middle::interval* bounds;
  };

  static HEED_NOINLINE void copy_keys(const work& w, extent_t first, int count) {
    const view& v = w.c.call.operands[Region.w];
    for (int i = 0; i < group; ++i)
      for (extent_t d = 0; d < w.n.depth; ++d)
        w.b.keys[i * w.n.depth + d] = i < count ? element_at<w_type, T>(v.data, w.c.base[Region.w] + (first + i) * v.stride[std::size_t(column)] + d * v.stride[std::size_t(depth_axis)]) : T(0);
  }

  // A group of keys against the block: contraction, program, mask, maximum, weights. The hot function of a variant.
  template <bool Mixed>
  static HEED_NOINLINE void keys_group(const work& w, extent_t first, int count) {
    score_block<T>& b = w.b;
    P a[group][simd::vectors];
    const T* k = w.keys + first * w.key_stride;
    extent_t stride = w.key_stride;
    if (!w.n.keys_in_place || (Mixed && count < group)) {
      copy_keys(w, first, count);
      k = b.keys, stride = w.n.depth;
    }
    simd::contract<T, group>(b.queries, k, stride, w.n.depth, a);
    const P nothing = -std::numeric_limits<T>::infinity();
    HEED_UNROLL for (int i = 0; i < group; ++i) {
      const extent_t key = Mixed && i >= count ? first + count - 1 : first + i;
      HEED_UNROLL for (int v = 0; v < simd::vectors; ++v) {
        const typename program_type::pack_environment env{w.c, v * lanes, key, a[i][v]};
        a[i][v] = P(evaluate<Region, Region.score>(env));
        if constexpr (Mixed) {
          if constexpr (Region.keep != 0) a[i][v] = simd::select(evaluate<Region, Region.keep>(env), a[i][v], nothing);
          if (i >= count) a[i][v] = nothing;
        }
      }
    }
    typename P::mask grew = false;
    P top[simd::vectors];
    HEED_UNROLL for (int v = 0; v < simd::vectors; ++v) {
      top[v] = a[0][v];
      HEED_UNROLL for (int i = 1; i < group; ++i) top[v] = simd::max(top[v], a[i][v]);
      if constexpr (Region.top >= 0) simd::max(P::load(b.best + v * lanes), top[v]).store(b.best + v * lanes);
      grew = grew || P::load(b.limit + v * lanes) < top[v];
    }
    b.at -= group;
    if (__builtin_expect(simd::any(grew), 0)) {
      alignas(64) T t[rows];
      HEED_UNROLL for (int v = 0; v < simd::vectors; ++v) top[v].store(t + v * lanes);
      rescale(b, w.n.width, b.at + group, t);
    }
    T* const p = b.weights + b.at * rows;
    HEED_UNROLL for (int v = 0; v < simd::vectors; ++v) {
      const P used = P::load(b.used + v * lanes);
      P sum = P::load(b.sum + v * lanes);
      HEED_UNROLL for (int i = 0; i < group; ++i) {
        const P weight = simd::exp2_weight(a[i][v] - used);
        sum = sum + weight;
        weight.store(p + i * rows + v * lanes);
      }
      sum.store(b.sum + v * lanes);
    }
  }

  static void flush(const work& w) {
    if constexpr (has_values) {
      const view& v = w.c.call.operands[Region.v];
      const extent_t stride = v.stride[std::size_t(column)];
      if (w.n.values_in_place) {
        add_values(w.b, static_cast<const T*>(v.data) + w.c.base[Region.v], stride, w.n.width);
      } else {
        for (int i = 0; i < w.b.segment_count; ++i) {      // a copy, batch position by batch position
          auto& s = w.b.segments[i];
          for (int j = 0; j < s.count; ++j)
            for (extent_t e = 0; e < w.n.width; ++e)
              w.b.values[(s.at + j) * w.n.width + e] = element_at<v_type, T>(v.data, w.c.base[Region.v] + (s.first + j) * stride + e * v.stride[std::size_t(width_axis < 0 ? 0 : width_axis)]);
          s.first = s.at;
        }
        add_values(w.b, w.b.values, w.n.width, w.n.width);
      }
    }
    clear_batch(w.b);
  }

  // All keys of [first, end) that are not known to be excluded, from the last to the first, in groups. `first` and every
  // inner border is a multiple of the group, so that a row meets the same groups whatever block it is in.
  static void visit(const work& w, extent_t first, extent_t end) {
    if (first >= end) return;
    const tile_kind kind = classify<Region, T>(w.c, w.bounds, first, end - 1);
    if (kind == tile_kind::empty) return;
    if (kind == tile_kind::full || end - first <= group) {
      for (extent_t at = first + (end - first - 1) / group * group; at >= first; at -= group) {
        const int count = int(std::min<extent_t>(group, end - at));
        if (w.b.at < group) flush(w);
        if constexpr (program_type::pairs > 0) {
          const extent_t tile = at / lanes * lanes;
          if (w.c.tile_first != tile) program_type::load_tiles(w.c, tile);
        }
        const bool mixed = kind == tile_kind::mixed || count < group;
        if (mixed) keys_group<true>(w, at, count); else keys_group<false>(w, at, count);
        note_keys(w.b, at, count, kind == tile_kind::mixed);
      }
      return;
    }
    const extent_t middle = first + ((end - first + group - 1) / group / 2) * group;
    visit(w, middle, end);
    visit(w, first, middle);
  }

  static void load_queries(context& c, score_block<T>& b, const sizes& n, int count) {
    const view& v = c.call.operands[Region.x];
    T scale = 1;
    if constexpr (Region.scale != 0) {
      if constexpr (Region.code[Region.scale].code == op::constant) scale = T(Region.code[Region.scale].value);
      else scale = c.uniform_real[Region.scale];
    }
    const extent_t stride = v.stride[std::size_t(depth_axis)];
    if constexpr (x_type == element_of<T>) {
      const T* from[rows]{};
      for (int r = 0; r < count; ++r) from[r] = static_cast<const T*>(v.data) + c.base[Region.x] + c.row_offset[Region.x][r];
      simd::transpose_in<T>(from, count, stride, n.depth, scale, b.queries);
    } else {
      for (extent_t d = 0; d < n.depth; ++d)
        for (int r = 0; r < rows; ++r)
          b.queries[d * rows + r] = r < count ? scale * element_at<x_type, T>(v.data, c.base[Region.x] + c.row_offset[Region.x][r] + d * stride) : T(0);
    }
  }

  static void store_rows(const environment& call, context& c, score_block<T>& b, const sizes& n, extent_t first, int count) {
    alignas(64) T inverse[rows], lse[rows], top[rows];
    finish_rows(b, inverse, lse, top);
    const auto offset = [&](int k, int r) {
      const view& v = call.outputs[k];
      extent_t o = offset_of(Region.rows, call.extent, v, first + r);
      for (int i = 0; i < Region.batch.count; ++i) o += c.item.index[Region.batch[i]] * v.stride[std::size_t(Region.batch[i])];
      return o;
    };
    if constexpr (Region.out >= 0) {
      constexpr output o = Region.outputs[std::size_t(Region.out)];
      const view& v = call.outputs[Region.out];
      const extent_t stride = width_axis < 0 ? 0 : v.stride[std::size_t(width_axis < 0 ? 0 : width_axis)];
      if constexpr (o.type == element_of<T>) {
        T* to[rows]{};
        for (int r = 0; r < count; ++r) to[r] = static_cast<T*>(v.data) + offset(Region.out, r);
        simd::transpose_out<T>(b.out, inverse, n.width, to, count, stride);
      } else {
        for (int r = 0; r < count; ++r)
          for (extent_t e = 0; e < n.width; ++e) put_element<o.type>(v.data, offset(Region.out, r) + e * stride, b.out[e * rows + r] * inverse[r]);
      }
    }
    if constexpr (Region.lse >= 0)
      for (int r = 0; r < count; ++r) put_element<Region.outputs[std::size_t(Region.lse)].type>(call.outputs[Region.lse].data, offset(Region.lse, r), lse[r]);
    if constexpr (Region.top >= 0)
      for (int r = 0; r < count; ++r) put_element<Region.outputs[std::size_t(Region.top)].type>(call.outputs[Region.top].data, offset(Region.top, r), top[r]);
  }

  static void run(const environment& call, const scratch& s) {
    const sizes n(call);
    for_each_item(n.batch * n.blocks, call.threads, [&](extent_t item, int thread) {
      const extent_t batch = item / n.blocks;
      const extent_t first = (n.blocks - 1 - item % n.blocks) * rows;   // late rows first: under a causal mask they have most to do
      std::byte* memory = s.of(thread);
      context& c = *new (memory) context(call, n.keys);
      memory += rounded(sizeof(context));
      middle::interval* bounds = reinterpret_cast<middle::interval*>(memory);
      score_block<T> b;
      b.place(reinterpret_cast<T*>(memory + bounds_bytes(n)), n.depth, n.width, program_type::pairs, has_values && !n.values_in_place);
      c.tiles = b.tiles;
      program_type::set_item(c, batch);
      program_type::set_bounds(c, bounds);
      const int count = int(std::min<extent_t>(rows, n.rows_total - first));
      program_type::set_rows(c, first, count);
      load_queries(c, b, n, count);
      reset(b, n.width);
      const view& k = call.operands[Region.w];
      const work w{c, b, n, static_cast<const T*>(k.data) + c.base[Region.w], k.stride[std::size_t(column)], bounds};
      visit(w, 0, n.keys);
      flush(w);
      store_rows(call, c, b, n, first, count);
    });
  }
};

template <const auto& Region>
struct score_kernel {
  using loops = score_loops<Region, std::conditional_t<Region.real == element::f64, double, float>>;
  static scratch_need need(const environment& c) { return loops::need(c); }
  static void run(const environment& c, const scratch& s) noexcept { loops::run(c, s); }
};

}  // namespace heed::run
