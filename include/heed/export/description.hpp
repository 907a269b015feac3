// What a kernel is, for whoever calls it from another language: its functions, their operands by name, axes and element
// types, as data (interface.h). Written while compiling, twice, the first time to count: a program holds
// the text and the tables, nothing that fills them.
#pragma once
#include "../call/frame/make_call_table.hpp"
#include "../call/oracle/evaluated_graph.hpp"
#include "interface.h"

namespace heed::internal::exported::inline HEED_INSTRUCTION_SET {
using run::call_table;
using run::signature;
using run::signature_entry;
using run::stretch;

inline constexpr int interface_version = 1;
inline constexpr char heed_version[] = "0.1.0";

// A function of a kernel. Of the operands of its table the first so many are the caller's: the inputs of the kernel,
// behind them cotangents.
struct described_function {
  const char* suffix;
  const call_table* table;
  int operands;
  bool is_backward = false;
  const run::evaluated_graph* evaluated = nullptr;  // of one that evaluates a declared graph in double
};
struct described_kernel {
  const char* name;
  int inputs;
  axis_set extents;  // of axes that no array carries
  stretch<const described_function> functions;
};

constexpr heed_dtype dtype_of(element e) {
  switch (stored(e)) {
    case element::boolean: return {6, 8, 1};
    case element::i8: return {0, 8, 1};
    case element::i32: return {0, 32, 1};
    case element::i64: return {0, 64, 1};
    case element::f64: return {2, 64, 1};
    default: return {2, 32, 1};
  }
}

// An operand of a function; numbers of axes as in the signature.
struct described_operand {
  heed_role role;
  label name;  // of a result: the input that it is the gradient of; of an extent: the axis
  int number;  // of a result without a name, from 1, where there are several
  element type;
  stretch<const std::int8_t> order{};
  bool is_read = true;
  int index_of = -1;
};
// The axis that an operand of whole numbers indexes; -1: none.
constexpr int axis_indexed_by(const call_table& table, int operand) {
  for (const run::position_rule& rule : table.position_rules)
    if ((rule.code == op::gather || rule.code == op::scatter) && rule.at.operand == operand) return rule.first;
  return -1;
}
// A result is called grad(q) where it has a name that no other result has.
constexpr label name_of_result(const signature& names, int number) {
  for (int k = 0; k < names.callers_results; ++k)
    if (k != number && names.results[k].name == names.results[number].name) return {};
  return names.results[number].name;
}

// Calls f for every operand of a function, in order.
template <class F>
constexpr void each_operand(const described_kernel& kernel, const described_function& of, const F& f) {
  const signature& names = of.table->names;
  // A pass may do without an input because another pass has kept what is made of it; its graph's evaluation reads it.
  const auto input = [&](int i) {
    const signature_entry& x = names.operands[i];
    f(described_operand{i < kernel.inputs ? HEED_INPUT : HEED_COTANGENT, x.name, 0, x.type, names.order_of(x),
                        of.evaluated ? run::inputs_of(*of.evaluated)[i] : x.is_read, axis_indexed_by(*of.table, i)});
  };
  for (int i = 0; i < kernel.inputs; ++i) input(i);
  for (int axis = 0; axis < max_axes; ++axis)
    if (kernel.extents >> axis & 1) f(described_operand{HEED_EXTENT, names.axes[axis].name, 0, element::i64});
  for (int i = kernel.inputs; i < of.operands; ++i) input(i);
  for (int k = 0; k < names.callers_results; ++k) {
    const signature_entry& x = names.results[k];
    f(described_operand{of.is_backward ? HEED_GRADIENT : HEED_RESULT, name_of_result(names, k),
                        names.callers_results > 1 ? k + 1 : 0, of.evaluated ? element::f64 : x.type,
                        names.order_of(x)});
  }
}

// Text, character by character.
template <class Data>
struct text_writer {
  Data& to;
  constexpr void put(char c) const { to.texts.add(c); }
  constexpr void word(const char* s) const {
    for (; *s; ++s) put(*s);
  }
  constexpr void number(int n) const {
    if (n > 9) number(n / 10);
    put(char('0' + n % 10));
  }
  constexpr void name(const label& l) const {
    for (int i = 0; i < length_of(l); ++i) put(char(l.word[i / 8] >> (8 * (i % 8)) & 255));
  }
  constexpr void name(const described_operand& x) const {
    const bool is_result = x.role == HEED_RESULT || x.role == HEED_GRADIENT;
    if (is_result && x.name.empty()) {
      word("result");
      if (x.number) number(x.number);
    } else {
      if (is_result) word("grad(");
      name(x.name);
      if (is_result) put(')');
    }
  }
};

// What is written: entries say where in the texts their names begin.
struct axis_text {
  int name;
  extent_t extent;
};
struct operand_text {
  int name, role;
  heed_dtype dtype;
  int rank, first_axis, is_read, index_of;
};
struct function_text {
  int name, first_operand, operand_count;
};
struct description_sizes {
  int texts = run::counting, axes = run::counting, orders = run::counting, operands = run::counting,
      functions = run::counting;
};
template <description_sizes Sizes = description_sizes{}>
struct description {
  run::exact_list<char, Sizes.texts> texts{};
  run::exact_list<axis_text, Sizes.axes> axes{};
  run::exact_list<std::int32_t, Sizes.orders> orders{};
  run::exact_list<operand_text, Sizes.operands> operands{};
  run::exact_list<function_text, Sizes.functions> functions{};
  int name = 0;
  constexpr description_sizes sizes() const {
    return {texts.count, axes.count, orders.count, operands.count, functions.count};
  }
};

template <class Data>
struct description_writer {
  const described_kernel& kernel;
  Data& to;
  text_writer<Data> text{to};
  fixed_array<std::int8_t, max_axes> number_of{};  // of an axis, in the description; -1: not there

  constexpr const signature& names() const { return kernel.functions[0].table->names; }
  constexpr void write() {
    number_axes();
    to.name = to.texts.count;
    text.word(kernel.name), text.put(0);
    for (const described_function& f : kernel.functions) {
      function_text entry{to.texts.count, to.operands.count, 0};
      text.word(kernel.name), text.word(f.suffix), text.put(0);
      each_operand(kernel, f, [&](const described_operand& x) { add(x); });
      entry.operand_count = to.operands.count - entry.first_operand;
      to.functions.add(entry);
    }
  }
  // Axes that some operand has, in the order in which they come up.
  constexpr void number_axes() {
    for (std::int8_t& number : number_of) number = -1;
    for (const described_function& f : kernel.functions)
      each_operand(kernel, f, [&](const described_operand& x) {
        for (const int axis : x.order) number_axis(axis);
      });
    for (int axis = 0; axis < max_axes; ++axis)
      if (kernel.extents >> axis & 1) number_axis(axis);
  }
  constexpr void number_axis(int axis) {
    if (number_of[axis] >= 0) return;
    number_of[axis] = std::int8_t(to.axes.count);
    to.axes.add({to.texts.count, names().axes[axis].extent});
    text.name(names().axes[axis].name), text.put(0);
  }
  constexpr void add(const described_operand& x) {
    to.operands.add({to.texts.count, x.role, dtype_of(x.type), x.order.size(), to.orders.count, x.is_read,
                     x.index_of < 0 ? -1 : number_of[x.index_of]});
    for (const int axis : x.order) to.orders.add(number_of[axis]);
    text.name(x), text.put(0);
  }
};

template <const described_kernel& Kernel>
inline constexpr auto description_of = [] {
  constexpr description_sizes sizes = [] {
    description<> counted;
    description_writer<description<>>{Kernel, counted}.write();
    return counted.sizes();
  }();
  description<sizes> written;
  description_writer<description<sizes>>{Kernel, written}.write();
  return written;
}();

// The same with addresses in the place of numbers.
template <const described_kernel& Kernel>
struct metadata_of {
  static constexpr const auto& from = description_of<Kernel>;
  static constexpr const char* text(int at) { return from.texts.of.data() + at; }
  static constexpr auto axes = [] {
    fixed_array<heed_axis, std::size_t(from.axes.count)> r{};
    for (int i = 0; i < from.axes.count; ++i) r[i] = {text(from.axes.of[i].name), from.axes.of[i].extent};
    return r;
  }();
  static constexpr auto operands = [] {
    fixed_array<heed_operand, std::size_t(from.operands.count)> r{};
    for (int i = 0; i < from.operands.count; ++i) {
      const operand_text& x = from.operands.of[i];
      r[i] = {text(x.name), x.role, x.dtype, x.rank, from.orders.of.data() + x.first_axis, x.is_read, x.index_of};
    }
    return r;
  }();
  static constexpr auto functions = [] {
    fixed_array<heed_function, std::size_t(from.functions.count)> r{};
    for (int i = 0; i < from.functions.count; ++i) {
      const function_text& x = from.functions.of[i];
      r[i] = {text(x.name), x.operand_count, operands.data() + x.first_operand};
    }
    return r;
  }();
  static constexpr heed_metadata value{
      interface_version,    heed_version,     text(from.name), from.axes.count, axes.data(),
      from.functions.count, functions.data(), nullptr,         nullptr,         nullptr};
};

}  // namespace heed::internal::exported::inline HEED_INSTRUCTION_SET
