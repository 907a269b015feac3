// Entries of the gallery that run in loops.
// options: -O0 -DHEED_UNOPTIMISED
// properties: FIXTURES_SETUP gallery_values
#include "entries.hpp"
#include "../../examples/gallery/22_relative_keys.hpp"
#include "../../examples/gallery/36_talking_heads.hpp"
