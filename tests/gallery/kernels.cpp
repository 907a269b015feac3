// Entries of the gallery as fused loops, forward and backward: of every kind one that no other test compiles. What the
// loops of all entries give ./dev gallery compares.
// options: -O0 -DHEED_UNOPTIMISED
// labels: meaning
#define HEED_GALLERY_KERNELS
#include "entries.hpp"
#include "../../examples/gallery/08_learned_sinks.hpp"
#include "../../examples/gallery/12_differential.hpp"
#include "../../examples/gallery/15_latent_keys.hpp"
#include "../../examples/gallery/24_contrastive.hpp"
#include "../../examples/gallery/34_persistent_memory.hpp"
