// Attention with Eigen: for blocks of 64 queries of a head all scores, MASK and SCORE as in loops.cpp, their softmax,
// the product with the values. Threads share the blocks. -ffast-math lets Eigen's exp be what it is; absent pairs have
// a weight that is set to 0.
#include <Eigen/Dense>
#include <algorithm>
#include <cmath>
#include <limits>

using matrix = Eigen::Matrix<REAL, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;
using view = Eigen::Map<const matrix>;

extern "C" void attend(const REAL* q, const REAL* k, const REAL* v, [[maybe_unused]] const REAL* more,
                       [[maybe_unused]] const int* whole, REAL* out, long heads, long group, long n, long m, long d,
                       long e) {
  constexpr long block = 64;
  constexpr REAL low = -std::numeric_limits<REAL>::max();
  const REAL scale = REAL(1) / std::sqrt(REAL(d));
#pragma omp parallel for collapse(2) schedule(dynamic)
  for (long h = 0; h < heads; ++h) {
    for (long first = 0; first < n; first += block) {
      const long rows = std::min(block, n - first), kv = h / group;
      const view queries(q + (h * n + first) * d, rows, d), keys(k + kv * m * d, m, d), values(v + kv * m * e, m, e);
      matrix scores = (queries * keys.transpose()) * scale;
      for (long r = 0; r < rows; ++r) {
        const long i = first + r;
        for (long j = 0; j < m; ++j) {
          [[maybe_unused]] const REAL s = scores(r, j);
          scores(r, j) = (MASK) ? SCORE : low;
        }
        REAL top = scores.row(r).maxCoeff(), total = 0;
        if (SINK) top = std::max(top, more[h]), total = std::exp(more[h] - top);
        scores.row(r) = (scores.row(r).array() <= low / 2).select(REAL(0), (scores.row(r).array() - top).exp());
        scores.row(r) /= total + scores.row(r).sum();
        (void)i;
      }
      Eigen::Map<matrix>(out + (h * n + first) * e, rows, e).noalias() = scores * values;
    }
  }
}
