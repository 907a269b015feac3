// Names. `text` is a name inside a type: exact length, so that both compilers print it as the user wrote it.
// `label` is a name inside a value: one type for all names, two words, because comparing labels is among the most
// frequent steps of constant evaluation.
#pragma once
#include <cstddef>
#include <cstdint>
#include <string>

namespace heed::internal {

inline constexpr std::size_t label_capacity = 16;

template <std::size_t N>
struct text {
  char s[N]{};
  constexpr text() = default;
  consteval text(const char (&from)[N]) {
    static_assert(N > 1 && N <= label_capacity + 1, "heed: a name has 1 to 16 characters");
    for (std::size_t i = 0; i < N; ++i) s[i] = from[i];
  }
};

struct label {
  std::uint64_t word[2];

  bool operator==(const label&) const = default;
  constexpr bool empty() const { return word[0] == 0; }
  std::string text() const {
    std::string r;
    for (std::size_t i = 0; i < label_capacity; ++i)
      if (const char c = char(word[i / 8] >> (8 * (i % 8)))) r += c;
    return r;
  }
};

template <std::size_t N>
constexpr label make_label(const char (&s)[N]) {
  label r{};
  for (std::size_t i = 0; i + 1 < N && i < label_capacity; ++i)
    r.word[i / 8] |= std::uint64_t(static_cast<unsigned char>(s[i])) << (8 * (i % 8));
  return r;
}
template <std::size_t N>
constexpr label make_label(const text<N>& t) {
  return make_label(t.s);
}

// A label as a name inside a type.
constexpr int length_of(label l) {
  int n = 0;
  while (n < int(label_capacity) && (l.word[std::size_t(n) / 8] >> (8 * (std::size_t(n) % 8)) & 255)) ++n;
  return n;
}
template <label L> constexpr auto text_of() {
  text<std::size_t(length_of(L)) + 1> t;
  for (std::size_t i = 0; i < std::size_t(length_of(L)); ++i) t.s[i] = char(L.word[i / 8] >> (8 * (i % 8)) & 255);
  return t;
}

}  // namespace heed::internal
