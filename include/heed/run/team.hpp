// The team: the only place that knows OpenMP. Work is a list of items handed out one by one, in order, to whichever thread
// is free, so that the items with the most work left should come first. Results never depend on who does what.
#pragma once
#include <cstddef>
#include <omp.h>

namespace heed::run {

// How many threads a parallel loop started here would use. Inside a parallel region of the caller that is one, unless the
// caller allowed nesting; the caller's own threads each get a team of their own.
inline int team_size() {
  if (omp_in_parallel() && omp_get_active_level() >= omp_get_max_active_levels()) return 1;
  return omp_get_max_threads();
}

// Calls work(item, thread) once for every item in [0, count), thread < threads. `work` must not throw. The team is as large
// for a few items as for many: a runtime that is asked for another size each time ends threads, starts and allocates anew.
template <class Work>
void for_each_item(std::ptrdiff_t count, int threads, const Work& work) noexcept {
  if (threads <= 1 || count <= 1) {
    for (std::ptrdiff_t i = 0; i < count; ++i) work(i, 0);
    return;
  }
  std::ptrdiff_t next = 0;                                 // OpenMP's atomic: <atomic> costs every file a twentieth of a second
#pragma omp parallel num_threads(threads)
  {
    const int thread = omp_get_thread_num();
    for (;;) {
      std::ptrdiff_t i;
#pragma omp atomic capture relaxed
      i = next++;
      if (i >= count) break;
      work(i, thread);
    }
  }
}

}  // namespace heed::run
