// A program in C99 that knows nothing of heed but checks.h: forward and backward, compared with the evaluation in
// double that is in the library, and what can be said without it. Prints the instruction set that was used.
#include <math.h>
#include <string.h>

#include "arrays.h"

static double furthest(const float* got, const double* wanted, size_t count) {
  double off = 0;
  for (size_t i = 0; i < count; ++i) {
    const double here = fabs(got[i] - wanted[i]);
    if (!(here <= off)) off = here;
  }
  return off;
}

// Both passes, with memory that the library takes and with memory of ours: the same bits, near the evaluation in
// double.
static void attention(void) {
  static double result[H * N * D], dq[H * N * D], dk[H * M * D], dv[H * M * D], dslope[H];
  arrays *all = new_arrays(), *again = new_arrays();
  heed_error error;
  heed_tensor forward[5], backward[9];
  size_t saved_bytes, workspace_bytes;
  void *saved, *workspace;

  succeeds(step(all->forward, 5, NULL, 0, &error), &error, "step");
  for (int i = 0; i < D; ++i)
    expect(fabsf(all->result[i] - all->v[i]) < 1e-6f, "the first query sees the first key alone");

  succeeds(step_saved_bytes(again->forward, 5, &saved_bytes, &error), &error, "step_saved_bytes");
  succeeds(step_forward_workspace_bytes(again->forward, 5, &workspace_bytes, &error), &error,
           "step_forward_workspace_bytes");
  saved = malloc(saved_bytes);
  workspace = malloc(workspace_bytes + 1);
  succeeds(step_forward(again->forward, 5, saved, saved_bytes, (char*)workspace + 1, workspace_bytes, &error), &error,
           "step_forward");
  expect(memcmp(all->result, again->result, sizeof all->result) == 0, "step and step_forward give the same bits");
  succeeds(step_backward(all->backward, 9, saved, saved_bytes, NULL, 0, &error), &error, "step_backward");
  free(workspace);
  succeeds(step_backward_workspace_bytes(again->backward, 9, &workspace_bytes, &error), &error,
           "step_backward_workspace_bytes");
  workspace = malloc(workspace_bytes);
  succeeds(step_backward(again->backward, 9, saved, saved_bytes, workspace, workspace_bytes, &error), &error,
           "step_backward");
  expect(memcmp(all->dk, again->dk, sizeof all->dk) == 0, "gradients are the same bits, whose memory it may be");
  expect(memcmp(all->dslope, again->dslope, sizeof all->dslope) == 0, "so are those of the slope");

  memcpy(forward, all->forward, sizeof forward);
  forward[4] = array_of(result, 2, 64, 3, all->over_n);
  succeeds(step_reference(forward, 5, &error), &error, "step_reference");
  expect(furthest(all->result, result, H * N * D) < 2e-6, "results are those of the evaluation in double");
  memcpy(backward, all->backward, sizeof backward);
  backward[5] = array_of(dq, 2, 64, 3, all->over_n);
  backward[6] = array_of(dk, 2, 64, 3, all->over_m);
  backward[7] = array_of(dv, 2, 64, 3, all->over_m);
  backward[8] = array_of(dslope, 2, 64, 1, all->over_h);
  succeeds(step_backward_reference(backward, 9, &error), &error, "step_backward_reference");
  expect(furthest(all->dq, dq, H * N * D) < 5e-6, "gradient of q");
  expect(furthest(all->dk, dk, H * M * D) < 2e-5, "gradient of k");
  expect(furthest(all->dv, dv, H * M * D) < 2e-5, "gradient of v");
  expect(furthest(all->dslope, dslope, H) < 2e-4, "gradient of the slope");
  expect(dslope[0] != 0 && dk[0] != 0, "there are gradients");
  free(saved);
  free(workspace);
  free(all);
  free(again);
}

static void table(void) {
  enum { WORDS = 5 };
  static float rows[WORDS * D], result[2 * D];
  int32_t ids[2] = {4, 1};
  int64_t over_ids[1] = {2}, over_rows[2] = {WORDS, D}, over_result[2] = {2, D};
  heed_tensor operands[3];
  heed_error error;
  fill(rows, WORDS * D, 7);
  operands[0] = array_of(rows, 2, 32, 2, over_rows);
  operands[1] = array_of(ids, 0, 32, 1, over_ids);
  operands[2] = array_of(result, 2, 32, 2, over_result);
  succeeds(look_up(operands, 3, NULL, 0, &error), &error, "look_up");
  for (int i = 0; i < D; ++i)
    expect(result[i] == 2 * rows[4 * D + i] && result[D + i] == 2 * rows[D + i], "twice the rows of the table");
  memset(result, 0, sizeof result);
  ids[1] = WORDS;
  expect(look_up(operands, 3, NULL, 0, &error) == HEED_WRONG_VALUE && error.code == HEED_WRONG_VALUE,
         "an index outside its table");
  expect(strcmp(error.operand, "ids") == 0 && strncmp(error.message, "heed: ", 6) == 0, "the error names the operand");
  expect(look_up(operands, 3, NULL, 0, NULL) == HEED_WRONG_VALUE, "nobody needs the sentence");
  for (int i = 0; i < 2 * D; ++i) expect(result[i] == 0, "nothing is written where there is an error");
}

int main(void) {
  const heed_metadata* metadata = step_metadata();
  if (!metadata->instruction_set) {
    heed_error error;
    size_t bytes;
    expect(step_workspace_bytes(NULL, 0, &bytes, &error) == HEED_UNKNOWN_INSTRUCTION_SET, "every call refuses");
    expect(step(NULL, 0, NULL, 0, NULL) == HEED_UNKNOWN_INSTRUCTION_SET, "every call refuses, without a sentence too");
    expect(error.code == HEED_UNKNOWN_INSTRUCTION_SET && strcmp(error.got, getenv("HEED_ISA")) == 0,
           "the error says what was asked for");
    printf("%s\n", error.message);
    return 3;
  }
  attention();
  table();
  printf("%s\n", metadata->instruction_set);
  return 0;
}
