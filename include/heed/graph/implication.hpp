// Conditions on positions that hold wherever another one does, as `m - 1 <= n` where `m <= n`: told by how far a
// difference of whole numbers stays below a bound.
#pragma once
#include "../base/static_list.hpp"
#include "presence.hpp"

namespace heed::internal {

// A sum of whole numbers, each times a small one, and a constant, that is at most 0.
struct bounded_sum {
  struct term {
    node_id of{};
    int times{};
  };
  static_list<term, 8> terms{};
  double constant = 0;
  bool ok = true;

  constexpr void add(const graph& g, node_id i, int sign, int depth = 12) {
    const node& x = g[i];
    if (x.type != element::integer && !is_integer(x.type)) ok = false;
    if (!ok || depth == 0) return void(ok = false);
    if (x.code == op::constant) constant += sign * x.value;
    else if (x.code == op::negate) add(g, x.a, -sign, depth - 1);
    else if (x.code == op::add || x.code == op::subtract)
      add(g, x.a, sign, depth - 1), add(g, x.b, x.code == op::add ? sign : -sign, depth - 1);
    else add_term(i, sign);
  }
  constexpr void add_term(node_id i, int sign) {
    for (int k = 0; k < terms.count; ++k)
      if (terms[k].of == i) return void(terms[k].times += sign);
    if (terms.count == int(terms.of.size())) ok = false;
    else terms.add({i, sign});
  }
  constexpr int times_of(node_id i) const {
    for (const term& t : terms)
      if (t.of == i) return t.times;
    return 0;
  }
  // The same sum but for the constant?
  constexpr bool is_like(const bounded_sum& other) const {
    for (const term& t : terms)
      if (other.times_of(t.of) != t.times) return false;
    for (const term& t : other.terms)
      if (times_of(t.of) != t.times) return false;
    return true;
  }
};
constexpr bounded_sum bounded_sum_of(const graph& g, node_id condition) {
  const node& x = g[condition];
  bounded_sum r;
  r.ok = x.code == op::less || x.code == op::less_equal;
  if (!r.ok) return r;
  r.add(g, x.a, 1), r.add(g, x.b, -1);
  if (x.code == op::less) r.constant += 1;
  return r;
}
// Does `condition` hold wherever `known` does, as far as their forms tell?
constexpr bool follows(const graph& g, node_id known, node_id condition) {
  if (implies(g, known, condition)) return true;
  bool all = true;
  each_conjunct(g, condition, [&](node_id wanted) {
    if (!all || implies(g, known, wanted)) return;
    const bounded_sum want = bounded_sum_of(g, wanted);
    bool found = false;
    if (want.ok)  // mutants: choice_of_a_later_key
      each_conjunct(g, known, [&](node_id given) {
        const bounded_sum have = bounded_sum_of(g, given);
        found = found || (have.ok && have.is_like(want) && want.constant <= have.constant);
      });
    all = found;
  });
  return all;
}

}  // namespace heed::internal
