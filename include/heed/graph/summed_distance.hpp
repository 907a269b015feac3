// Recognises distances between two values of which each has axes that the other lacks: sums of squares, or of sizes, of
// their differences. They are no products: |q|^2 + |k|^2 - 2 q.k has the rounding of |q|^2 + |k|^2, beside which the
// distance of near neighbours far from 0 is nothing. So kernels that contract form the differences themselves, and what
// reaches a distance on its way back weighs them.
#pragma once
#include "../base/static_list.hpp"
#include "presence.hpp"

namespace heed::internal {

// factor * factors / divisors * the sum, or the mean, of |a - b|^power, `of` being a - b; of 0: it is none. Factors do
// not vary along the sum.
struct summed_distance {
  node_id of{};
  int power = 0;
  double factor = 1;
  static_list<node_id, 6> factors{}, divisors{};
};

struct distance_reader {
  const graph& g;
  axis_set over;
  summed_distance found{};
  node_id once{};  // a difference that has to be met again

  constexpr bool is_difference(node_id i) const {
    const node& x = g[i];
    const axis_set a = g[x.a].axes, b = g[x.b].axes;
    return x.code == op::subtract && is_real(g[x.a].type) && is_real(g[x.b].type) && (a & over) && (b & over) &&
           (a & ~b) && (b & ~a);
  }
  // One factor of what is summed.
  constexpr bool reads(node_id i, bool divides = false, int depth = 12) {
    const node& x = g[i];
    if (depth == 0) return false;
    if (!(x.axes & over)) return takes_out(i, divides);
    if (divides) return false;
    switch (x.code) {
      case op::multiply: return reads(x.a, false, depth - 1) && reads(x.b, false, depth - 1);
      case op::divide: return reads(x.a, false, depth - 1) && reads(x.b, true, depth - 1);
      case op::negate: found.factor = -found.factor; return reads(x.a, false, depth - 1);
      case op::power: return x.value == 2 && reads(x.a, false, depth - 1) && reads(x.a, false, depth - 1);
      case op::abs:
        if (found.of || once || !is_difference(x.a)) return false;
        found.of = x.a, found.power = 1;
        return true;
      default:
        if (found.of || !is_difference(i) || (once && once != i)) return false;
        if (once) found.of = i, found.power = 2;
        once = i;
        return true;
    }
  }
  constexpr bool takes_out(node_id i, bool divides) {
    const bool constant = g[i].code == op::constant;
    static_list<node_id, 6>& to = divides ? found.divisors : found.factors;
    if (constant && !divides) found.factor *= g[i].value;
    else if (to.count == 5) return false;  // a mean has a divisor of its own
    else to.add(i);
    return true;
  }
};

constexpr summed_distance summed_distance_over_any_axes(const graph& g, const node& x) {
  if ((x.code != op::sum && x.code != op::mean) || !is_real(x.type) || !is_pointwise(g[x.a].code)) return {};
  distance_reader reader{g, x.over};
  if (!reader.reads(x.a)) return {};
  const node& difference = g[reader.found.of];
  return x.over & ~(g[difference.a].axes & g[difference.b].axes) ? summed_distance{} : reader.found;
}
constexpr summed_distance summed_distance_of(const graph& g, const node& x) {
  return std::popcount(x.over) == 1 ? summed_distance_over_any_axes(g, x) : summed_distance{};
}
// A mean as a sum with a divisor.
constexpr void divide_by_count(graph& g, const node& x, summed_distance& found) {
  if (x.code == op::mean) found.divisors.add(add_count(g, x.over));
}
// a - b where each has axes that the other lacks, or the sign of that, as the gradients of distances weigh it. It need
// not lie in memory: whoever sums it forms it.
constexpr bool is_difference(const graph& g, node_id i) {
  const node& x = g[g[i].code == op::sign ? g[i].a : i];
  return x.code == op::subtract && (g[x.a].axes & ~g[x.b].axes) && (g[x.b].axes & ~g[x.a].axes);
}

}  // namespace heed::internal
