// Loads a library, calls it from two threads at once, unloads it, and does so again: nothing of it may stay, and the
// first call, where the instruction set is chosen, may be several threads' at once. Arguments: the library.
#include <dlfcn.h>
#include <pthread.h>
#include <string.h>

#include "arrays.h"

typedef int32_t call_function(const heed_tensor*, int32_t, void*, size_t, heed_error*);
typedef struct job {
  call_function* call;
  arrays* all;
  pthread_barrier_t* start;
  int32_t code;
} job;

static void* run(void* argument) {
  job* mine = (job*)argument;
  pthread_barrier_wait(mine->start);
  for (int i = 0; i < 20; ++i) mine->code |= mine->call(mine->all->forward, 5, NULL, 0, NULL);
  return NULL;
}

int main(int count, char** arguments) {
  arrays* first = NULL;
  expect(count == 2, "one argument");
  for (int round = 0; round < 3; ++round) {
    void* library = dlopen(arguments[1], RTLD_NOW | RTLD_LOCAL);
    pthread_barrier_t start;
    pthread_t threads[2];
    job jobs[2];
    call_function* call;
    if (!library) fprintf(stderr, "%s\n", dlerror());
    expect(library != NULL, "the library is loaded");
    *(void**)&call = dlsym(library, "step");
    expect(call != NULL && dlsym(library, "heed_part_step__native") == NULL, "step is there, and parts are not");
    pthread_barrier_init(&start, NULL, 2);
    for (int i = 0; i < 2; ++i) {
      jobs[i].call = call;
      jobs[i].all = new_arrays();
      jobs[i].start = &start;
      jobs[i].code = 0;
      expect(pthread_create(&threads[i], NULL, run, &jobs[i]) == 0, "a thread");
    }
    for (int i = 0; i < 2; ++i) pthread_join(threads[i], NULL);
    expect(jobs[0].code == 0 && jobs[1].code == 0, "no call failed");
    expect(memcmp(jobs[0].all->result, jobs[1].all->result, sizeof jobs[0].all->result) == 0,
           "both threads have the same bits");
    if (!first) {
      first = jobs[0].all;
    } else {
      expect(memcmp(first->result, jobs[0].all->result, sizeof first->result) == 0, "so have both loads");
      free(jobs[0].all);
    }
    free(jobs[1].all);
    pthread_barrier_destroy(&start);
    expect(dlclose(library) == 0, "the library is closed");
    expect(dlopen(arguments[1], RTLD_NOW | RTLD_NOLOAD) == NULL, "and gone");
  }
  free(first);
  puts("loaded three times");
  return 0;
}
