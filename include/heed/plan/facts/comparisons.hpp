// Comparisons of a value with something that is made of it: `s == max<m>(s)`, as the gradient of a maximum asks, or `s
// > rank`. They ask for the last bit, and a value that is computed twice need not have it: another region sums in
// another order or precision. So the region that compares computes both sides itself.
#pragma once
#include "growth.hpp"
#include "score_match.hpp"
#include "walk.hpp"

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
  // Does a program over a tile compare the tile's values with something that is made of them? With a k-th largest it
  // may, if a region over the same pairs gives that (`given`): both compute what decides operation by operation, from
  // tiles that every such region contracts in the order of the depth, without a factor (see factor_of_tile).
  constexpr bool in_program(const graph& g, node_id program, node_id tile, const node_flags& given) const {
    if (!count) return false;
    return walk(g, {program}, [&](node_id i, const node& x) {
      if (i == tile) return step::skip;
      for (int k = 0; k < count; ++k)
        if (of[k].comparison == i && (x.axes & g[tile].axes) == g[tile].axes &&
            !(g[of[k].made].code == op::kth_largest && given[of[k].made]))
          return step::stop;
      return x.code == op::running_sum ? step::descend : within_program(x);  // the region may take it on itself
    });
  }

 private:
  constexpr void find(const graph& g, node_id comparison, node_id value, node_id other) {
    node_flags computed{};  // on the side of the value, at the comparison's own elements
    walk(g, {value}, [&](node_id i, const node& x) {
      if (!is_leaf(x.code) && is_real(x.type)) computed[i] = true;
      return at_same_elements(x);
    });
    walk(g, {other}, [&](node_id i, const node& x) {
      const bool reduces = is_reduction(x.code) || x.code == op::softmax || x.code == op::dot;
      if (!reduces || !made_of(g, i, computed)) return at_same_elements(x);
      too_many = count == int(of.size());
      if (too_many) return step::stop;
      of[count++] = {comparison, i};
      return step::skip;
    });
  }
  static constexpr bool made_of(const graph& g, node_id reduction, const node_flags& computed) {
    return walk(g, {g[reduction].a, g[reduction].b},
                [&](node_id i, const node&) { return computed[i] ? step::stop : step::descend; });
  }
};

}  // namespace heed::internal::plan
