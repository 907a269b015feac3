// One more character, with the keys and values of those before in a cache.
#include "call.hpp"
#include <algorithm>

namespace training {
namespace g = decoder_graph;

reader::reader(weights& w, extent_t context, extent_t longest)
    : weights_(w),
      context_(context),
      longest_(longest),
      angles_(longest),
      keys_(g::layers.extent, longest, g::g.extent, g::d.extent),
      values_(g::layers.extent, longest, g::g.extent, g::d.extent),
      logits_(std::size_t(g::words.extent)) {}

const std::vector<float>& reader::read(std::int32_t token) {
  if (length_ == longest_) throw heed::error("text", "", "at most " + std::to_string(longest_) + " characters", "more");
  // The keys are rotated by where they stood, and only distances count: so the cache may slide.
  const extent_t seen = std::min(length_, context_ - 1), row = g::g.extent * g::d.extent, layer = longest_ * row;
  const auto cached = [&](tensor<float>& all) {
    return heed::view<const float>(all.data() + (length_ - seen) * row,
                                   {g::layers.extent, seen, g::g.extent, g::d.extent}, {layer, row, g::d.extent, 1});
  };
  const auto added = [&](tensor<float>& all) {
    return heed::view<float>(all.data() + length_ * row, {g::layers.extent, g::g.extent, g::d.extent},
                             {layer, g::d.extent, 1});
  };
  const auto angles = [&](tensor<float>& all) {
    return heed::view<const float>(all.data() + length_ * g::half.extent, {g::half.extent});
  };
  call<g::decode>(weights_, g::token = token, g::cosine_here = angles(angles_.cosine),
                  g::sine_here = angles(angles_.sine), g::cached_keys = cached(keys_),
                  g::cached_values = cached(values_), heed::into(logits_, added(keys_), added(values_)), memory_);
  ++length_;
  return logits_;
}

}  // namespace training
