// The team: the only place that knows OpenMP. Work is a list of items handed out one by one, in order, to whichever
// thread is free, so that the items with the most work left should come first. An item may have steps: then threads
// that find no item left help with those that others began, and a milestone tells a step how far the one before it has
// come. Results never depend on who does what.
#pragma once
#include "../base/instruction_set.hpp"
#include <algorithm>
#include <cstddef>
#include <omp.h>
#include <sched.h>

namespace heed::internal::run::inline HEED_INSTRUCTION_SET {

// How many threads a parallel loop started here would use. Inside a parallel region of the caller that is one, unless
// the caller allowed nesting; the caller's own threads each get a team of their own.
inline int team_size() {
  if (omp_in_parallel() && omp_get_active_level() >= omp_get_max_active_levels()) return 1;
  return omp_get_max_threads();
}

// Calls work(item, thread) once for every item in [0, count), thread < threads. `work` must not throw. The team is as
// large for a few items as for many: a runtime that is asked for another size each time ends threads, starts and
// allocates anew.
template <class Work>
void for_each_item(std::ptrdiff_t count, int threads, const Work& work) noexcept {
  if (threads <= 1 || count <= 1) {
    for (std::ptrdiff_t i = 0; i < count; ++i) work(i, 0);
    return;
  }
  std::ptrdiff_t next = 0;  // OpenMP's atomic: <atomic> costs every file a twentieth of a second
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

// What threads wait in: nothing for a moment, then others get the processor, for what is waited for may have none.
struct patience {
  int rounds = 0;
  void wait() {
    if (++rounds < 512) {
#if defined(__x86_64__)
      __builtin_ia32_pause();
#endif
    } else {
      sched_yield();
    }
  }
};

// A number that grows, published by one thread at a time and awaited by others: whoever has seen it reach a value sees
// everything that was written before it was published. A cache line of its own.
struct alignas(64) milestone {
  std::ptrdiff_t at;
  void reach(std::ptrdiff_t value) { __atomic_store_n(&at, value, __ATOMIC_RELEASE); }
  void await(std::ptrdiff_t value) const {
    for (patience p; __atomic_load_n(&at, __ATOMIC_ACQUIRE) < value;) p.wait();
  }
};

// An item that threads work at: the steps that were handed out, and which item it is.
struct alignas(64) open_item {
  std::ptrdiff_t taken, number;
};
// As many items are worked at side by side.
inline std::ptrdiff_t open_items(std::ptrdiff_t count, int threads) {
  return std::min<std::ptrdiff_t>(count, std::max(threads, 1));
}

// Items of `steps` steps each. Every thread calls begin(thread) once; of what that returns it calls open(item, place)
// for every item that it begins, and step(item, place, number) for every step that it gets. place < open_items(count,
// threads): of an item that is worked at, its own until all its steps have returned; they begin after its open() has
// returned. The steps of an item are handed out in order, so a step may wait for earlier ones of the same item: they
// are finished, or a thread is at them. A thread keeps to its own item; once no item is left it joins the one with most
// steps left. A thread that is alone with its item, as all are while items last, waits for nobody. `open`: memory for
// open_items(count, threads).
template <class Begin>
void for_each_step(std::ptrdiff_t count, std::ptrdiff_t steps, int threads, open_item* open,
                   const Begin& begin) noexcept {
  if (count < 1 || steps < 1) return;
  if (threads <= 1 || (count == 1 && steps == 1)) {
    auto work = begin(0);
    for (std::ptrdiff_t i = 0; i < count; ++i) {
      work.open(i, 0);
      for (std::ptrdiff_t k = 0; k < steps; ++k) work.step(i, 0, k);
    }
    return;
  }
  const std::ptrdiff_t places = open_items(count, threads);
  for (std::ptrdiff_t i = 0; i < places; ++i) open[i] = {steps, 0};
  std::ptrdiff_t next = 0, opened = 0;
#pragma omp parallel num_threads(threads)
  {
    const int thread = omp_get_thread_num();
    auto work = begin(thread);
    const auto take_steps = [&](std::ptrdiff_t place) {
      for (;;) {
        const std::ptrdiff_t step = __atomic_fetch_add(&open[place].taken, 1, __ATOMIC_ACQ_REL);
        if (step >= steps) return;
        work.step(open[place].number, place, step);
      }
    };
    for (;;) {
      const std::ptrdiff_t item = __atomic_fetch_add(&next, 1, __ATOMIC_ACQ_REL);
      if (item >= count) break;
      // With fewer items than threads each has a place of its own; else every thread has one, which nobody else is at:
      // others join only when no item is left, and then this thread does not come back here.
      const std::ptrdiff_t place = count < threads ? item : thread;
      work.open(item, place);
      open[place].number = item;
      __atomic_store_n(&open[place].taken, 0, __ATOMIC_RELEASE);
      __atomic_fetch_add(&opened, 1, __ATOMIC_ACQ_REL);
      take_steps(place);
    }
    for (patience p;;) {
      const bool all = __atomic_load_n(&opened, __ATOMIC_ACQUIRE) >= count;  // before looking: then nothing is
                                                                             // overlooked
      std::ptrdiff_t best = -1, least = steps;
      for (std::ptrdiff_t i = 0; i < places; ++i)
        if (const std::ptrdiff_t taken = __atomic_load_n(&open[i].taken, __ATOMIC_ACQUIRE); taken < least)
          best = i, least = taken;
      if (best >= 0) take_steps(best);
      else if (all) break;
      else p.wait();
    }
  }
}

}  // namespace heed::internal::run::inline HEED_INSTRUCTION_SET
