// A node of a graph: one operation on at most three earlier nodes. An all-zero node is "nothing", and node 0 of every
// graph is that one, so that an operand number 0 means "no operand" and untouched arrays cost constant evaluation
// nothing.
#pragma once
#include "../axis/shape.hpp"
#include "../base/element.hpp"
#include "../base/instruction_set.hpp"
#include "operations.hpp"

namespace heed::internal {

using axis_set = std::uint32_t;  // bit i: axis i of the graph's table
inline constexpr int max_axes = 32;
constexpr axis_set axis_bit(int axis) { return axis_set(1) << axis; }

using node_id = std::int16_t;  // 0: nothing

struct node {
  op code{};
  element type{};
  node_id a{}, b{}, c{};
  axis_set axes{};                          // the axes the value varies over
  axis_set over{};                          // the axes that are contracted, reduced or normalised
  std::int16_t first{}, second{}, third{};  // what they and `value` are says the operation (operations.hpp)
  double value{};
  std::uint64_t hash{};  // of the value, operands included, whatever the numbering

  constexpr node_id operand(int i) const { return i == 0 ? a : i == 1 ? b : c; }
  bool operator==(const node&) const = default;
};

struct graph;
namespace plan::inline HEED_INSTRUCTION_SET {
struct interval;
}
inline namespace HEED_INSTRUCTION_SET {
template <class T> struct pack_argument;
}  // namespace HEED_INSTRUCTION_SET

// What is wrong with the derivative of a primitive; none: nothing. `refused`: an error has said so already.
enum class derivative_fault : std::uint8_t { none, missing, count, number, pointwise, refused };

inline constexpr int max_primitives = 16;  // of different ones in a graph
// An operation that a user has written (see primitive.hpp): what passes and kernels know of it.
struct primitive_entry {
  label name;
  int operands;        // 1 or 2; with one, b is not looked at
  std::uint64_t hash;  // of the type that defines it
  void (*of_floats)(pack_argument<float>& to, const pack_argument<float>& a, const pack_argument<float>& b);
  void (*of_doubles)(pack_argument<double>& to, const pack_argument<double>& a, const pack_argument<double>& b);
  void (*bounds)(plan::interval& to, const plan::interval& a, const plan::interval& b);
  node_id (*add_slope)(graph& g, int operand, node_id a, node_id b, derivative_fault& fault);  // the derivative by an
                                                                                               // operand, at a and b
};

// An operand from outside: its name, its element type and its axes in memory order.
struct input_entry {
  label name;
  element type;
  std::int8_t rank;
  fixed_array<std::int8_t, max_rank> order;  // axis numbers
  bool operator==(const input_entry&) const = default;
};

}  // namespace heed::internal
