// Boolean operands over pairs of rows and keys, as a mask that the caller has written down: bytes. Of a block of rows
// it is known key by key whether any and whether all of its rows, and of those of each pack, are true, which is all
// that most keys cost; where that leaves something open, 16 keys at a time are turned into lanes.
#pragma once
#include "../program/mask_bounds.hpp"
#include "../../simd/bytes.hpp"
#include "score_values.hpp"

namespace heed::internal::run::inline HEED_INSTRUCTION_SET {

template <const auto& Region, class T>
struct score_bytes {
  using values = score_values<Region, T>;
  using context = typename values::context;
  static constexpr int rows = values::rows, lanes = values::lanes, size = values::size, column = values::column;
  static constexpr int at_once = simd::bytes_at_once;

  static constexpr auto loads = listed<size>([](int i) { return values::is_byte_load(Region.code[i]); });
  static constexpr bool exist = loads.count > 0;
  // Are they read for anything but the mask? Then they are needed where the mask is known, too.
  static constexpr bool read_elsewhere = [] {
    fixed_array<bool, program::capacity> read{};
    for (int i = 1; i < size; ++i) read[i] = !values::in_mask[i] || Region.code[i].code == op::running_sum;
    read[Region.pair.score] = true;
    for (int k = 0; k < Region.outputs.count; ++k)
      read[Region.gradient.sinks[k].pair] = read[Region.gradient.sinks[k].index] = true;
    for (int i = size - 1; i > 0; --i) {
      const instruction& x = Region.code[i];
      if (!read[i]) continue;
      if (values::is_byte_load(x)) return true;
      read[x.a] = read[x.b] = read[x.c] = true;
    }
    return false;
  }();

  static const unsigned char* from(const context& c, int operand) {
    return static_cast<const unsigned char*>(c.call.operands[operand].data) + c.base[operand];
  }
  // Calls f(first byte, offsets of rows) for keys [first, first + Count) of some rows, copied if they do not lie side
  // by side; keys that do not exist repeat the last one.
  template <int Count, class F>
  static void with_rows(const context& c, int operand, extent_t first, int row, int row_count, const F& f) {
    const extent_t stride = c.call.operands[operand].stride[column];
    const unsigned char* const at = from(c, operand) + first * stride;
    const extent_t* const offset = c.row_offset[operand] + row;
    if (stride == 1 && first + Count <= c.columns) return f(at, offset);
    unsigned char copy[rows * Count];
    extent_t places[rows];
    for (int r = 0; r < row_count; ++r) {
      places[r] = r * Count;
      for (extent_t i = 0; i < Count; ++i)
        copy[r * Count + i] = at[offset[r] + std::min(i, c.columns - 1 - first) * stride];
    }
    f(copy, places);
  }

  // ---- bounds: [operand][part][64 keys], where the bounds of other pairwise operands have their intervals ----
  static simd::column_bits* bits(const context& c, int operand, int part) {
    return reinterpret_cast<simd::column_bits*>(
        c.pair_bounds + (values::pair_number(operand) * (simd::vectors + 1) + part) * granules_of(c.columns));
  }
  static HEED_NOINLINE void set_bits(context& c, int operand) {
    simd::column_bits* const whole = bits(c, operand, 0);
    for (extent_t word = 0; word * 64 < c.columns; ++word) {
      whole[word] = {};
      for (int p = 0; p < c.pack_count; ++p) {
        const int row = p * lanes, count = std::min(c.row_count - row, lanes);
        with_rows<64>(c, operand, word * 64, row, count, [&](const unsigned char* first, const extent_t* offset) {
          const simd::column_bits x = simd::bits_of_columns(first, offset, count);
          bits(c, operand, p + 1)[word] = x;
          whole[word].any |= x.any, whole[word].all &= x.all;
        });
      }
    }
  }
  // What the operand is on keys [first, last] of a part of the rows.
  static plan::interval between(const context& c, int operand, int part, extent_t first, extent_t last) {
    const simd::column_bits* const at = bits(c, operand, part);
    bool any = false, all = true;
    for (extent_t word = first / 64; word <= last / 64 && (all || !any); ++word) {
      std::uint64_t keys = ~std::uint64_t(0);
      if (word == first / 64) keys &= ~std::uint64_t(0) << first % 64;
      if (word == last / 64) keys &= ~std::uint64_t(0) >> (63 - last % 64);
      any = any || (at[word].any & keys), all = all && !(~at[word].all & keys);
    }
    return plan::truth(all, any);
  }

  // ---- lanes: [pack][16 keys], a bit for each row of the pack, keys from byte_first on, in the operand's tile ----
  using I = std::int32_t;
  static_assert(simd::vectors * at_once * sizeof(I) <= values::tile_keys * rows * sizeof(T));
  static I* tile(const context& c, int operand) {
    return reinterpret_cast<I*>(c.tiles + values::pair_number(operand) * values::tile_keys * rows);
  }
  static void load_at(context& c, extent_t key) {
    const extent_t first = key / at_once * at_once;
    if (c.byte_first != first) load(c, first);
  }
  static HEED_NOINLINE void load(context& c, extent_t first) {
    c.byte_first = first;
    each_of<loads>([&]<int K>() {
      constexpr int operand = Region.code[K].operand;
      for (int p = 0; p < c.pack_count; ++p)
        with_rows<at_once>(c, operand, first, p * lanes, lanes, [&](const unsigned char* at, const extent_t* offset) {
          simd::bits_of_rows<lanes>(at, offset, tile(c, operand) + p * at_once);
        });
    });
  }
  // At a key, for the pack of rows from `row` on.
  static HEED_INLINE typename values::M get(const context& c, int operand, extent_t key, int row) {
    return simd::mask_of_bits<typename values::M>(tile(c, operand)[row / lanes * at_once + (key - c.byte_first)]);
  }
};

}  // namespace heed::internal::run::inline HEED_INSTRUCTION_SET
