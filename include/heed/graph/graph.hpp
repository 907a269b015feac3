// The graph: a plain array of nodes that grows by `add`. Equal nodes are one node (found by a structural hash that
// holds whatever the numbering), so a graph is a DAG, linear in what was written. `graft` copies what is missing from
// another graph; operands that grew from the same expression share a prefix, which is recognised without looking at its
// nodes.
#pragma once
#include "node.hpp"
#include <bit>
#include <stdexcept>

namespace heed::internal {

// High bits go down as well as low ones up: small numbers differ in their highest bits alone, and what is made of two
// of them would differ there, and cancel out.
constexpr std::uint64_t mixed(std::uint64_t h, std::uint64_t x) {
  h = (h ^ ((x ^ x >> 32) + 0x9e3779b97f4a7c15u + (h << 6) + (h >> 2))) * 0xff51afd7ed558ccdu;
  return h ^ h >> 32;
}
constexpr std::uint64_t hash_of(const axis_entry& x) {
  return mixed(mixed(x.name.word[0], x.name.word[1]), std::uint64_t(x.extent));
}

struct graph {
  static constexpr int capacity = 2048;  // nodes; more is a compile error at the node that was too many
  static constexpr int input_capacity = 400;

  fixed_array<node, capacity> nodes;
  int size;                                         // the next free number; node 0 is "nothing"
  fixed_array<std::uint64_t, capacity + 1> prefix;  // prefix[i]: hash of the nodes 0 .. i-1 in order
  fixed_array<node_id, capacity * 2> table;         // open addressing by hash
  fixed_array<axis_entry, max_axes> axes;
  fixed_array<std::uint64_t, max_axes> axis_hash;
  int axis_count;
  axis_set positions;  // those of which it is known, though their values no longer show it (mixed_heads.hpp)
  fixed_array<input_entry, input_capacity> inputs;
  int input_count;
  fixed_array<const primitive_entry*, max_primitives> primitives;
  int primitive_count;

  constexpr const node& operator[](int i) const { return nodes[i]; }

  constexpr int axis(const axis_entry& x) {
    for (int i = 0; i < axis_count; ++i)
      if (axes[i].name == x.name && axes[i].extent == x.extent) return i;
    axes[axis_count] = x;
    axis_hash[axis_count] = hash_of(x);
    return axis_count++;
  }
  constexpr int find_axis(const label& name) const {
    for (int i = 0; i < axis_count; ++i)
      if (axes[i].name == name) return i;
    return -1;
  }
  constexpr extent_t extent(int axis) const { return axes[axis].extent; }

  constexpr std::uint64_t hash_of_axes(axis_set s) const {
    std::uint64_t h = 1;
    for (int i = 0; s >> i; ++i)
      if (s >> i & 1) h += axis_hash[i];  // a set: the order does not matter
    return h;
  }
  // Structural: of operations and names, never of numbers in this graph.
  constexpr std::uint64_t hash_of_node(const node& x) const {
    const std::uint64_t value =
        x.code == op::primitive ? primitives[int(x.value)]->hash : std::bit_cast<std::uint64_t>(x.value);
    std::uint64_t h = mixed(std::uint64_t(x.code) * 8 + std::uint64_t(x.type), value);
    if (x.a) h = mixed(h, nodes[x.a].hash);
    if (x.b) h = mixed(h, nodes[x.b].hash * 3);
    if (x.c) h = mixed(h, nodes[x.c].hash * 5);
    if (x.over) h = mixed(h, hash_of_axes(x.over));
    const int named = facts_of(x.code).axes;
    if (named > 0) h = mixed(h, axis_hash[x.first]);
    if (named > 1) h = mixed(h, axis_hash[x.second]);
    if (named > 2) h = mixed(h, axis_hash[x.third]);
    return h | 1;
  }

  constexpr node_id add(const node& given) {
    const std::uint64_t h = given.hash ? given.hash : hash_of_node(given);
    std::size_t at = h >> 32 & (capacity * 2 - 1);
    while (table[at]) {
      if (nodes[table[at]].hash == h) return table[at];
      at = (at + 1) & (capacity * 2 - 1);
    }
    if (size == 0) size = 1;
    table[at] = node_id(size);
    nodes[size] = given;
    nodes[size].hash = h;
    prefix[std::size_t(size) + 1] = mixed(prefix[size], h);
    return node_id(size++);
  }

  // A whole number or a truth value is one exactly: a fraction under such a type would be cut by the kernels.
  constexpr node_id add_constant(double v, element type = element::real) {
    if (!is_real(type) && v != double(std::int64_t(v))) throw std::logic_error("heed: a fraction as a whole number");
    return add(node{.code = op::constant, .type = type, .value = v});
  }

  // Copies what `root` of another graph needs and this one lacks; returns the root's number here.
  constexpr node_id graft(const graph& g, int root) {
    int low = 0, high = size < root + 1 ? size : root + 1;  // the longest common prefix
    while (low < high) {
      const int middle = (low + high + 1) / 2;
      if (prefix[middle] == g.prefix[middle]) low = middle;
      else high = middle - 1;
    }
    if (root < low) return node_id(root);
    fixed_array<std::int16_t, max_axes> axis_to{};
    bool same_axes = true;
    for (int i = 0; i < g.axis_count; ++i) {
      axis_to[i] = std::int16_t(axis(g.axes[i]));
      same_axes = same_axes && axis_to[i] == i;
    }
    const auto moved = [&](axis_set s) {
      if (same_axes) return s;
      axis_set r = 0;
      for (int i = 0; s >> i; ++i)
        if (s >> i & 1) r |= axis_set(1) << axis_to[i];
      return r;
    };
    positions |= moved(g.positions);
    if (low < 1) low = 1;
    fixed_array<node_id, capacity> to{};
    const auto id = [&](node_id i) { return i < low ? i : to[i]; };
    for (int i = low; i <= root; ++i) {
      node x = g.nodes[i];
      x.a = id(x.a), x.b = id(x.b), x.c = id(x.c);
      if (x.code == op::input) {
        x.first = moved_input(g.inputs[x.first], axis_to);
        x.axes = moved(x.axes);
      } else if (!same_axes) {
        x.axes = moved(x.axes), x.over = moved(x.over);
        x.first = axis_to[x.first], x.second = axis_to[x.second];
        x.third = axis_to[x.third];
      }
      if (x.code == op::primitive) x.value = add_primitive(*g.primitives[int(x.value)]);
      to[i] = add(x);
    }
    return to[root];
  }

  // The number of a primitive in this graph. By their hashes: where a compiler cannot compare addresses it can compare
  // those.
  constexpr int add_primitive(const primitive_entry& x) {
    for (int i = 0; i < primitive_count; ++i)
      if (primitives[i]->hash == x.hash) return i;
    primitives[primitive_count] = &x;  // too many: a compile error here
    return primitive_count++;
  }

  constexpr std::int16_t add_input(const input_entry& x) {
    for (int i = 0; i < input_count; ++i)
      if (inputs[i].name == x.name && inputs[i] == x) return std::int16_t(i);
    inputs[input_count] = x;
    return std::int16_t(input_count++);
  }
  constexpr std::int16_t moved_input(input_entry x, const fixed_array<std::int16_t, max_axes>& axis_to) {
    for (int i = 0; i < x.rank; ++i) x.order[i] = std::int8_t(axis_to[x.order[i]]);
    return add_input(x);
  }
};

}  // namespace heed::internal
