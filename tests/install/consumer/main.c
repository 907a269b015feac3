/* A program in C, with nothing but a library that heed has made. */
#include <stdio.h>

#include "kernels.h"

int main(void) {
  float x[4] = {0, 0, 0, 0}, result[4];
  int64_t shape[2] = {2, 2};
  heed_tensor operands[2] = {{x, {1, 0}, 2, {2, 32, 1}, shape, NULL, 0},
                             {result, {1, 0}, 2, {2, 32, 1}, shape, NULL, 0}};
  heed_error error;
  if (weigh(operands, 2, NULL, 0, &error) != HEED_OK) {
    fprintf(stderr, "%s\n", error.message);
    return 1;
  }
  printf("weight %g\n", (double)result[3]);
  return 0;
}
