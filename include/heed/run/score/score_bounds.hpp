// The program of a score region over intervals: what its mask is on a stretch of keys, for all rows of a block or for
// those of a pack, without looking at the pairs.
#pragma once
#include "../program/mask_bounds.hpp"
#include "score_bytes.hpp"
#include "score_columns.hpp"

namespace heed::internal::run::inline HEED_INSTRUCTION_SET {

template <const auto& Region, class T>
struct score_bounds : score_values<Region, T> {
  using values = score_values<Region, T>;
  using typename values::context, typename values::P, typename values::I, typename values::W, typename values::M;
  static constexpr int rows = values::rows, lanes = values::lanes, size = values::size, column = values::column;

  // Bounds of pairwise operands that the mask reads are over the rows of the block (part 0) and over those of each of
  // its packs.
  static constexpr int parts = simd::vectors + 1;
  // How many intervals the bounds of pairwise operands take, a block.
  static constexpr extent_t pair_bounds_count(extent_t keys) {
    return values::mask_reads_pairs ? values::pairs * parts * granules_of(keys) : 0;
  }
  using columns = score_columns<Region, T>;
  static constexpr auto pair_loads_of_mask =
      listed<size>([](int i) { return values::is_pair_load(Region.code[i]) && values::in_mask[i]; });
  using bytes = score_bytes<Region, T>;

  struct interval_environment {
    using types = uniform_types<plan::interval, plan::interval, plan::interval>;
    static constexpr bool wide(const instruction&) { return false; }
    static constexpr bool given(const instruction& x) {
      return x.code != op::constant && (x.where == role::uniform || x.where == role::row);
    }
    static constexpr bool keeps(int i) { return columns::number_of(i) >= 0; }
    const context& state;
    const plan::interval* bounds;  // of score_columns
    extent_t first, last;          // keys, inclusive
    int part;                      // 0: the block, v + 1: its pack v

    template <int K> plan::interval get() const {
      constexpr instruction x = Region.code[K];
      constexpr value_class kind = class_of(x.type);
      if constexpr (columns::number_of(K) >= 0) {
        return columns::between(bounds, columns::number_of(K), state.columns, first, last);
      } else if constexpr (x.where == role::uniform) {
        if constexpr (kind == value_class::real) return double(state.uniform_real[K]);
        else if constexpr (kind == value_class::whole) return double(state.uniform_whole[K]);
        else return double(state.uniform_truth[K]);
      } else if constexpr (x.where == role::row) return state.range[part][K];
      else if constexpr (x.code == op::index) return {double(first), double(last)};
      else if constexpr (values::is_byte_load(x) && values::in_mask[K]) {
        return bytes::between(state, x.operand, part, first, last);
      } else if constexpr (values::is_pair_load(x) && values::in_mask[K]) {
        return hull_of(state.pair_bounds + (values::pair_number(x.operand) * parts + part) * granules_of(state.columns),
                       first, last);
      } else return anything(x);
    }
    // A table at any of some indices: what it holds there, where that is not much to read; a longer stretch is halved
    // until it is.
    template <int K, class Index> plan::interval gather(Index where) const {
      constexpr instruction x = Region.code[K];
      constexpr operand o = Region.operands[x.operand];
      if constexpr ((o.axes >> column & 1) && column != x.axis) return anything(x);
      else {
        constexpr bool has_rows = [] {
          for (int i = 0; i < Region.rows.count; ++i)
            if (o.axes >> Region.rows[i] & 1 && Region.rows[i] != x.axis) return true;
          return false;
        }();
        const view& from = state.call.operands[x.operand];
        const extent_t step = from.stride[x.axis];
        const int row = part ? (part - 1) * lanes : 0, end = !has_rows ? row + 1
                                                             : part    ? std::min(part * lanes, state.row_count)
                                                                       : state.row_count;
        const named_entries entries = entries_named(where, state.call.extent[x.axis], end - row);
        if (!entries.read) return anything(x);
        plan::bounds_of_values over;
        for (int k = row; k < end; ++k)
          for (extent_t i = entries.low; i <= entries.high; ++i)
            over.add(element_at<o.type, double>(
                from.data, state.base[x.operand] + (has_rows ? state.row_offset[x.operand][k] : 0) + i * step));
        return over.bounds();
      }
    }
  };
  // Read once a block, a granule of a row at a time: rows lie apart.
  static HEED_NOINLINE void set_pair_bounds(context& c) {
    const extent_t granules = granules_of(c.columns);
    each_of<pair_loads_of_mask>([&]<int K>() {
      constexpr instruction x = Region.code[K];
      constexpr element e = Region.operands[x.operand].type;
      if constexpr (e == element::boolean) return bytes::set_bits(c, x.operand);
      using E = storage<e>;
      const view& v = c.call.operands[x.operand];
      const extent_t stride = v.stride[column];
      plan::interval* const to = c.pair_bounds + values::pair_number(x.operand) * parts * granules;
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
              for (int i = 0; i < granule; ++i) row[i] = element_at<e, E>(v.data, at + std::min(i, count - 1) * stride);
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
    });
  }
  // What the mask is on keys [first, last] x the rows of the block (part 0) or of its pack part - 1.
  static tile_kind classify(const context& c, const plan::interval* bounds, extent_t first, extent_t last,
                            int part = 0) {
    if constexpr (Region.pair.keep == 0) return tile_kind::full;
    else {
      const plan::interval keep =
          evaluate<Region, Region.pair.keep>(interval_environment{c, bounds, first, last, part});
      return kind_of(keep);
    }
  }
};

}  // namespace heed::internal::run::inline HEED_INSTRUCTION_SET
