// The values of a score region's program that do not change with the key: of a batch item, and of the rows of a block,
// worked out once for each (a row cache), with their bounds.
#pragma once
#include "../../plan/facts/interval.hpp"
#include "../program/evaluate.hpp"
#include "../program/scalar_environment.hpp"
#include "score_block.hpp"

namespace heed::internal::run::inline HEED_INSTRUCTION_SET {

template <const auto& Region, class T>
struct score_values {
  using P = simd::pack<T>;
  using I = simd::integer_of_size<sizeof(T)>;
  using W = simd::pack<I>;
  using M = typename P::mask;
  static constexpr int rows = simd::block_rows<T>, lanes = P::lanes, size = Region.code.size;
  static constexpr int column = Region.columns[0];

  static constexpr bool is_row(const instruction& x) { return x.where == role::row; }
  static constexpr bool is_pair_load(const instruction& x) { return x.code == op::load && x.where == role::pair; }
  // Booleans are read as they lie in memory, by score_bytes.
  static constexpr bool is_byte_load(const instruction& x) {
    return is_pair_load(x) && Region.operands[x.operand].type == element::boolean;
  }
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
  static constexpr int tile_keys = 2 * lanes;  // of a tile of them

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
    scalar_environment<Region> item;           // indices of the batch item
    extent_t base[Region.operands.count + 1];  // offsets of operands at the item
    extent_t columns = 0;
    extent_t row_offset[Region.operands.count + 1][rows];
    int row_count = 0, pack_count = 0;  // rows that exist, packs that hold them
    alignas(64) T real[size][rows];
    alignas(64) I whole[size][rows];
    alignas(64) I truth[size][rows];                // all ones where true
    plan::interval range[simd::vectors + 1][size];  // of row values: over the block, then over each of its packs
    I first_row[size];                              // of whole row values: at the first row
    T uniform_real[size];
    std::int64_t uniform_whole[size];
    bool uniform_truth[size];
    T* tiles = nullptr;                         // pairwise operands: [pair][tile_keys][rows], keys from tile_first on
    plan::interval* pair_bounds = nullptr;      // of those that the mask reads: [pair][part][granules]
    extent_t tile_first = -1, byte_first = -1;  // byte_first: of boolean ones
    context(const environment& e, extent_t keys)
        : call(e),
          item{e, {}},
          columns(keys) {}  // the caches stay uninitialised
  };

  static constexpr auto uniforms = listed<size>([](int i) { return Region.code[i].where == role::uniform; });
  static constexpr auto row_values = listed<size>([](int i) { return is_row(Region.code[i]); });
  static constexpr auto distances = listed<size>([](int i) { return is_distance(Region.code[i]); });
  static constexpr auto tiled_loads =
      listed<size>([](int i) { return is_pair_load(Region.code[i]) && !is_byte_load(Region.code[i]); });

  static void set_item(context& c, extent_t batch) {
    index_of(Region.batch, c.call.extent, batch, c.item.index);
    for (int k = 0; k < Region.operands.count; ++k)
      c.base[k] = offset_at(Region.batch, c.item.index, c.call.operands[k]);
    each_of<uniforms>([&]<int K>() {
      constexpr instruction x = Region.code[K];
      const auto v = evaluate<Region, K>(c.item);
      if constexpr (class_of(x.type) == value_class::real) c.uniform_real[K] = T(v);
      else if constexpr (class_of(x.type) == value_class::whole) c.uniform_whole[K] = v;
      else c.uniform_truth[K] = v;
    });
  }
  // A uniform value that the program may know while compiling.
  template <int K> static T uniform(const context& c) {
    if constexpr (K == 0) return T(1);
    else if constexpr (Region.code[K].code == op::constant) return T(Region.code[K].value);
    else return c.uniform_real[K];
  }
  static T scale_of_queries(const context& c) { return uniform<Region.pair.scale>(c); }

  // Rows first .. first + count of the item: what each is, and its bounds over the block and over each of its packs.
  // Rows that do not exist repeat the last one.
  static void set_row_values(context& c, extent_t first, int count) {
    c.row_count = count, c.pack_count = (count + lanes - 1) / lanes, c.tile_first = c.byte_first = -1;
    scalar_environment<Region> at = c.item;
    for (int r = 0; r < rows; ++r) {
      index_of(Region.rows, c.call.extent, first + (r < count ? r : count - 1), at.index);
      for (int k = 0; k < Region.operands.count; ++k)
        c.row_offset[k][r] = offset_at(Region.rows, at.index, c.call.operands[k]);
      each_of<row_values>([&]<int K>() {
        constexpr instruction x = Region.code[K];
        const auto v = evaluate<Region, K>(at);
        if constexpr (class_of(x.type) == value_class::real) c.real[K][r] = T(v);
        else if constexpr (class_of(x.type) == value_class::whole) c.whole[K][r] = I(v);
        else c.truth[K][r] = v ? I(-1) : I(0);
      });
    }
    each_of<row_values>([&]<int K>() {
      plan::bounds_of_values block;
      for (int p = 0; p < c.pack_count; ++p) {
        const plan::bounds_of_values over = bounds_of_pack<K>(c, p);
        c.range[p + 1][K] = over.bounds();
        block.add(over.lo), block.add(over.hi), block.unknown = block.unknown || over.unknown;
      }
      c.range[0][K] = block.bounds();
      if constexpr (class_of(Region.code[K].type) == value_class::whole) c.first_row[K] = c.whole[K][0];
    });
    // distances keep their row value relative to the block's first row, as a real
    each_of<distances>([&]<int K>() {
      constexpr instruction d = Region.code[Region.code[K].a];
      constexpr int row = Region.code[d.a].where == role::row ? d.a : d.b;
      for (int r = 0; r < rows; ++r) c.real[K][r] = T(c.whole[row][r] - c.whole[row][0]);
    });
  }
  // Of a row value. Rows behind the last repeat it, so that whole numbers are taken by lanes; of reals NaN counts.
  template <int K> static plan::bounds_of_values bounds_of_pack(const context& c, int p) {
    constexpr value_class kind = class_of(Region.code[K].type);
    plan::bounds_of_values over;
    if constexpr (kind == value_class::real) {
      for (int r = p * lanes; r < std::min((p + 1) * lanes, c.row_count); ++r) over.add(double(c.real[K][r]));
    } else if constexpr (kind == value_class::whole) {
      const W w = W::load(c.whole[K] + p * lanes);
      over.lo = double(simd::min(w)), over.hi = double(simd::max(w));
    } else {
      const W w = W::load(c.truth[K] + p * lanes);  // -1: true
      over.lo = double(-simd::max(w)), over.hi = double(-simd::min(w));
    }
    return over;
  }
};

}  // namespace heed::internal::run::inline HEED_INSTRUCTION_SET
