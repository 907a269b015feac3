// Whole blocks in the gallery.
// options: -O0 -DHEED_UNOPTIMISED
// properties: FIXTURES_SETUP gallery_blocks
#include "entries.hpp"
#include "../../examples/gallery/37_llama_block.hpp"
#include "../../examples/gallery/38_gemma_block.hpp"
#include "../../examples/gallery/39_gpt_oss_block.hpp"
#include "../../examples/gallery/40_vit_block.hpp"
