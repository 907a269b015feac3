// Entries of the gallery that change masks and scores.
// options: -O0 -DHEED_UNOPTIMISED
// properties: FIXTURES_SETUP gallery_values
#include "entries.hpp"
#include "../../examples/gallery/01_grouped_queries.hpp"
#include "../../examples/gallery/02_windowed.hpp"
#include "../../examples/gallery/03_packed_documents.hpp"
#include "../../examples/gallery/04_prefix_lm.hpp"
#include "../../examples/gallery/05_alibi_slopes.hpp"
#include "../../examples/gallery/06_t5_buckets.hpp"
#include "../../examples/gallery/07_softcapped.hpp"
#include "../../examples/gallery/11_forgetting.hpp"
#include "../../examples/gallery/26_log_distances.hpp"
#include "../../examples/gallery/27_scaled_by_length.hpp"
#include "../../examples/gallery/28_cosine_scores.hpp"
#include "../../examples/gallery/29_near_keys.hpp"
#include "../../examples/gallery/30_block_diffusion.hpp"
