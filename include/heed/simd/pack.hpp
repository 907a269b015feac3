// Packs: short vectors of float, double, int32 or int64 over the vector extensions of g++ and clang, exactly as wide as
// the machine unless told otherwise, with the scalar twin of every function, so that one evaluator serves both. No
// intrinsics. Kernels call the functions qualified (`simd::fma(a, b, c)`) on any mixture of packs and scalars.
//
// What the compilers need in order to emit one instruction for each function (found in disassembly, g++ 12, clang 19):
// * a broadcast of a float is `s - vector{}`: x - 0 is x and folds away, 0 + x is not x for -0 and costs an addition;
// * fma is one expression, for clang contracts no further than that; g++ contracts anyway;
// * `constant > x ? constant : x` becomes a comparison and a blend with g++, unless the constant is hidden (opaque).
#pragma once

#include "compiler.hpp"
#include <cmath>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <type_traits>
#include <utility>

namespace heed::internal::simd::inline HEED_INSTRUCTION_SET {

template <class T>
concept PackElement =
    std::same_as<T, float> || std::same_as<T, double> || std::same_as<T, std::int32_t> || std::same_as<T, std::int64_t>;
template <class T>
concept Scalar = std::is_arithmetic_v<T>;

template <PackElement T>
inline constexpr int native_lanes = vector_bytes / int(sizeof(T));

// Signed integer of a given size in bytes, and the floating type of the same size.
template <int Size>
using integer_of_size = std::conditional_t<Size == 4, std::int32_t, std::int64_t>;
template <int Size>
using real_of_size = std::conditional_t<Size == 4, float, double>;

// A type of its own, for g++ confuses T with a vector of T while the size is still unknown.
template <class T, int N>
struct vector_of {
  typedef T type __attribute__((vector_size(N * sizeof(T))));
};

template <PackElement T, int N = native_lanes<T>>
struct pack;

// Lane booleans for packs of N elements of Size bytes: float and int32 packs of one width share their masks. A lane is
// all ones or all zeros. Converts from bool (all lanes alike).
template <int Size, int N>
struct mask {
  using integer = integer_of_size<Size>;
  using vector = typename vector_of<integer, N>::type;
  static constexpr int lanes = N;
  vector x;

  mask() = default;
  HEED_INLINE mask(vector v) : x(v) {}
  HEED_INLINE mask(bool all_lanes) : x(vector{} - integer(all_lanes)) {}

  // The first `count` lanes are true (none for count <= 0, all for count >= N).
  static HEED_INLINE mask first(std::ptrdiff_t count);

  HEED_INLINE bool operator[](int i) const { return x[i] != 0; }
  friend HEED_INLINE mask operator&&(mask a, mask b) { return a.x & b.x; }
  friend HEED_INLINE mask operator||(mask a, mask b) { return a.x | b.x; }
  friend HEED_INLINE mask operator==(mask a, mask b) { return ~(a.x ^ b.x); }
  friend HEED_INLINE mask operator!=(mask a, mask b) { return a.x ^ b.x; }
  friend HEED_INLINE mask operator!(mask a) { return ~a.x; }
};

template <PackElement T, int N>
struct pack {
  using vector = typename vector_of<T, N>::type;
  using element = T;
  using mask = simd::mask<sizeof(T), N>;
  static constexpr int lanes = N;
  vector x;

  pack() = default;
  HEED_INLINE pack(vector v) : x(v) {}
  HEED_INLINE pack(T s) {
    if constexpr (std::is_floating_point_v<T>) x = s - vector{};
    else x = s + vector{};
  }

  // ---- memory: any alignment, no element outside those named is touched
  static HEED_INLINE pack load(const T* p) {
    pack r;
    __builtin_memcpy(&r.x, p, sizeof r.x);
    return r;
  }
  HEED_INLINE void store(T* p) const { __builtin_memcpy(p, &x, sizeof x); }
  // Lane i is p[i * stride]; the stride may be 0 or negative.
  static HEED_INLINE pack load_strided(const T* p, std::ptrdiff_t stride) {
    pack r;
    HEED_UNROLL for (int i = 0; i < N; ++i)
      r.x[i] = p[i * stride];
    return r;
  }
  // Lane i is p[i], of whole numbers of a byte. g++ would take a conversion apart lane by lane, so that x86 names the
  // instruction.
  static HEED_INLINE pack load_widened(const std::int8_t* p) requires std::is_integral_v<T>
  {
    typedef std::int8_t bytes __attribute__((vector_size(N), aligned(1)));
    const bytes& b = *reinterpret_cast<const bytes*>(p);
    pack r;
#if !defined(__clang__) && defined(__AVX2__)
    if constexpr (sizeof r.x >= 16 && sizeof r.x <= vector_bytes) {
      if constexpr (sizeof(T) == 4) asm("vpmovsxbd %1, %0" : "=v"(r.x) : "m"(b));
      else asm("vpmovsxbq %1, %0" : "=v"(r.x) : "m"(b));
      return r;
    }
#endif
    r.x = __builtin_convertvector(b, vector);
    return r;
  }
  // Lane i is p[index[i]].
  template <PackElement I>
  requires std::is_integral_v<I>
  static HEED_INLINE pack gather(const T* p, pack<I, N> index) {
    pack r;
    HEED_UNROLL for (int i = 0; i < N; ++i)
      r.x[i] = p[index.x[i]];
    return r;
  }
  // Lane i is p[i] for i < count and 0 behind; any count, 0 and less included.
  static HEED_INLINE pack load_partial(const T* p, std::ptrdiff_t count) {
    if (count >= N) return load(p);
    T w[N];
    pack(T(0)).store(w);
    copy_fewer(w, p, count);
    return load(w);
  }
  HEED_INLINE void store_partial(T* p, std::ptrdiff_t count) const {
    if (count >= N) return store(p);
    T w[N];
    store(w);
    copy_fewer(p, w, count);
  }
  // Copies count < N elements by halves: a loop over elements would become a call of memcpy with clang.
  static HEED_INLINE void copy_fewer(T* to, const T* from, std::ptrdiff_t count) {
    if (count <= 0) return;
    std::ptrdiff_t done = 0;
    HEED_UNROLL for (int half = N / 2; half > 0; half /= 2)
      if (count & half) {
        __builtin_memcpy(to + done, from + done, half * sizeof(T));
        done += half;
      }
  }

  HEED_INLINE T operator[](int i) const { return x[i]; }
  HEED_INLINE pack& operator+=(pack b) { return *this = *this + b; }
  HEED_INLINE pack& operator-=(pack b) { return *this = *this - b; }
  HEED_INLINE pack& operator*=(pack b) { return *this = *this * b; }
  HEED_INLINE pack& operator/=(pack b) { return *this = *this / b; }

  friend HEED_INLINE pack operator+(pack a, pack b) {
    HEED_IN_ORDER
    if constexpr (std::is_floating_point_v<T>) return as_written(a.x + b.x);
    else return a.x + b.x;
  }
  friend HEED_INLINE pack operator-(pack a, pack b) {
    HEED_IN_ORDER
    if constexpr (std::is_floating_point_v<T>) return as_written(a.x - b.x);
    else return a.x - b.x;
  }
  friend HEED_INLINE pack operator*(pack a, pack b) {
    HEED_IN_ORDER
    return a.x * b.x;
  }
  friend HEED_INLINE pack operator/(pack a, pack b) { return a.x / b.x; }
  friend HEED_INLINE pack operator-(pack a) { return -a.x; }
  friend HEED_INLINE mask operator<(pack a, pack b) { return (typename mask::vector)(a.x < b.x); }
  friend HEED_INLINE mask operator<=(pack a, pack b) { return (typename mask::vector)(a.x <= b.x); }
  friend HEED_INLINE mask operator>(pack a, pack b) { return (typename mask::vector)(a.x > b.x); }
  friend HEED_INLINE mask operator>=(pack a, pack b) { return (typename mask::vector)(a.x >= b.x); }
  friend HEED_INLINE mask operator==(pack a, pack b) { return (typename mask::vector)(a.x == b.x); }
  friend HEED_INLINE mask operator!=(pack a, pack b) { return (typename mask::vector)(a.x != b.x); }
};

// ---- what a type is
template <class V>
inline constexpr bool is_pack = false;
template <class T, int N>
inline constexpr bool is_pack<pack<T, N>> = true;
template <class V>
concept Pack = is_pack<V>;
template <class... V>
concept SomePack = (Pack<V> || ...);

template <class V>
inline constexpr int lanes_of = 1;
template <class T, int N>
inline constexpr int lanes_of<pack<T, N>> = N;
template <int Size, int N>
inline constexpr int lanes_of<mask<Size, N>> = N;

template <class A, class... More>
struct first_pack : first_pack<More...> {};
template <class T, int N, class... More>
struct first_pack<pack<T, N>, More...> {
  using type = pack<T, N>;
};
// The pack type among some operands; scalars among them are broadcast to it.
template <class... V>
using pack_among = typename first_pack<V...>::type;

// The same value, of which the compiler may not know that it is a constant.
template <class T, int N>
HEED_INLINE pack<T, N> opaque(pack<T, N> c) {
#if !defined(__clang__) && defined(__x86_64__)
  if constexpr (sizeof c.x <= vector_bytes && sizeof c.x >= 16) asm("" : "+v"(c.x));
#endif
  return c;
}

template <class T, int N>
HEED_INLINE pack<T, N> iota(T from) {
  return [from]<int... I>(std::integer_sequence<int, I...>) HEED_INLINED {
    return pack<T, N>(typename pack<T, N>::vector{T(I)...}) + from;
  }(std::make_integer_sequence<int, N>{});
}
template <int Size, int N>
HEED_INLINE mask<Size, N> mask<Size, N>::first(std::ptrdiff_t count) {
  const integer n = integer(count < 0 ? 0 : count > N ? N : count);
  return iota<integer, N>(0) < pack<integer, N>(n);
}

// The value, rounded before anything is added to it or multiplied with it.
template <class T, int N>
requires std::floating_point<T>
HEED_INLINE pack<T, N> settled(pack<T, N> a) {
  return as_written(a.x);
}

// ---- a * b + c and c - a * b. Rounded once where the target has FMA instructions, else twice.
template <class A, class B, class C>
requires SomePack<A, B, C>
HEED_INLINE auto fma(A a, B b, C c) {
  HEED_IN_ORDER
  using P = pack_among<A, B, C>;
  return P(P(a).x * P(b).x + P(c).x);
}
template <class A, class B, class C>
requires SomePack<A, B, C>
HEED_INLINE auto fnma(A a, B b, C c) {
  HEED_IN_ORDER
  using P = pack_among<A, B, C>;
  return P(P(c).x - P(a).x * P(b).x);
}
template <Scalar A, Scalar B, Scalar C>
HEED_INLINE constexpr auto fma(A a, B b, C c) {
  using R = std::common_type_t<A, B, C>;
  return R(R(a) * R(b) + R(c));
}
template <Scalar A, Scalar B, Scalar C>
HEED_INLINE constexpr auto fnma(A a, B b, C c) {
  using R = std::common_type_t<A, B, C>;
  return R(R(c) - R(a) * R(b));
}

// ---- max, min: one instruction each. Where either operand is NaN (and for zeros of both signs) the result is b.
template <class A, class B>
requires SomePack<A, B>
HEED_INLINE auto max(A a, B b) {
  using P = pack_among<A, B>;
  const P u = std::is_floating_point_v<typename P::element> ? opaque(P(a)) : P(a);
  const P v = std::is_floating_point_v<typename P::element> ? opaque(P(b)) : P(b);
  return P(u.x > v.x ? u.x : v.x);
}
template <class A, class B>
requires SomePack<A, B>
HEED_INLINE auto min(A a, B b) {
  using P = pack_among<A, B>;
  const P u = std::is_floating_point_v<typename P::element> ? opaque(P(a)) : P(a);
  const P v = std::is_floating_point_v<typename P::element> ? opaque(P(b)) : P(b);
  return P(u.x < v.x ? u.x : v.x);
}
template <Scalar A, Scalar B>
HEED_INLINE constexpr auto max(A a, B b) {
  using R = std::common_type_t<A, B>;
  return R(a) > R(b) ? R(a) : R(b);
}
template <Scalar A, Scalar B>
HEED_INLINE constexpr auto min(A a, B b) {
  using R = std::common_type_t<A, B>;
  return R(a) < R(b) ? R(a) : R(b);
}

// ---- maximum, minimum: NaN where either operand is. Of whole numbers the same as max and min.
template <class A, class B>
requires SomePack<A, B>
HEED_INLINE auto maximum(A a, B b) {
  using P = pack_among<A, B>;
  if constexpr (std::is_floating_point_v<typename P::element>) return select(P(a) != P(a), P(a), max(P(a), P(b)));
  else return max(a, b);
}
template <class A, class B>
requires SomePack<A, B>
HEED_INLINE auto minimum(A a, B b) {
  using P = pack_among<A, B>;
  if constexpr (std::is_floating_point_v<typename P::element>) return select(P(a) != P(a), P(a), min(P(a), P(b)));
  else return min(a, b);
}
template <Scalar A, Scalar B>
HEED_INLINE constexpr auto maximum(A a, B b) {
  using R = std::common_type_t<A, B>;
  return R(a) > R(b) || a != a ? R(a) : R(b);
}
template <Scalar A, Scalar B>
HEED_INLINE constexpr auto minimum(A a, B b) {
  using R = std::common_type_t<A, B>;
  return R(a) < R(b) || a != a ? R(a) : R(b);
}

// ---- select(condition, where true, where false). Nothing of the operand not taken is seen: NaN does not leak.
template <int Size, int N, class A, class B>
requires SomePack<A, B>
HEED_INLINE auto select(mask<Size, N> c, A a, B b) {
  using P = pack_among<A, B>;
  static_assert(sizeof(typename P::element) == Size && P::lanes == N);
  return P(c.x ? P(a).x : P(b).x);
}
// Two scalars under a mask: a pack of the mask's element size, real if either scalar is.
template <int Size, int N, Scalar A, Scalar B>
HEED_INLINE auto select(mask<Size, N> c, A a, B b) {
  using T =
      std::conditional_t<std::is_floating_point_v<std::common_type_t<A, B>>, real_of_size<Size>, integer_of_size<Size>>;
  return select(c, pack<T, N>(T(a)), pack<T, N>(T(b)));
}
template <int Size, int N>
HEED_INLINE mask<Size, N> select(mask<Size, N> c, mask<Size, N> a, mask<Size, N> b) {
  return (c.x & a.x) | (~c.x & b.x);
}
template <class A, class B>
requires SomePack<A, B>
HEED_INLINE auto select(bool c, A a, B b) {
  using P = pack_among<A, B>;
  return c ? P(a) : P(b);
}
template <int Size, int N>
HEED_INLINE mask<Size, N> select(bool c, mask<Size, N> a, mask<Size, N> b) {
  return c ? a : b;
}
template <Scalar A, Scalar B>
HEED_INLINE constexpr std::common_type_t<A, B> select(bool c, A a, B b) {
  if (c) return a;
  return b;
}

// ---- abs, sqrt (correctly rounded; NaN below 0)
template <class T, int N>
HEED_INLINE pack<T, N> abs(pack<T, N> a) {
  if constexpr (std::is_floating_point_v<T>) {
    using integers = typename pack<T, N>::mask::vector;
    using integer = typename pack<T, N>::mask::integer;
    return (typename pack<T, N>::vector)((integers)a.x & std::numeric_limits<integer>::max());
  } else {
    return a.x < 0 ? -a.x : a.x;
  }
}
template <Scalar T>
HEED_INLINE constexpr T abs(T a) {
  if constexpr (std::is_floating_point_v<T>) return T(__builtin_copysign(a, T(1)));
  else return a < 0 ? T(-a) : a;
}
// g++ has no vector form of sqrt that does not mind errno, so x86 names the instruction.
template <class T, int N>
requires std::floating_point<T>
HEED_INLINE pack<T, N> sqrt(pack<T, N> a) {
  typename pack<T, N>::vector r;
#if defined(__clang__)
  r = __builtin_elementwise_sqrt(a.x);
#else
#if defined(__AVX__)
  if constexpr (sizeof r >= 16 && sizeof r <= vector_bytes) {
    if constexpr (sizeof(T) == 4) asm("vsqrtps %1, %0" : "=v"(r) : "v"(a.x));
    else asm("vsqrtpd %1, %0" : "=v"(r) : "v"(a.x));
    return r;
  }
#elif defined(__SSE2__)
  if constexpr (sizeof r == 16) {
    if constexpr (sizeof(T) == 4) asm("sqrtps %1, %0" : "=x"(r) : "x"(a.x));
    else asm("sqrtpd %1, %0" : "=x"(r) : "x"(a.x));
    return r;
  }
#endif
  for (int i = 0; i < N; ++i) r[i] = std::sqrt(a.x[i]);
#endif
  return r;
}
template <std::floating_point T>
HEED_INLINE T sqrt(T a) {
  return std::sqrt(a);
}

// ---- conversions, lane by lane. To integers: towards zero; undefined lanes where the value does not fit.
template <PackElement To, class From, int N>
HEED_INLINE pack<To, N> convert(pack<From, N> a) {
  if constexpr (std::same_as<To, From>) return a;
#if defined(__AVX512F__) && !defined(__clang__)  // g++ 12 converts 8 of them by halves and puts those together
  else if constexpr (N == 8 && std::same_as<To, double> && std::same_as<From, float>)
    return typename pack<To, N>::vector(__builtin_ia32_cvtps2pd512_mask(a.x, typename pack<To, N>::vector{}, -1, 4));
#endif
  else return __builtin_convertvector(a.x, typename pack<To, N>::vector);
}
template <PackElement To, Scalar From>
HEED_INLINE constexpr To convert(From a) {
  return To(a);
}
// int32 -> float, int64 -> double (rounded to nearest); real arguments are returned as they are.
template <class T, int N>
HEED_INLINE auto to_real(pack<T, N> a) {
  return convert<real_of_size<sizeof(T)>>(a);
}
template <Scalar T>
HEED_INLINE constexpr auto to_real(T a) {
  if constexpr (std::is_floating_point_v<T>) return a;
  else return real_of_size<sizeof(T) <= 4 ? 4 : 8>(a);
}
// float -> int32, double -> int64
template <class T, int N>
HEED_INLINE auto to_integer(pack<T, N> a) {
  return convert<integer_of_size<sizeof(T)>>(a);
}
template <Scalar T>
HEED_INLINE constexpr auto to_integer(T a) {
  return integer_of_size<sizeof(T) <= 4 ? 4 : 8>(a);
}

}  // namespace heed::internal::simd::inline HEED_INSTRUCTION_SET
