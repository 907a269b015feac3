// Numbers drawn by a counter: a function of a key and a counter that looks like chance, so that a draw needs no state
// and is the same wherever and however often it is made. Philox 4x32-10 (Salmon, Moraes, Dror and Shaw 2011, "Parallel
// random numbers: as easy as 1, 2, 3"): ten rounds of two 32-bit products each.
//
// Words of 32 bits stand in lanes of 64, whose upper halves may hold anything on the way: a product then takes one
// instruction, whose two halves are where the next round wants them. Whole numbers count modulo 2^32, whatever they
// lie in.
#pragma once
#include "pack.hpp"

namespace heed::internal::simd::inline HEED_INSTRUCTION_SET {

inline constexpr std::uint64_t low_half = 0xffffffff;

template <int N> using long_words = typename vector_of<std::uint64_t, N>::type;

// The products of the low halves. Neither compiler sees by itself that the upper halves do not matter: x86 has an
// instruction that does not look at them.
HEED_INLINE std::uint64_t low_product(std::uint64_t a, std::uint64_t b) { return (a & low_half) * (b & low_half); }
template <class V> requires(!std::is_arithmetic_v<V>)
HEED_INLINE V low_product(V a, std::uint64_t b) {
  const V factor = b - V{};
#if defined(__x86_64__) && !defined(__clang__)
  V r;
#if defined(__AVX__)
  if constexpr (sizeof(V) >= 16 && sizeof(V) <= vector_bytes) {
    asm("vpmuludq %2, %1, %0" : "=v"(r) : "v"(a), "v"(factor));
    return r;
  }
#else
  if constexpr (sizeof(V) == 16) {
    r = a;
    asm("pmuludq %1, %0" : "+x"(r) : "x"(factor));
    return r;
  }
#endif
#endif
  return (a & low_half) * (factor & low_half);
}

// A counter or what has become of it: four words, and a key of two.
template <class V> struct philox_words {
  V word[4];
};
template <class V, class K>
HEED_INLINE philox_words<V> philox(philox_words<V> c, K key_0, K key_1) {
  HEED_UNROLL for (int round = 0; round < 10; ++round) {
    const V first = low_product(c.word[0], 0xD2511F53), second = low_product(c.word[2], 0xCD9E8D57);
    c = {{(second >> 32) ^ c.word[1] ^ key_0, second, (first >> 32) ^ c.word[3] ^ key_1, first}};
    key_0 += 0x9E3779B9, key_1 += 0xBB67AE85;
  }
  return c;
}

// ---- the first word of the counter (i, j, use, 0) under the key (key, 0): `use` keeps draws apart from keys that are
// drawn for others.
HEED_INLINE std::uint32_t philox_word(std::uint64_t key, std::uint64_t i, std::uint64_t j, std::uint64_t use) {
  return std::uint32_t(philox(philox_words<std::uint64_t>{{i, j, use, 0}}, key, std::uint64_t(0)).word[0]);
}
template <int N, class K> HEED_INLINE long_words<N> philox_word(K key, long_words<N> i, long_words<N> j,
                                                                std::uint64_t use) {
  using V = long_words<N>;
  return philox(philox_words<V>{{i, j, use - V{}, V{}}}, key, K{}).word[0];
}

// Words of packs in lanes of 64 bits: packs of such are it themselves, packs of 32 bits are their even and their odd
// elements.
template <class T, int N> HEED_INLINE auto even_words(pack<T, N> x) {
  if constexpr (sizeof(T) == 8) return (long_words<N>)x.x;
  else return (long_words<N / 2>)x.x;
}
template <class T, int N> requires(sizeof(T) == 4)
HEED_INLINE auto odd_words(pack<T, N> x) {
  return (long_words<N / 2>)x.x >> 32;
}
// A key that is one for all lanes stays a number, and with it all that the rounds make of it.
template <class K> HEED_INLINE auto even_key(K key) {
  if constexpr (is_pack<K>) return even_words(key);
  else return std::uint64_t(key);
}
template <class K> HEED_INLINE auto odd_key(K key) {
  if constexpr (is_pack<K>) return odd_words(key);
  else return std::uint64_t(key);
}

// The word as a pack of whole numbers shifted right by Shift bits: of 0 bits, with its sign.
template <int Shift, class K, class A, class B> requires SomePack<K, A, B>
HEED_INLINE auto drawn_word(K key, A i, B j, std::uint64_t use) {
  using P = pack_among<K, A, B>;
  using T = typename P::element;
  constexpr int N = P::lanes;
  using I = pack<T, N>;
  const I first = I(i), second = I(j);
  if constexpr (sizeof(T) == 8) {
    const long_words<N> w = philox_word<N>(even_key(key), even_words(first), even_words(second), use);
    using numbers = typename I::vector;
    if constexpr (Shift == 0) return I((numbers)(w << 32) >> 32);
    else return I((numbers)((w & low_half) >> Shift));
  } else if constexpr (N == 1) {
    const std::uint32_t w =
        philox_word(std::uint64_t(I(key)[0]), std::uint64_t(first[0]), std::uint64_t(second[0]), use);
    return I(T(Shift == 0 ? w : w >> Shift));
  } else {
    const long_words<N / 2> even = philox_word<N / 2>(even_key(key), even_words(first), even_words(second), use),
                            odd = philox_word<N / 2>(odd_key(key), odd_words(first), odd_words(second), use);
    const long_words<N / 2> all = (even & low_half) | (odd << 32);
    using words = typename vector_of<std::uint32_t, N>::type;
    return I((typename I::vector)((words)all >> Shift));
  }
}
template <int Shift, Scalar K, Scalar A, Scalar B>
HEED_INLINE auto drawn_word(K key, A i, B j, std::uint64_t use) {
  using I = std::common_type_t<K, A, B>;
  const std::uint32_t w = philox_word(std::uint64_t(key), std::uint64_t(i), std::uint64_t(j), use);
  return I(Shift == 0 ? I(std::int32_t(w)) : I(w >> Shift));
}

// What draws take for their key where indices are more than two: a whole number of 32 bits, with a sign.
template <class K, class A, class B> HEED_INLINE auto random_key(K key, A i, B j) {
  return drawn_word<0>(key, i, j, 1);
}
// In [0, 1), a multiple of 2^-24: exact, and the same number in float and in double. Of packs of 32 bits floats.
template <class K, class A, class B> HEED_INLINE auto random_uniform(K key, A i, B j) {
  const auto bits = to_real(drawn_word<8>(key, i, j, 0));
  using T = decltype(bits);
  if constexpr (is_pack<std::remove_const_t<T>>) {
    using E = typename std::remove_const_t<T>::element;
    return bits * E(0x1p-24);
  } else return bits * std::remove_const_t<T>(0x1p-24);
}

}  // namespace heed::internal::simd::inline HEED_INSTRUCTION_SET
