// What the sinks of a score-gradient region get and where they put it: of a pair of packs its share of row sums, column
// sums and what products read; of a batch of keys the pairs themselves; of an item the gradients of keys and values.
#pragma once
#include "score_gradient_block.hpp"

namespace heed::internal::run::inline HEED_INSTRUCTION_SET {

template <const auto& Region, class T>
struct gradient_sinks {
  using shape = gradient_shape<Region>;
  using work = gradient_work<Region, T>;
  using program_type = score_program<Region, T>;
  using pack_environment = typename score_gradient_program<Region, T>::template environment<true>;
  using P = simd::pack<T>;
  static constexpr int rows = simd::block_rows<T>, lanes = P::lanes, column = shape::column;
  static constexpr gradient_slots slots = score_gradient_program<Region, T>::slots;
  static constexpr extent_t slot_size = extent_t(work::slot_size);

  // Is output K the first that stores its pairwise value?
  static constexpr bool made_first(int k) {
    const instruction_id pair = Region.gradient.sinks[k].pair;
    if (slots.kept_number(pair) >= 0) return false;
    for (int j = 0; j < k; ++j)
      if (!is_sum(Region.gradient.sinks[j].kind) && Region.gradient.sinks[j].pair == pair) return false;
    return true;
  }

  // Is output K the first that adds at this index? It stores it, inside the table (which may be empty: then nothing
  // reads it).
  static constexpr bool first_index(int k) {
    if (!adds_at_index(Region.gradient.sinks[k].kind)) return false;
    for (int j = 0; j < k; ++j)
      if (adds_at_index(Region.gradient.sinks[j].kind) && slots.index_slot[j] == slots.index_slot[k]) return false;
    return true;
  }
  template <int K, class Index> static HEED_INLINE void store_index(const work& w, const Index& index, int row,
                                                                    T* here) {
    using I = typename program_type::I;
    using W = typename program_type::W;
    W inside = simd::max(simd::min(W(index), W(I(w.extents.top[K]))), W(I(0)));
    if constexpr (shape::kept_rows(K).count > 0) inside = inside + W::load(w.row_entry[K] + row);
    __builtin_memcpy(here + slots.index_slot[K] * slot_size, &inside.x, sizeof inside.x);
  }

  // What output K adds up, a pack at a time: whatever was computed for what is absent (excluded, beyond the end, or by
  // a condition of its own) is excluded too.
  template <bool Mixed, int K, class All>
  static HEED_INLINE P given(All& all, const typename P::mask& absent) {
    constexpr sink k = Region.gradient.sinks[K];
    P x = P(slot<Region, pack_environment, k.pair>(all));
    if constexpr (Mixed || k.keep != 0) x = x + P(T(0));  // -0 + 0 is 0
    // mutants: excluded_behind_the_weights
    if constexpr (k.keep != 0) x = simd::select(slot<Region, pack_environment, k.keep>(all), x, simd::excluded<P>());
    if constexpr (Mixed) x = simd::select(absent, simd::excluded<P>(), x);
    return x;
  }
  // Sums over keys and sums over rows grow in registers, what products read is stored once.
  template <bool Mixed, int K, class All>
  static HEED_INLINE void give(All& all, const typename P::mask& absent, P& by_row, P& by_column, T* here) {
    constexpr sink_kind kind = Region.gradient.sinks[K].kind;
    if constexpr (reduces_to_rows(kind)) by_row = by_row + given<Mixed, K>(all, absent);
    else if constexpr (kind == sink_kind::column_sum) by_column = by_column + given<Mixed, K>(all, absent);
    else if constexpr (made_first(K)) {
      constexpr int to = slots.slot_of(Region.gradient.sinks[K].pair);
      given<Mixed, K>(all, absent).store(here + to * slot_size);
    }
  }

  // The pairs themselves: rows of the output run along the keys, so squares are transposed.
  template <int K>
  static HEED_NOINLINE void store_pairs(const environment& call, work& w, const T* p, extent_t first, int row,
                                        int count, int keys, bool add) {
    constexpr output o = Region.outputs[K];
    const view& v = call.outputs[K];
    const extent_t stride = v.stride[column];
    const T by = factor<K>(w);
    for (int r = 0; r < count; r += lanes)
      for (int j = 0; j < keys; j += lanes) {
        const int some = std::min(lanes, keys - j), there = std::min(lanes, count - r);
        P x[lanes];
        for (int i = 0; i < lanes; ++i)
          x[i] = i < some ? P::load(p + (j + i) * rows + r) * by + P(T(0)) : P(T(0));  // an excluded pair gives 0, not
                                                                                       // -0
        simd::transpose(x);
        for (int i = 0; i < there; ++i) {
          const extent_t to = row_at(call, w, v, row + r + i) + (first + j) * stride;
          if (add) x[i] = x[i] + load_lanes<o.type, P>(v.data, to, stride, some);
          store_lanes<o.type>(v.data, to, stride, some, x[i]);
        }
      }
  }
  template <int K> static T factor(const work& w) {  // of what this item gives to output K
    constexpr sink k = Region.gradient.sinks[K];
    if constexpr (k.scale == 0) return T(k.factor);
    else if constexpr (Region.code[k.scale].code == op::constant) return T(k.factor * Region.code[k.scale].value);
    else return T(k.factor) * w.state->uniform_real[k.scale];
  }
  // Where row r of the block lies in an output.
  static extent_t row_at(const environment& call, const work& w, const view& v, int r) {
    return offset_of(Region.rows, call.extent, v, w.first_row + r) + offset_at(Region.batch, w.state->item.index, v);
  }
  template <int K>
  static void store_columns(const environment& call, const work& w) {
    constexpr sink k = Region.gradient.sinks[K];
    constexpr output o = Region.outputs[K];
    constexpr int axis = shape::width_axis(k.other);
    const view& v = call.outputs[K];
    const extent_t stride = stride_along(axis, v), width = w.extents.width[k.other];
    const T by = factor<K>(w);
    const extent_t base = offset_at(Region.batch, w.state->item.index, v);
    for (extent_t j = 0; j < w.extents.keys; ++j) {
      const T* from = w.sums[K] + j * w.extents.padded[k.other];
      const extent_t to = base + j * v.stride[column];
      for (extent_t e = 0; e < width; e += lanes)
        store_lanes<o.type>(v.data, to + e * stride, stride, int(std::min<extent_t>(lanes, width - e)),
                            P::load(from + e) * P(by));
    }
  }
};

}  // namespace heed::internal::run::inline HEED_INSTRUCTION_SET
