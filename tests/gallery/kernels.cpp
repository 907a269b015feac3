// Entries of the gallery whose weights are no plain softmax: their fused loops, forward and backward. What all entries'
// loops give ./dev gallery compares.
// options: -O0 -DHEED_UNOPTIMISED
#define HEED_GALLERY_KERNELS
#include "entries.hpp"
#include "../../examples/gallery/08_learned_sinks.hpp"
#include "../../examples/gallery/09_softmax1.hpp"
#include "../../examples/gallery/13_sigmoid_weights.hpp"
#include "../../examples/gallery/14_squared_relu.hpp"
#include "../../examples/gallery/23_slots.hpp"
#include "../../examples/gallery/24_contrastive.hpp"
#include "../../examples/gallery/25_retention.hpp"
#include "../../examples/gallery/31_softpick.hpp"
#include "../../examples/gallery/32_taylor_weights.hpp"
#include "../../examples/gallery/33_linear_attention.hpp"
