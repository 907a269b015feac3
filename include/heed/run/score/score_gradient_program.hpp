// What the program of a score-gradient region needs on tiles: which values are kept from the first contraction to the
// second, where pairwise values wait for their products, and the environments in which the program is evaluated. The
// first pass knows the score's tile and gives the weight and whatever else depends on that tile alone; the second knows
// the other tile.
#pragma once
#include "score_program.hpp"
#include "score_running_sums.hpp"
#include <array>

namespace heed::internal::run::inline HEED_INSTRUCTION_SET {

constexpr bool is_tile(const instruction& x, int number) { return x.code == op::tile && x.operand == number; }
constexpr bool reduces_to_rows(sink_kind k) { return k == sink_kind::uniform_sum || k == sink_kind::row_sum; }
constexpr bool is_sum(sink_kind k) { return reduces_to_rows(k) || k == sink_kind::column_sum; }
constexpr bool adds_items(sink_kind k) {
  return is_sum(k) || k == sink_kind::table_sum;
}  // partial sums of items are added at the end

// Pairwise values in memory: [slot][key of the batch][row]. Slot 0 holds the weights. Slots of values that only wait
// for the second pass are used again by its results, element by element. Indices of tables lie there as whole numbers
// of that size.
struct gradient_slots {
  std::array<instruction_id, program::capacity> kept{};  // by the first pass, kept[0]: the weight (0 if nothing asks
                                                         // for it by name)
  std::array<std::int16_t, program::capacity> kept_slot{};
  std::array<bool, program::capacity> kept_for_products{};  // they read it as the first pass has stored it
  int kept_count = 0;
  std::array<instruction_id, max_outputs> made{};  // by the second pass, for products and pairs
  std::array<std::int8_t, max_outputs> made_slot{};
  int made_count = 0, slots = 1;
  std::array<std::int8_t, max_outputs> index_slot{};  // by output: of the index of a table

  constexpr int kept_number(int i) const {
    for (int k = 0; k < kept_count; ++k)
      if (kept[k] == i) return k;
    return -1;
  }
  constexpr int slot_of(int i) const {  // of a pairwise value that products read
    for (int k = 0; k < made_count; ++k)
      if (made[k] == i) return made_slot[k];
    return kept_slot[kept_number(i)];
  }
};

// What is kept are the values nearest to the sinks that depend on the first contraction alone: behind the second they
// could not be computed again. What products read is written when the kept values have been read, so that it takes
// their slots, but for that of the weights, which every sink may ask for, and of kept values that products read.
constexpr gradient_slots slots_of(const region& r) {
  gradient_slots s;
  std::array<bool, program::capacity> tile{}, later{}, wanted{};  // depends on tile 0; on tile 1 or the weight; by the
                                                                  // second pass
  instruction_id weight = 0;
  for (int i = 1; i < r.code.size; ++i) {
    const instruction& x = r.code[i];
    const std::size_t k = std::size_t(i);
    for (const int j : {int(x.a), int(x.b), int(x.c)}) tile[k] = tile[k] || tile[j], later[k] = later[k] || later[j];
    if (is_tile(x, 0) || is_term(x) || x.code == op::running_sum) tile[k] = true;  // a sum is taken on once a pair
    if (is_tile(x, 1) || is_tile(x, 2)) later[k] = true;
    if (is_tile(x, 2)) weight = instruction_id(i);
  }
  s.kept[0] = weight, s.kept_slot[0] = 0, s.kept_count = 1;
  for (int k = 0; k < r.outputs.count; ++k) wanted[r.gradient.sinks[k].pair] = wanted[r.gradient.sinks[k].index] = true;
  for (int i = r.code.size - 1; i > 0; --i) {
    if (!wanted[i] || i == weight) continue;
    const instruction& x = r.code[i];
    if (tile[i] && !later[i] && class_of(x.type) != value_class::whole) {
      s.kept[s.kept_count] = instruction_id(i);
      s.kept_slot[s.kept_count++] = std::int16_t(s.slots++);
      continue;
    }
    for (const int j : {int(x.a), int(x.b), int(x.c)}) wanted[j] = true;
  }
  int taken = 0;  // the slots of the first pass are free again, but for what products read from there
  const auto free_slot = [&] {
    for (++taken;; ++taken) {
      bool read = false;
      for (int k = 1; k < s.kept_count; ++k) read = read || (s.kept_for_products[k] && s.kept_slot[k] == taken);
      if (!read) return std::int8_t(taken);
    }
  };
  for (int k = 0; k < r.outputs.count; ++k)
    if (const int kept = s.kept_number(r.gradient.sinks[k].pair); kept > 0 && !is_sum(r.gradient.sinks[k].kind))
      s.kept_for_products[kept] = true;
  for (int k = 0; k < r.outputs.count; ++k) {
    const sink& x = r.gradient.sinks[k];
    if (is_sum(x.kind) || x.pair == weight || s.kept_number(x.pair) > 0) continue;
    bool there = false;
    for (int j = 0; j < s.made_count; ++j) there = there || s.made[j] == x.pair;
    if (there) continue;
    s.made[s.made_count] = x.pair;
    s.made_slot[s.made_count++] = free_slot();
  }
  for (int k = 0; k < r.outputs.count; ++k) {
    const sink& x = r.gradient.sinks[k];
    if (!adds_at_index(x.kind)) continue;
    for (int j = 0; j < k && !s.index_slot[k]; ++j)
      if (r.gradient.sinks[j].index == x.index && r.gradient.sinks[j].table == x.table)
        s.index_slot[k] = s.index_slot[j];
    if (!s.index_slot[k]) s.index_slot[k] = free_slot();
  }
  if (taken >= s.slots) s.slots = taken + 1;
  return s;
}

template <const auto& Region, class T>
struct score_gradient_program {
  using base = score_program<Region, T>;
  using P = simd::pack<T>;
  using W = simd::pack<simd::integer_of_size<sizeof(T)>>;
  static constexpr gradient_slots slots = slots_of(Region);

  // Second: after the second contraction, where kept values come from memory. Ahead: running sums that are known ahead
  // are read, not taken on.
  template <bool Second, bool Ahead = false>
  struct environment : with_running_sums<Region, T, typename base::pack_environment> {
    using above = typename base::pack_environment;
    using sums_along = running_sums<Region, T>;
    P product;
    const T* here;  // of slot 0, at the pack and the key
    std::ptrdiff_t slot_size;

    static constexpr int kept_number(const instruction& x) {
      if (Second)
        for (int k = 0; k < slots.kept_count; ++k)
          if (slots.kept[k] && Region.code[slots.kept[k]] == x) return k;
      return -1;
    }
    static constexpr bool given(const instruction& x) { return above::given(x) || kept_number(x) >= 0; }
    static constexpr bool keeps(int i) requires(Ahead)
    {
      return sums_along::number_ahead(i) >= 0;
    }
    template <int K> HEED_INLINE auto get() const {
      constexpr instruction x = Region.code[K];
      constexpr int kept = kept_number(x);
      if constexpr (kept >= 0) {
        const T* at = here + slots.kept_slot[kept] * slot_size;
        if constexpr (class_of(x.type) == value_class::truth) return P::load(at) != P(T(0));
        else return P::load(at);
      } else if constexpr (Ahead && x.code == op::running_sum) {
        return P::load(this->sums.ahead + sums_along::number_ahead(K) * this->sums.ahead_step);
      } else if constexpr (is_tile(x, 1)) return product;
      else return above::template get<K>();
    }
  };
  // A kept value as it is stored: truth as 1 or 0.
  template <class V> static HEED_INLINE P storable(const V& v) {
    if constexpr (std::is_same_v<V, P>) return v;
    else return simd::select(v, P(T(1)), P(T(0)));
  }
};

}  // namespace heed::internal::run::inline HEED_INSTRUCTION_SET
