// Attention as plain loops: a row of scores, its softmax, the sum of values. MASK and SCORE say what a variant changes,
// in terms of the indices h, i, j and the score s; `group` query heads read one key head.
#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

extern "C" void attend(const REAL* q, const REAL* k, const REAL* v, [[maybe_unused]] const REAL* more,
                       [[maybe_unused]] const int* whole, REAL* out, long heads, long group, long n, long m, long d,
                       long e) {
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
    }
  }
}
