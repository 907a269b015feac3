// The functions of a kernel `study`, as the study's program calls them: a result is a copy of an operand, and a call may
// end in every way that a call can.
#include <heed/export/interface.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static int calls;

// operands: what is wanted, {what happens, at which call}, the result
static int copied(const heed_tensor* operands, double factor, heed_error* error) {
  const double *wanted = operands[0].data, *what = operands[1].data;
  double* result = operands[2].data;
  int64_t count = 1;
  for (int i = 0; i < operands[0].ndim; ++i) count *= operands[0].shape[i];
  const struct timespec millisecond = {0, 1000000};
  nanosleep(&millisecond, NULL);
  if (++calls == (int)what[1]) {
    if (what[0] == 1) raise(SIGSEGV);
    if (what[0] == 2) sleep(3600);
    if (what[0] == 3) {
      snprintf(error->message, sizeof error->message, "heed: call %d is \"refused\"\nand more", calls);
      return error->code = HEED_WRONG_VALUE;
    }
    if (what[0] == 4) _exit(7);
  }
  for (int64_t i = 0; i < count; ++i) result[i] = factor * wanted[i];
  return HEED_OK;
}

static int bytes(size_t* found, size_t value) {
  *found = value;
  return HEED_OK;
}

int study_workspace_bytes(heed_tensor* o, int32_t n, size_t* found, heed_error* e) {
  (void)o, (void)n, (void)e;
  return bytes(found, 41);
}
int study(heed_tensor* operands, int32_t count, void* workspace, size_t size, heed_error* error) {
  if (count != 3 || size != 41) return HEED_WRONG_COUNT;
  memset(workspace, 0, size);
  return copied(operands, 1, error);
}

int study_forward_workspace_bytes(heed_tensor* o, int32_t n, size_t* found, heed_error* e) {
  (void)o, (void)n, (void)e;
  return bytes(found, 0);
}
int study_backward_workspace_bytes(heed_tensor* o, int32_t n, size_t* found, heed_error* e) {
  (void)o, (void)n, (void)e;
  return bytes(found, 5);
}
int study_saved_bytes(heed_tensor* o, int32_t n, size_t* found, heed_error* e) {
  (void)o, (void)n, (void)e;
  return bytes(found, sizeof(double));
}
int study_forward(heed_tensor* operands, int32_t count, void* saved, size_t size, void* workspace, size_t more,
                  heed_error* error) {
  (void)count, (void)workspace, (void)more;
  if (size != sizeof(double)) return HEED_WRONG_SAVED;
  *(double*)saved = 3 * (calls + 1);
  return copied(operands, 1, error);
}
int study_backward(heed_tensor* operands, int32_t count, void* saved, size_t size, void* workspace, size_t more,
                   heed_error* error) {
  (void)count, (void)workspace, (void)more;
  if (size != sizeof(double)) return HEED_WRONG_SAVED;
  return copied(operands, *(const double*)saved, error);
}

const heed_metadata* study_metadata(void) {
  static const heed_metadata about = {.heed_version = "of the tests", .instruction_set = "native"};
  return &about;
}
