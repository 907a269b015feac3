// Attention with Eigen: for blocks of 64 queries of a head all scores, MASK and SCORE as in loops.cpp, their softmax,
// the product with the values; gradients from the same blocks, with SLOPE and MORE as there. Threads share the blocks.
// -ffast-math lets Eigen's exp be what it is; absent pairs have a weight that is set to 0.
#include <eigen3/Eigen/Dense>
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
#define VARIES 0
#endif

using matrix = Eigen::Matrix<REAL, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;
using view = Eigen::Map<const matrix>;

constexpr long block = 64;
constexpr REAL low = -std::numeric_limits<REAL>::max();

extern "C" void attend(const REAL* q, const REAL* k, const REAL* v, [[maybe_unused]] const REAL* more,
                       [[maybe_unused]] const int* whole, REAL* out, REAL* lse, long heads, long group, long n, long m,
                       long d, long e) {
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
        total += scores.row(r).sum();
        scores.row(r) /= total;
        if (lse) lse[h * n + i] = top + std::log(total);
      }
      Eigen::Map<matrix>(out + (h * n + first) * e, rows, e).noalias() = scores * values;
    }
  }
}

// A thread has blocks of its own, and sums of its own over rows, which it adds to those of others at the end.
extern "C" void differentiate(const REAL* q, const REAL* k, const REAL* v, [[maybe_unused]] const REAL* more,
                              [[maybe_unused]] const int* whole, const REAL* out, const REAL* lse,
                              const REAL* cotangent, REAL* grad_q, REAL* grad_k, REAL* grad_v, REAL* grad_more,
                              long heads, long group, long n, long m, long d, long e, long count) {
  using column = Eigen::Matrix<REAL, Eigen::Dynamic, 1>;
  const REAL scale = REAL(1) / std::sqrt(REAL(d));
  std::fill_n(grad_k, heads / group * m * d, REAL(0));
  std::fill_n(grad_v, heads / group * m * e, REAL(0));
  if (grad_more) std::fill_n(grad_more, count, REAL(0));
#pragma omp parallel
  {
    matrix of_keys = matrix::Zero(m, d), of_values = matrix::Zero(m, e);
    std::vector<double> sums(std::size_t(OWN ? count : 0));
    for (long h = 0; h < heads; ++h) {
      const long kv = h / group;
#pragma omp for schedule(static, 1) nowait
      for (long first = 0; first < n; first += block) {
        const long rows = std::min(block, n - first);
        const view queries(q + (h * n + first) * d, rows, d), keys(k + kv * m * d, m, d), values(v + kv * m * e, m, e);
        const view result(out + (h * n + first) * e, rows, e), reached(cotangent + (h * n + first) * e, rows, e);
        const Eigen::Map<const column> log_totals(lse + h * n + first, rows);
        const column deltas = result.cwiseProduct(reached).rowwise().sum();
        matrix scores = (queries * keys.transpose()) * scale;
        for (long r = 0; r < rows; ++r) {
          const long i = first + r;
          if (SINK) sums[std::size_t(h)] -= std::exp(more[h] - log_totals(r)) * deltas(r);
          for (long j = 0; j < m; ++j) {
            [[maybe_unused]] const REAL s = scores(r, j);
            scores(r, j) = (MASK) ? SCORE : low;
          }
          (void)i;
        }
        matrix weights = (scores.array() <= low / 2).select(REAL(0), (scores.colwise() - log_totals).array().exp());
        matrix of_scores = reached * values.transpose();
        of_scores = weights.array() * (of_scores.colwise() - deltas).array();
        for (long r = 0; VARIES && r < rows; ++r) {
          const long i = first + r;
          [[maybe_unused]] REAL of_slope = 0;
          for (long j = 0; j < m; ++j) {
            if (!(MASK)) continue;
            [[maybe_unused]] const REAL t = scores(r, j), g = of_scores(r, j);
            MORE;
            of_scores(r, j) = g * (SLOPE);
          }
          AFTER_ROW;
          (void)i;
        }
        Eigen::Map<matrix> of_queries(grad_q + (h * n + first) * d, rows, d);
        of_queries.noalias() = of_scores * keys * scale;
        of_keys.noalias() += of_scores.transpose() * queries * scale;
        of_values.noalias() += weights.transpose() * reached;
      }
      if ((h + 1) % group) continue;
#pragma omp critical
      {
        Eigen::Map<matrix>(grad_k + kv * m * d, m, d) += of_keys;
        Eigen::Map<matrix>(grad_v + kv * m * e, m, e) += of_values;
      }
      of_keys.setZero(), of_values.setZero();
    }
#pragma omp critical
    for (std::size_t c = 0; c < sums.size(); ++c) grad_more[c] += REAL(sums[c]);
  }
}
