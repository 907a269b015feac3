// What is known of a score-gradient region before a call: which operands lie along its rows and along its columns, what
// its outputs add up.
#pragma once
#include "score_gradient_program.hpp"
#include <bit>

namespace heed::internal::run::inline HEED_INSTRUCTION_SET {

template <const auto& Region>
struct gradient_shape {
  static constexpr int column = Region.columns[0];
  static constexpr bool has_keys = contracts(Region);  // else its contractions are with tables at a distance
  static constexpr bool has_product = Region.gradient.cotangents >= 0;
  static constexpr bool has_weights = Region.gradient.log_sum_exp >= 0;
  static constexpr axis_set pair_axes = [] {
    axis_set s = 0;
    for (const axis_list* l : {&Region.batch, &Region.rows, &Region.columns})
      for (int i = 0; i < l->count; ++i) s |= axis_set(1) << (*l)[i];
    return s;
  }();
  static constexpr axis_set serial = [] {
    axis_set s = 0;
    for (int i = Region.batch.count - Region.gradient.serial_axes; i < Region.batch.count; ++i)
      s |= axis_set(1) << Region.batch[i];
    return s;
  }();
  // The axis of a table that is read at distances; -1: the operand is none.
  static constexpr int table_axis(int operand) {
    for (const term& t : Region.terms)
      if (is_skewed(t) && t.column_operand == operand) return t.table;
    for (const sink& s : Region.gradient.sinks)
      if (s.kind == sink_kind::skewed_row_product && s.other == operand) return s.table;
    return -1;
  }
  // What an operand along the columns is read by: them, or the entries of a table.
  static constexpr int entry_axis(int operand) { return table_axis(operand) < 0 ? column : table_axis(operand); }
  // The one axis of an operand of a contraction or product that is not an axis of the pairs, nor of the entries of a
  // table; -1: none.
  static constexpr int width_axis(int operand) {
    const int table = table_axis(operand);
    const axis_set own =
        operand < 0 ? 0
                    : Region.operands[operand].axes & ~pair_axes & ~(table < 0 ? axis_set(0) : axis_set(1) << table);
    return own ? std::countr_zero(own) : -1;
  }
  static constexpr bool in_product(int operand, sink_kind kind) {
    for (int k = 0; k < Region.outputs.count; ++k)
      if (Region.gradient.sinks[k].kind == kind && Region.gradient.sinks[k].other == operand) return true;
    return false;
  }
  static constexpr bool in_term(int operand, bool rows) {
    for (const term& t : Region.terms)
      if ((rows ? t.row_operand : t.column_operand) == operand) return true;
    return false;
  }
  static constexpr bool over_rows(int operand) {
    return operand == Region.tile.row_operand || in_term(operand, true) || operand == Region.gradient.cotangents ||
           in_product(operand, sink_kind::column_product) || in_product(operand, sink_kind::table_product);
  }
  static constexpr bool over_columns(int operand) {
    return operand == Region.tile.column_operand || in_term(operand, false) || operand == Region.gradient.values ||
           in_product(operand, sink_kind::row_product) || table_axis(operand) >= 0;
  }
  static constexpr bool adds_to_tables = [] {
    for (const sink& s : Region.gradient.sinks)
      if (s.kind == sink_kind::table_product) return true;
    return false;
  }();
  static constexpr bool leaves_out_behind_weights = [] {
    for (const sink& s : Region.gradient.sinks)
      if (s.keep != 0) return true;
    return false;
  }();
  static constexpr bool has_statistics = [] {
    for (int k = 0; k < Region.outputs.count; ++k)
      if (Region.gradient.sinks[k].kind == sink_kind::row_statistic) return true;
    return false;
  }();
  // Does this output have several elements for each row, which a block of rows adds up?
  static constexpr bool is_wide(int k) {
    const sink_kind kind = Region.gradient.sinks[k].kind;
    return gives_rows(kind) || kind == sink_kind::row_table_sum;
  }
  // Does this output add up what several batch items give?
  static constexpr bool carries(int k) { return (Region.gradient.sinks[k].over & serial) != 0; }

  // The row axes that a table has itself.
  static constexpr axis_list kept_rows(int k) {
    axis_list l;
    const sink& s = Region.gradient.sinks[k];
    for (int i = 0; i < Region.rows.count && s.kind == sink_kind::table_sum; ++i)
      if (!(s.over >> Region.rows[i] & 1)) l.add(Region.rows[i]);
    return l;
  }

  template <class F> static constexpr void each_operand(const F& f) {
    [&]<int... K>(std::integer_sequence<int, K...>) {
      (f.template operator()<K>(), ...);
    }(std::make_integer_sequence<int, Region.operands.count>{});
  }
  template <class F> static HEED_INLINE constexpr void each_output(const F& f) {
    [&]<int... K>(std::integer_sequence<int, K...>)
        HEED_INLINED { (f.template operator()<K>(), ...); }(std::make_integer_sequence<int, Region.outputs.count>{});
  }
};

}  // namespace heed::internal::run::inline HEED_INSTRUCTION_SET
