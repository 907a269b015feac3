#include "text.hpp"
#include <algorithm>
#include <cmath>
#include <fstream>
#include <iterator>
#include <random>
#include <stdexcept>

namespace training {

std::int32_t number_of(char c) { return c == '\n' ? 95 : c >= ' ' && c <= '~' ? c - ' ' : '?' - ' '; }
char character_of(std::int32_t number) { return number == 95 ? '\n' : char(' ' + number); }
std::vector<std::int32_t> numbers_of(const std::string& text) {
  std::vector<std::int32_t> r(text.size());
  std::transform(text.begin(), text.end(), r.begin(), number_of);
  return r;
}

text::text(const std::string& path, extent_t context) {
  std::ifstream file(path, std::ios::binary);
  if (!file) throw std::runtime_error("cannot read the text " + path);
  std::vector<std::int32_t> all = numbers_of(std::string(std::istreambuf_iterator<char>(file), {}));
  const std::size_t cut = all.size() - all.size() / 10;
  if (all.size() - cut <= std::size_t(context))
    throw std::runtime_error("the text " + path + " is too short: it needs more than " +
                             std::to_string(10 * (context + 1)) + " characters");
  training.assign(all.begin(), all.begin() + std::ptrdiff_t(cut));
  validation.assign(all.begin() + std::ptrdiff_t(cut), all.end());
}

namespace {
void copy_piece(const std::vector<std::int32_t>& from, std::size_t at, extent_t context, batch& to, extent_t number) {
  for (extent_t i = 0; i < context; ++i)
    to.tokens(number, i) = from[at + std::size_t(i)], to.target(number, i) = from[at + std::size_t(i) + 1];
}
}  // namespace

batch draw(const std::vector<std::int32_t>& from, extent_t texts, extent_t context, unsigned seed, int step) {
  batch r{tensor<std::int32_t>(texts, context), tensor<std::int32_t>(texts, context)};
  std::seed_seq both{seed, unsigned(step)};
  std::mt19937_64 random(both);
  for (extent_t i = 0; i < texts; ++i) copy_piece(from, random() % (from.size() - std::size_t(context)), context, r, i);
  return r;
}
batch spread(const std::vector<std::int32_t>& from, extent_t texts, extent_t context) {
  batch r{tensor<std::int32_t>(texts, context), tensor<std::int32_t>(texts, context)};
  for (extent_t i = 0; i < texts; ++i)
    copy_piece(
        from, (from.size() - std::size_t(context) - 1) * std::size_t(i) / std::size_t(std::max<extent_t>(1, texts - 1)),
        context, r, i);
  return r;
}

double bigram_loss(const std::vector<std::int32_t>& counted_from, const batch& x) {
  std::vector<double> followed(std::size_t(characters) * characters, 1), all(characters, characters);
  for (std::size_t i = 1; i < counted_from.size(); ++i)
    ++followed[std::size_t(counted_from[i - 1] * characters + counted_from[i])],
        ++all[std::size_t(counted_from[i - 1])];
  double total = 0;
  for (std::size_t i = 0; i < x.tokens.size(); ++i)
    total -= std::log(followed[std::size_t(x.tokens[i] * characters + x.target[i])] / all[std::size_t(x.tokens[i])]);
  return total / double(x.tokens.size());
}

}  // namespace training
