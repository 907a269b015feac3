// What a loop region reduces in several passes along one axis: homes are filled once for all of them.
#pragma once
#include "../program/row_statistic.hpp"
#include "loop_bodies.hpp"

namespace heed::internal::run::inline HEED_INSTRUCTION_SET {

// Statistic I at the indices where the bodies stand. Its axis is gone through as often as the search asks, each time
// over what the mask leaves; which of the largest is wanted is read once, for it does not vary along that axis.
template <const auto& Region, int I> typename loop_bodies<Region>::template number_of<I> loop_statistic(
    loop_bodies<Region>& bodies) {
  using loops = loop_bodies<Region>;
  using search = row_statistic<double, row_along_lanes>;
  constexpr instruction x = Region.code[I];
  constexpr int K = plan::only_axis(x.over), lanes = loops::lanes;
  const extent_t length = bodies.call.extent[K], here = bodies.index[K];
  bodies.index[K] = 0;
  loop_range some = loop_ranges<Region>::template of<I, K>(bodies);
  if (some.to == some.from) some = {0, std::min<extent_t>(lanes, length)};  // all of it is left out
  if (length > 0) bodies.template prepare<K, 0, x.a, x.b>(some.from, some.to);
  typename loops::template body<K, 0> e{bodies};
  e.template start<x.a, x.b>();
  simd::pack<double> rank(x.value);
  if constexpr (x.b != 0)
    if (length > 0) {
      e.at = some.from, e.count = lanes;
      rank = simd::to_real(typename loops::template pack_of<x.b>(evaluate<Region, x.b>(e)));
    }
  const auto found = search::template of<x.code>(x.value, rank, [&](const auto& next) HEED_INLINED {
    for (e.at = some.from; e.at < some.to; e.at += lanes) {
      e.count = int(std::min<extent_t>(lanes, some.to - e.at));
      const typename loops::template pack_of<x.a> v = evaluate<Region, x.a>(e);
      next(simd::select(loops::M::first(e.count), simd::to_real(v), -search::infinity), 0);
    }
  });
  bodies.index[K] = here;
  using number = typename loops::template number_of<I>;
  return found[0] == -search::infinity ? loops::template neutral<I>() : number(found[0]);
}

}  // namespace heed::internal::run::inline HEED_INSTRUCTION_SET
