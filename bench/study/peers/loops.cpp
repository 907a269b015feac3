// Attention as plain loops: a row of scores, its softmax, the sum of values; and its gradients, in which a row's
// weights are computed again from the log-sum-exp. MASK and SCORE say what a variant changes, in terms of the indices
// h, i, j and the score s; SLOPE is the derivative of SCORE = t, and MORE adds the gradient g of t to `sums`, that of
// `more`. `group` query heads read one key head.
#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

#ifndef REAL  // nobody says what a variant changes: nothing
#define REAL float
#define MASK j <= i
#define SCORE s
#define SLOPE 1
#define MORE (void)0
#define AFTER_ROW (void)0
#define SINK 0
#define OWN 0
#endif

extern "C" void attend(const REAL* q, const REAL* k, const REAL* v, [[maybe_unused]] const REAL* more,
                       [[maybe_unused]] const int* whole, REAL* out, REAL* lse, long heads, long group, long n, long m,
                       long d, long e) {
  const REAL scale = REAL(1) / std::sqrt(REAL(d));
#pragma omp parallel for collapse(2) schedule(dynamic, 16)
  for (long h = 0; h < heads; ++h) {
    for (long i = 0; i < n; ++i) {
      thread_local std::vector<REAL> scores;
      scores.resize(std::size_t(m));
      const REAL* query = q + (h * n + i) * d;
      REAL top = -std::numeric_limits<REAL>::infinity();
      for (long j = 0; j < m; ++j) {
        scores[std::size_t(j)] = -std::numeric_limits<REAL>::infinity();
        if (!(MASK)) continue;
        const REAL* key = k + (h / group * m + j) * d;
        REAL s = 0;
#pragma omp simd reduction(+ : s)
        for (long c = 0; c < d; ++c) s += query[c] * key[c];
        s *= scale;
        s = SCORE;
        scores[std::size_t(j)] = s;
        top = std::max(top, s);
      }
      REAL total = 0;
      if (SINK) top = std::max(top, more[h]), total = std::exp(more[h] - top);
      REAL* row = out + (h * n + i) * e;
      std::fill_n(row, e, REAL(0));
      for (long j = 0; j < m; ++j) {
        if (!(MASK)) continue;
        const REAL weight = std::exp(scores[std::size_t(j)] - top), *value = v + (h / group * m + j) * e;
        total += weight;
        for (long c = 0; c < e; ++c) row[c] += weight * value[c];
      }
      for (long c = 0; c < e; ++c) row[c] /= total;
      if (lse) lse[h * n + i] = top + std::log(total);
    }
  }
}

// A thread has rows of its own, and sums of its own over rows, which it adds to those of others at the end.
extern "C" void differentiate(const REAL* q, const REAL* k, const REAL* v, [[maybe_unused]] const REAL* more,
                              [[maybe_unused]] const int* whole, const REAL* out, const REAL* lse,
                              const REAL* cotangent, REAL* grad_q, REAL* grad_k, REAL* grad_v, REAL* grad_more,
                              long heads, long group, long n, long m, long d, long e, long count) {
  const REAL scale = REAL(1) / std::sqrt(REAL(d));
  std::fill_n(grad_k, heads / group * m * d, REAL(0));
  std::fill_n(grad_v, heads / group * m * e, REAL(0));
  if (grad_more) std::fill_n(grad_more, count, REAL(0));
#pragma omp parallel
  {
    std::vector<REAL> of_keys(std::size_t(m * d)), of_values(std::size_t(m * e));
    std::vector<double> sums(std::size_t(OWN ? count : 0));
    for (long h = 0; h < heads; ++h) {
#pragma omp for schedule(static, 16) nowait
      for (long i = 0; i < n; ++i) {
        const REAL *query = q + (h * n + i) * d, *of_row = cotangent + (h * n + i) * e, *row = out + (h * n + i) * e;
        const REAL log_total = lse[h * n + i];
        REAL* of_query = grad_q + (h * n + i) * d;
        std::fill_n(of_query, d, REAL(0));
        REAL delta = 0;
#pragma omp simd reduction(+ : delta)
        for (long c = 0; c < e; ++c) delta += row[c] * of_row[c];
        if (SINK) sums[std::size_t(h)] -= std::exp(more[h] - log_total) * delta;
        [[maybe_unused]] REAL of_slope = 0;
        for (long j = 0; j < m; ++j) {
          if (!(MASK)) continue;
          const REAL *key = k + (h / group * m + j) * d, *value = v + (h / group * m + j) * e;
          REAL s = 0, reached = 0;
#pragma omp simd reduction(+ : s)
          for (long c = 0; c < d; ++c) s += query[c] * key[c];
#pragma omp simd reduction(+ : reached)
          for (long c = 0; c < e; ++c) reached += of_row[c] * value[c];
          s *= scale;
          const REAL t = SCORE, weight = std::exp(t - log_total);
          const REAL g = weight * (reached - delta);
          MORE;
          const REAL of_score = g * (SLOPE)*scale;
          REAL *to_key = of_keys.data() + j * d, *to_value = of_values.data() + j * e;
          for (long c = 0; c < e; ++c) to_value[c] += weight * of_row[c];
          for (long c = 0; c < d; ++c) of_query[c] += of_score * key[c];
          for (long c = 0; c < d; ++c) to_key[c] += of_score * query[c];
        }
        AFTER_ROW;
      }
      if ((h + 1) % group) continue;
#pragma omp critical
      {
        REAL *to_keys = grad_k + h / group * m * d, *to_values = grad_v + h / group * m * e;
        for (long c = 0; c < m * d; ++c) to_keys[c] += of_keys[std::size_t(c)];
        for (long c = 0; c < m * e; ++c) to_values[c] += of_values[std::size_t(c)];
      }
      std::fill(of_keys.begin(), of_keys.end(), REAL(0));
      std::fill(of_values.begin(), of_values.end(), REAL(0));
    }
#pragma omp critical
    for (std::size_t c = 0; c < sums.size(); ++c) grad_more[c] += REAL(sums[c]);
  }
}
