// The text that is learned: characters as numbers, a part that is never trained on, batches drawn from the rest.
#pragma once
#include "model.hpp"
#include <string>

namespace training {

// Printable ASCII is 0 .. 94, the end of a line 95; anything else counts as '?'.
inline constexpr int characters = 96;
std::int32_t number_of(char c);
char character_of(std::int32_t number);
std::vector<std::int32_t> numbers_of(const std::string& text);

struct text {
  std::vector<std::int32_t> training, validation;  // the last tenth validates

  // Throws std::runtime_error where the file cannot be read or is too short for pieces of `context` characters.
  text(const std::string& path, extent_t context);
};

// Pieces from anywhere in a text, the same for the same seed and step.
batch draw(const std::vector<std::int32_t>& from, extent_t texts, extent_t context, unsigned seed, int step);
// `texts` pieces spread evenly over a text, always the same.
batch spread(const std::vector<std::int32_t>& from, extent_t texts, extent_t context);

// The loss, in nats a character, that a bigram model has on a batch: how often each character followed each in the
// training text, one added to every count (Laplace).
double bigram_loss(const std::vector<std::int32_t>& counted_from, const batch& x);

}  // namespace training
