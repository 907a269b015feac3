// A whole pre-norm block, forward and backward.
#include "../../bench/block.hpp"

void run(const block::tensors& t, block::tensors& g, heed::tensor<float>& O, const heed::tensor<float>& dO,
         heed::workspace& memory) {
  block::run(t, g, O, dO, memory);
}
