// Threads that help one that calls, kept from call to call. Who calls begins at once and waits only for helpers that
// have come: one that sleeps, or whose processor is at something else, is late and finds the work done. A barrier that
// all must reach, as at the end of a parallel region, lasts as long as the system takes to run every thread of it: on
// a processor that others use that is milliseconds, for a call of microseconds.
#pragma once
#include "../base/instruction_set.hpp"
#include <csignal>
#include <new>
#include <pthread.h>
#include <sched.h>
#include <unistd.h>

namespace heed::internal::run::inline HEED_INSTRUCTION_SET {

// What threads wait in: nothing for a moment, then others get the processor, for what is waited for may have none.
struct patience {
  int rounds = 0;
  void wait(int moment = 512) {
    if (++rounds < moment) {
#if defined(__x86_64__)
      __builtin_ia32_pause();
#endif
    } else {
      sched_yield();
    }
  }
};

// The helpers of one calling thread. A job is open to them while `door_` is odd; who finds it so counts himself among
// those inside, looks again, and then has a part in the job until he leaves. The caller closes the door and waits until
// nobody is inside, so that a job lives no longer than the call that made it.
class crew {
 public:
  // arrive(member): called by every helper once, before anything else.
  explicit crew(void (*arrive)(int member) = nullptr) : arrive_(arrive) {}
  crew(const crew&) = delete;
  crew& operator=(const crew&) = delete;
  ~crew() {
    if (is_copy()) return;  // the threads stayed with the parent
    pthread_mutex_lock(&mutex_);
    __atomic_store_n(&over_, true, __ATOMIC_SEQ_CST);
    pthread_cond_broadcast(&bell_);
    pthread_mutex_unlock(&mutex_);
    while (first_) {
      helper* const h = first_;
      pthread_join(h->thread, nullptr);
      first_ = h->next;
      delete h;
    }
  }
  // After a fork: in the child, which has none of the threads.
  bool is_copy() const { return process_ != getpid(); }

  // Calls work(0) here, and work(i) for some 0 < i < members, each on a thread of its own, at the same time. `work`
  // must not throw. Where the system has no more threads there are fewer.
  template <class Work>
  void together(int members, const Work& work) noexcept {
    while (size_ + 1 < members && hire()) {}
    job_ = {[](const void* w, int member) { (*static_cast<const Work*>(w))(member); }, &work, members};
    __atomic_fetch_add(&door_, 1, __ATOMIC_SEQ_CST);
    if (__atomic_load_n(&asleep_, __ATOMIC_SEQ_CST) > 0) {
      pthread_mutex_lock(&mutex_);
      pthread_cond_broadcast(&bell_);
      pthread_mutex_unlock(&mutex_);
    }
    work(0);
    __atomic_fetch_add(&door_, 1, __ATOMIC_SEQ_CST);
    // mutants: helpers_not_awaited
    for (patience p; __atomic_load_n(&inside_, __ATOMIC_SEQ_CST) > 0;) p.wait();
  }

 private:
  struct helper {
    crew* of;
    int member;
    unsigned seen;  // the door that it has been at
    helper* next;
    pthread_t thread;
  };
  struct job {
    void (*run)(const void* work, int member);
    const void* work;
    int members;
  };

  // One helper more. Signals are for the threads of the program.
  bool hire() {
    helper* const h = new (std::nothrow) helper{this, size_ + 1, door_, first_, {}};
    if (!h) return false;
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    const bool born = pthread_create(&h->thread, nullptr, live, h) == 0;
    pthread_sigmask(SIG_SETMASK, &before, nullptr);
    if (!born) return delete h, false;
    first_ = h, ++size_;
    return true;
  }
  static void* live(void* self) {
    helper& me = *static_cast<helper*>(self);
    crew& all = *me.of;
    if (all.arrive_) all.arrive_(me.member);
    while (all.find_open(me)) {
      __atomic_fetch_add(&all.inside_, 1, __ATOMIC_SEQ_CST);
      me.seen = __atomic_load_n(&all.door_, __ATOMIC_SEQ_CST);
      if (is_open(me.seen) && me.member < all.job_.members) all.job_.run(all.job_.work, me.member);
      __atomic_fetch_sub(&all.inside_, 1, __ATOMIC_SEQ_CST);
    }
    return nullptr;
  }
  static bool is_open(unsigned door) { return door % 2 != 0; }
  bool has_news(const helper& h) const {
    const unsigned door = __atomic_load_n(&door_, __ATOMIC_SEQ_CST);
    return (is_open(door) && door != h.seen) || __atomic_load_n(&over_, __ATOMIC_SEQ_CST);
  }
  // Waits for a job that this helper has not been at; false: there will be none. The regions of a call follow each
  // other within microseconds; who has waited longer sleeps, and leaves the processor to others.
  bool find_open(const helper& h) {
    constexpr int moment = 4096;
    for (patience p; !has_news(h) && p.rounds + 1 < moment;) p.wait(moment);
    if (!has_news(h)) {
      pthread_mutex_lock(&mutex_);
      __atomic_fetch_add(&asleep_, 1, __ATOMIC_SEQ_CST);
      while (!has_news(h)) pthread_cond_wait(&bell_, &mutex_);
      __atomic_fetch_sub(&asleep_, 1, __ATOMIC_SEQ_CST);
      pthread_mutex_unlock(&mutex_);
    }
    return !__atomic_load_n(&over_, __ATOMIC_SEQ_CST);
  }

  alignas(64) unsigned door_ = 0;
  job job_{};
  alignas(64) int inside_ = 0;
  alignas(64) int asleep_ = 0;
  bool over_ = false;
  pthread_mutex_t mutex_ = PTHREAD_MUTEX_INITIALIZER;
  pthread_cond_t bell_ = PTHREAD_COND_INITIALIZER;
  void (*arrive_)(int member);
  helper* first_ = nullptr;
  int size_ = 0;
  pid_t process_ = getpid();
};

}  // namespace heed::internal::run::inline HEED_INSTRUCTION_SET
