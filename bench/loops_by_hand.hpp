// What bench/loops.cpp measures loop regions beside: the same attentions as plain loops, as one writes them who knows
// what is dear: heads or rows side by side on the threads, a row of scores at a time, sums that the compiler may take
// in lanes (omp simd), only what a mask leaves. T is what they compute in.
#pragma once
#include <cmath>
#include <heed/heed.hpp>
#include <limits>
#include <vector>

#ifdef __clang__  // what clang cannot take in lanes: a tanh, a maximum of what may be no number
#pragma clang diagnostic ignored "-Wpass-failed"
#endif

namespace heed_bench::by_hand {
using heed::extent_t;

// Queries, keys and values of all heads, (heads, length, width), row by row.
struct sizes {
  extent_t heads, length, width;
};

// Scores of a row become its weights, of which the sum is 1.
template <class T> void softmax(T* row, extent_t count) {
  T largest = -std::numeric_limits<T>::infinity(), sum = 0;
  for (extent_t j = 0; j < count; ++j) largest = row[j] > largest ? row[j] : largest;
  for (extent_t j = 0; j < count; ++j) sum += row[j] = std::exp(row[j] - largest);
  for (extent_t j = 0; j < count; ++j) row[j] /= sum;
}
// to = sum over j of row[j] * v[j]
template <class T> void weigh(const T* row, extent_t count, const float* v, extent_t width, T* sums, float* to) {
  for (extent_t c = 0; c < width; ++c) sums[c] = 0;
  for (extent_t j = 0; j < count; ++j)
    for (extent_t c = 0; c < width; ++c) sums[c] += row[j] * T(v[j * width + c]);
  for (extent_t c = 0; c < width; ++c) to[c] = float(sums[c]);
}
template <class T> T product(const float* a, const float* b, extent_t width) {
  T sum = 0;
#pragma omp simd reduction(+ : sum)
  for (extent_t c = 0; c < width; ++c) sum += T(a[c]) * T(b[c]);
  return sum;
}

// Causal attention whose scores are score(query, key), rows side by side on the threads.
template <class T, class Score>
void attend(const sizes& s, const float* q, const float* k, const float* v, float* o, const Score& score) {
  const extent_t H = s.heads, N = s.length, D = s.width;
#pragma omp parallel
  {
    std::vector<T> row(static_cast<std::size_t>(N)), sums(static_cast<std::size_t>(D));
#pragma omp for schedule(dynamic) collapse(2)
    for (extent_t a = 0; a < H; ++a)
      for (extent_t i = 0; i < N; ++i) {
        for (extent_t j = 0; j <= i; ++j) row[std::size_t(j)] = score(q + (a * N + i) * D, k + (a * N + j) * D);
        softmax(row.data(), i + 1);
        weigh(row.data(), i + 1, v + a * N * D, D, sums.data(), o + (a * N + i) * D);
      }
  }
}

// Additive scores: sum over d of tanh(q + k) w.
template <class T> T additive_score(const float* q, const float* k, const float* w, extent_t width) {
  T sum = 0;
#pragma omp simd reduction(+ : sum)
  for (extent_t c = 0; c < width; ++c) sum += std::tanh(T(q[c]) + T(k[c])) * T(w[c]);
  return sum;
}
template <class T>
void additive(const sizes& s, const float* q, const float* k, const float* w, const float* v, float* o) {
  attend<T>(s, q, k, v, o, [&](const float* a, const float* b) { return additive_score<T>(a, b, w, s.width); });
}
template <class T> void largest_difference(const sizes& s, const float* q, const float* k, const float* v, float* o) {
  attend<T>(s, q, k, v, o, [&](const float* a, const float* b) {
    T most = 0;
#pragma omp simd reduction(max : most)
    for (extent_t c = 0; c < s.width; ++c) {
      const T t = std::abs(T(a[c]) - T(b[c]));
      most = t > most ? t : most;
    }
    return -most;
  });
}
template <class T> void cubed_distance(const sizes& s, const float* q, const float* k, const float* v, float* o) {
  attend<T>(s, q, k, v, o, [&](const float* a, const float* b) {
    T sum = 0;
#pragma omp simd reduction(+ : sum)
    for (extent_t c = 0; c < s.width; ++c) {
      const T t = std::abs(T(a[c]) - T(b[c]));
      sum += t * t * t;
    }
    return -std::cbrt(sum);
  });
}

// The gradients of additive attention: a head a thread, a row at a time, with the tanh of a pair taken again on the way
// back, since all of them are as many as pairs times the width.
template <class T>
void additive_gradients(const sizes& s, const float* q, const float* k, const float* w, const float* v, const float* g,
                        float* dq, float* dk, float* dw, float* dv) {
  const extent_t H = s.heads, N = s.length, D = s.width;
  std::vector<T> all_w(std::size_t(H * D));
#pragma omp parallel for schedule(dynamic)
  for (extent_t a = 0; a < H; ++a) {
    const float* const Q = q + a * N * D;
    const float* const K = k + a * N * D;
    const float* const V = v + a * N * D;
    const float* const G = g + a * N * D;
    std::vector<T> row(static_cast<std::size_t>(N)), slope(row), K_sum(std::size_t(N * D)), V_sum(K_sum),
        Q_sum(static_cast<std::size_t>(D));
    T* const W_sum = all_w.data() + a * D;
    for (extent_t i = 0; i < N; ++i) {
      for (extent_t j = 0; j <= i; ++j) row[std::size_t(j)] = additive_score<T>(Q + i * D, K + j * D, w, D);
      softmax(row.data(), i + 1);
      T mean = 0;
      for (extent_t j = 0; j <= i; ++j) {
        slope[std::size_t(j)] = product<T>(G + i * D, V + j * D, D);
        mean += row[std::size_t(j)] * slope[std::size_t(j)];
        for (extent_t c = 0; c < D; ++c) V_sum[std::size_t(j * D + c)] += row[std::size_t(j)] * T(G[i * D + c]);
      }
      for (extent_t c = 0; c < D; ++c) Q_sum[std::size_t(c)] = 0;
      for (extent_t j = 0; j <= i; ++j) {
        const T ds = row[std::size_t(j)] * (slope[std::size_t(j)] - mean);
#pragma omp simd
        for (extent_t c = 0; c < D; ++c) {
          const T t = std::tanh(T(Q[i * D + c]) + T(K[j * D + c])), back = ds * (1 - t * t) * T(w[c]);
          W_sum[c] += ds * t;
          Q_sum[std::size_t(c)] += back;
          K_sum[std::size_t(j * D + c)] += back;
        }
      }
      for (extent_t c = 0; c < D; ++c) dq[(a * N + i) * D + c] = float(Q_sum[std::size_t(c)]);
    }
    for (extent_t i = 0; i < N * D; ++i)
      dk[a * N * D + i] = float(K_sum[std::size_t(i)]), dv[a * N * D + i] = float(V_sum[std::size_t(i)]);
  }
  for (extent_t c = 0; c < D; ++c) {
    T sum = 0;
    for (extent_t a = 0; a < H; ++a) sum += all_w[std::size_t(a * D + c)];
    dw[c] = float(sum);
  }
}

// Selective attention: what earlier queries (itself included, of keys before it) have masked of a key is subtracted.
template <class T> void selective(const sizes& s, const float* q, const float* k, const float* v, float* o) {
  const extent_t H = s.heads, N = s.length, D = s.width;
#pragma omp parallel for schedule(dynamic)
  for (extent_t a = 0; a < H; ++a) {
    std::vector<T> masked(static_cast<std::size_t>(N)), row(masked), sums(static_cast<std::size_t>(D));
    for (extent_t i = 0; i < N; ++i) {
      for (extent_t j = 0; j <= i; ++j) {
        const std::size_t at = std::size_t(j);
        const T score = product<T>(q + (a * N + i) * D, k + (a * N + j) * D, D) / std::sqrt(T(D));
        if (j < i) masked[at] += score > 0 ? score : 0;
        row[at] = score - masked[at];
      }
      softmax(row.data(), i + 1);
      weigh(row.data(), i + 1, v + a * N * D, D, sums.data(), o + (a * N + i) * D);
    }
  }
}

}  // namespace heed_bench::by_hand
