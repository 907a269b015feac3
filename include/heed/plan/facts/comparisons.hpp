// Comparisons of a value with something that is made of it: `s == max<m>(s)`, as the gradient of a maximum asks, or `s
// > rank`. They ask for the last bit, and a value that is computed twice need not have it: another region sums in
// another order or precision. So the region that compares computes both sides itself.
#pragma once
#include "growth.hpp"
#include "score_match.hpp"

namespace heed::internal::plan {

struct comparisons {
  struct pair {
    node_id comparison, made;
  };  // a reduction on one side, made of what the other side computes
  fixed_array<pair, 64> of{};
  int count = 0;
  bool too_many = false;

  constexpr comparisons() = default;
  constexpr comparisons(const graph& g, const node_flags& used) {
    for (int i = 1; i < g.size; ++i) {
      const node& x = g[i];
      if (!used[i] || !is_comparison(x.code) || !(is_real(g[x.a].type) || is_real(g[x.b].type))) continue;
      find(g, node_id(i), x.a, x.b), find(g, node_id(i), x.b, x.a);
    }
  }
  // What the region that holds a comparison must not read: from the reduction up to the comparison. True if some of it
  // is new there.
  constexpr bool add_recomputed(const graph& g, node_id comparison, node_flags& to) const {
    bool added = false;
    const auto add = [&](int i) {
      if (!to[i]) to[i] = added = true;
    };
    for (int k = 0; k < count; ++k) {
      if (of[k].comparison != comparison) continue;
      add(of[k].made);
      for (int j = of[k].made + 1; j < comparison; ++j) {
        const node& y = g[j];
        if (is_pointwise(y.code) && (to[y.a] || to[y.b] || to[y.c])) add(j);
      }
    }
    return added;
  }
  // Is a reduction compared with what it is made of?
  constexpr bool compares(node_id reduction) const {
    for (int k = 0; k < count; ++k)
      if (of[k].made == reduction) return true;
    return false;
  }
  // Does a program over a tile compare the tile's values with something that is made of them?
  constexpr bool in_program(const graph& g, node_id program, node_id tile) const {
    if (!count) return false;
    node_stack s;
    s.push(program);
    while (s.count) {
      const node_id i = s.pop();
      const node& x = g[i];
      if (i == tile) continue;
      for (int k = 0; k < count; ++k)
        if (of[k].comparison == i && (g[i].axes & g[tile].axes) == g[tile].axes) return true;
      if (x.code == op::gather) s.push(x.b);
      else if (is_inlined(x.code)) s.push(x.a), s.push(x.b), s.push(x.c);
    }
    return false;
  }

 private:
  constexpr void find(const graph& g, node_id comparison, node_id value, node_id other) {
    node_flags computed{};  // on the side of the value, at the comparison's own elements
    node_stack s;
    s.push(value);
    while (s.count) {
      const node_id i = s.pop();
      const node& x = g[i];
      if (is_leaf(x.code)) continue;
      if (is_real(x.type)) computed[i] = true;
      if (is_inlined(x.code) && x.code != op::gather) s.push(x.a), s.push(x.b), s.push(x.c);
    }
    node_stack t;
    t.push(other);
    while (t.count) {
      const node_id i = t.pop();
      const node& x = g[i];
      if (is_inlined(x.code) && x.code != op::gather) {
        t.push(x.a), t.push(x.b), t.push(x.c);
      } else if (is_reduction(x.code) || x.code == op::softmax || x.code == op::dot) {
        if (!made_of(g, i, computed)) continue;
        if (count == int(of.size())) {
          too_many = true;
          return;
        }
        of[count++] = {comparison, i};
      }
    }
  }
  static constexpr bool made_of(const graph& g, node_id reduction, const node_flags& computed) {
    node_stack s;
    s.push(g[reduction].a), s.push(g[reduction].b);
    while (s.count) {
      const node_id i = s.pop();
      if (computed[i]) return true;
      s.push(g[i].a), s.push(g[i].b), s.push(g[i].c);
    }
    return false;
  }
};

}  // namespace heed::internal::plan
