// Entries of the gallery with several maps, with other axes, with projections around.
// options: -O0 -DHEED_UNOPTIMISED
// properties: FIXTURES_SETUP gallery_values
#include "entries.hpp"
#include "../../examples/gallery/10_gated_attention.hpp"
#include "../../examples/gallery/12_differential.hpp"
#include "../../examples/gallery/15_latent_keys.hpp"
#include "../../examples/gallery/16_triangle.hpp"
#include "../../examples/gallery/17_neighbourhood.hpp"
#include "../../examples/gallery/18_shifted_windows.hpp"
#include "../../examples/gallery/19_perceiver.hpp"
#include "../../examples/gallery/20_agents.hpp"
#include "../../examples/gallery/21_distance_network.hpp"
#include "../../examples/gallery/34_persistent_memory.hpp"
#include "../../examples/gallery/35_axial.hpp"
