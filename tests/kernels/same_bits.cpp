// A library and a C++ program that are compiled alike give the same bits, for every number of threads, forward and
// backward.
#include <omp.h>

#include <cstring>

#include "variants.hpp"

#include "arrays.h"

namespace mine {

constexpr auto two_passes = differentiable<out>(wrt(q, k, v, slope));

template <class Tensor> bool same(const Tensor& ours, const float* theirs) {
  return std::memcmp(ours.data(), theirs, ours.size() * sizeof(float)) == 0;
}

void compare(int threads) {
  omp_set_num_threads(threads);
  arrays* all = new_arrays();
  heed_error error;
  tensor<float> Q(H, N, D), K(H, M, D), V(H, M, D), S(H), O(H, N, D), dO(H, N, D), dQ(H, N, D), dK(H, M, D),
      dV(H, M, D), dS(H);
  std::memcpy(Q.data(), all->q, sizeof all->q);
  std::memcpy(K.data(), all->k, sizeof all->k);
  std::memcpy(V.data(), all->v, sizeof all->v);
  std::memcpy(S.data(), all->slope, sizeof all->slope);
  std::memcpy(dO.data(), all->cotangent, sizeof all->cotangent);

  auto kept = two_passes.saved();
  two_passes.forward(kept, q = Q, k = K, v = V, slope = S, into(O));
  two_passes.backward(kept, q = Q, k = K, v = V, slope = S, cotangent<out> = dO, into(dQ, dK, dV, dS));

  std::size_t bytes;
  succeeds(step_saved_bytes(all->forward, 5, &bytes, &error), &error, "step_saved_bytes");
  void* saved = std::malloc(bytes);
  succeeds(step_forward(all->forward, 5, saved, bytes, nullptr, 0, &error), &error, "step_forward");
  succeeds(step_backward(all->backward, 9, saved, bytes, nullptr, 0, &error), &error, "step_backward");
  expect(same(O, all->result), "the result");
  expect(same(dQ, all->dq), "the gradient of q");
  expect(same(dK, all->dk), "the gradient of k");
  expect(same(dV, all->dv), "the gradient of v");
  expect(same(dS, all->dslope), "the gradient of the slope");
  std::free(saved);
  std::free(all);
}

}  // namespace mine

int main() {
  for (int threads : {1, 2, 3}) mine::compare(threads);
}
