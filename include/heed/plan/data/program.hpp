// A program: the pointwise part of a region as a list of instructions, each on earlier ones. Instruction 0 is
// "nothing". A program says what is computed for one element; the region says which elements there are. Its
// instructions are already typed: arithmetic never mixes whole and real numbers (a cast stands between), and there is
// no mask, softmax or mean in it. Everything of the middle lives in heed::internal::plan: its names are plain (region,
// buffer, role).
#pragma once
#include "../../graph/node.hpp"

namespace heed::internal::plan {

// How often a value changes inside a region: once an item (batch), with the rows, with the columns, or with both. It
// decides where a value is computed and how it is read.
enum class role : std::uint8_t { uniform, row, column, pair };
constexpr role joined(role a, role b) { return role(std::uint8_t(a) | std::uint8_t(b)); }

using instruction_id = std::int16_t;  // 0: nothing

struct instruction {
  op code{};
  element type{};  // boolean, i64 (whole) or f32/f64 (real): the class is what counts
  role where{};
  instruction_id a{}, b{}, c{};  // gather: a is the index
  std::int16_t operand{};        // load, gather: which operand of the region
  std::int16_t axis{};           // index, size, gather: which axis
  axis_set axes{};               // the axes the value varies over
  axis_set over{};               // sum, max, min in a program: the axes that are reduced; running_sum: its axis
  double value{};                // constant, exponent; running_sum: 1 from the end
  bool decides{};  // rounded to the width of its type whatever the region computes in (graph/decisions.hpp)

  bool operator==(const instruction&) const = default;
};

enum class value_class : std::uint8_t { truth, whole, real };
constexpr value_class class_of(element e) {
  return e == element::boolean ? value_class::truth : is_real(e) ? value_class::real : value_class::whole;
}

struct program {
  static constexpr int capacity = 768;
  fixed_array<instruction, capacity> code{};
  int size = 1;
  bool full = false;  // it would have needed more

  constexpr const instruction& operator[](int i) const { return code[i]; }
  constexpr const instruction* begin() const { return code.begin() + 1; }
  constexpr const instruction* end() const { return code.begin() + size; }
  constexpr bool operator==(const program& other) const {
    if (size != other.size) return false;
    for (int i = 1; i < size; ++i)
      if (!(code[i] == other.code[i])) return false;
    return true;
  }
  // Adds an instruction, or finds the equal one.
  constexpr instruction_id add(const instruction& x) {
    if (full) return instruction_id(size - 1);
    const instruction* const first = code.data();  // most of the steps of planning: as few as can be
    for (const instruction* at = first + size - 1; at > first; --at)
      if (at->code == x.code && *at == x) return instruction_id(at - first);
    if (size == capacity) {
      full = true;
      return instruction_id(size - 1);
    }
    code[size] = x;
    return instruction_id(size++);
  }
};

// What an instruction is computed from, itself included; of none, nothing.
constexpr fixed_array<bool, program::capacity> needed_by(const program& p, instruction_id root) {
  fixed_array<bool, program::capacity> r{};
  r[root] = true;
  for (int i = root; i > 0; --i)
    if (r[i]) r[p[i].a] = r[p[i].b] = r[p[i].c] = true;
  r[0] = false;
  return r;
}

}  // namespace heed::internal::plan

namespace heed::internal::run {
using namespace plan;
}
namespace heed::internal::show {
using namespace plan;
}
