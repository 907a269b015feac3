// Runs a plan element by element in double, with nothing of the kernels: what a region means, spelled out. Against the
// oracle (run::reference_graph) it tells whether the passes kept the meaning of a graph.
#pragma once
#include "heed/plan/passes/make_plan.hpp"
#include "heed/call/oracle/reference_graph.hpp"
#include "row_statistics.hpp"
#include <map>

namespace heed_tests {
using namespace heed;
using namespace heed::internal;
using namespace heed::internal::plan;
using index_array = run::reference_graph::extents;

class plan_interpreter {
 public:
  plan_interpreter(const execution_plan& p, const index_array& extent, const run::view* inputs)
      : p_(p),
        extent_(extent),
        oracle_(p.g, extent, inputs) {
    for (int i = 1; i < p.g.size; ++i)
      if (p.g[i].code == op::input) oracle_[i];
    for (int i = 0; i < p.region_count; ++i) {
      outline_ = &p.regions[i];
      run_region(lowered(p, i));
    }
  }

  // The value of a located node at an index by axis number of the plan's graph.
  double located(int i, index_array index) const {
    for (;;) {
      const node& x = p_.g[i];
      if (x.code == op::input) return oracle_.at(i, index);
      if (const auto v = values_.find(i); v != values_.end()) return v->second.at(key(x.axes, index));
      if (!is_view(x.code))
        throw std::logic_error("a region reads node " + std::to_string(i) + " before it is written");
      const std::size_t first = std::size_t(x.first), second = std::size_t(x.second), third = std::size_t(x.third);
      if (x.code == op::rename) index[first] = index[second];
      if (x.code == op::split) index[first] = index[second] * extent_[third] + index[third];
      if (x.code == op::merge)
        index[second] = index[first] / extent_[third], index[third] = index[first] % extent_[third];
      if (x.code == op::slice) index[first] = index[second] + extent_t(x.value);
      if (x.code == op::pick) index[first] = extent_t(x.value);
      i = x.a;
    }
  }
  template <class F> void each(axis_set axes, const F& f) const { oracle_.each(axes, f); }

 private:
  extent_t key(axis_set axes, const index_array& index) const {
    extent_t k = 0;
    for (std::size_t i = 0; axes >> i; ++i)
      if (axes >> i & 1) k = k * extent_[i] + index[i];
    return k;
  }

  double eval(const region& r, int i, const index_array& index, double tile) const {
    const instruction& x = r.code[i];
    const auto a = [&] { return eval(r, x.a, index, tile); };
    const auto b = [&] { return eval(r, x.b, index, tile); };
    switch (x.code) {
      case op::load: return read(x.operand, index);
      case op::gather: {
        index_array at = index;
        const double want = a(), top = double(extent_[std::size_t(x.axis)] - 1);
        at[std::size_t(x.axis)] = extent_t(want < 0 ? 0 : want > top ? top : want);
        return read(x.operand, at);
      }
      case op::index: return double(index[std::size_t(x.axis)]);
      case op::size: return double(extent_[std::size_t(x.axis)]);
      case op::constant: return x.value;
      case op::tile:
        return x.operand == 0   ? tile
               : x.operand == 1 ? tile1_
               : x.operand == 2 ? weight(r, index, tile)
                                : term(r, x.operand, index);
      case op::cast: return is_real(x.type) ? a() : std::trunc(a());
      case op::sum:
      case op::max:
      case op::min: {
        double v = x.code == op::sum ? 0 : x.code == op::max ? -INFINITY : INFINITY;
        index_array at = index;
        oracle_.each(x.over, [&](const index_array& along) {
          for (std::size_t k = 0; x.over >> k; ++k)
            if (x.over >> k & 1) at[k] = along[k];
          const double e = eval(r, x.a, at, tile);
          v = x.code == op::sum ? v + e : x.code == op::max ? (e > v || e != e ? e : v) : (e < v || e != e ? e : v);
        });
        return v;
      }
      case op::kth_largest:
      case op::entmax_threshold: {
        std::vector<double> row;
        index_array at = index;
        const std::size_t axis = std::size_t(std::countr_zero(x.over));
        for (at[axis] = 0; at[axis] < extent_[axis]; ++at[axis]) row.push_back(eval(r, x.a, at, tile));
        return statistic_of(x.code, row, x.b ? b() : x.value);
      }
      case op::running_sum: {
        double v = 0;
        index_array at = index;
        const std::size_t axis = std::size_t(std::countr_zero(x.over));
        const extent_t here = index[axis], first = x.value == 0 ? 0 : here,
                       last = x.value == 0 ? here : extent_[axis] - 1;
        for (at[axis] = first; at[axis] <= last; ++at[axis])
          v += r.kind == region_kind::score_gradient || r.kind == region_kind::score
                   ? at_pair(r, at, [&](double here) { return eval(r, x.a, at, here); })
                   : eval(r, x.a, at, tile);
        return v;
      }
      case op::primitive: return run::primitive_number(*r.primitives[std::size_t(x.value)], a(), x.b ? b() : 0);
      case op::where: return a() != 0 ? b() : eval(r, x.c, index, tile);
      default: {
        if (!is_pointwise(x.code)) throw std::logic_error("a program holds an operation that kernels do not know");
        return run::number_of(x.code, a(), x.b ? b() : 0, x.c ? eval(r, x.c, index, tile) : 0, x.value);
      }
    }
  }

  static double contracted(contraction_kind kind, double row, double column) {
    const double difference = row - column;
    return kind == contraction_kind::product              ? row * column
           : kind == contraction_kind::squared_difference ? difference * difference
                                                          : std::fabs(difference);
  }
  double contracted(const region& r, index_array index) const {
    double v = 0;
    if (!plan::contracts(r)) return v;
    oracle_.each(set_of(r.depth), [&](const index_array& along) {
      for (int k = 0; k < r.depth.count; ++k) index[std::size_t(r.depth[k])] = along[std::size_t(r.depth[k])];
      v += contracted(r.tile.kind, read(r.tile.row_operand, index), read(r.tile.column_operand, index));
    });
    return v;
  }
  double term(const region& r, int tile, index_array index) const {
    const plan::term& t = r.terms[tile - plan::first_term];
    double v = 0;
    if (t.index) index[std::size_t(t.table)] = entry(r, t.index, t.table, index);
    for (extent_t i = 0; i < extent_[std::size_t(t.depth)]; ++i) {
      index[std::size_t(t.depth)] = i;
      v += contracted(t.kind, read(t.row_operand, index), read(t.column_operand, index));
    }
    return v * (t.scale ? eval(r, t.scale, index, 0) : 1);
  }
  extent_t entry(const region& r, int at, int table, const index_array& index) const {
    return std::clamp<extent_t>(extent_t(eval(r, at, index, 0)), 0,
                                std::max<extent_t>(extent_[std::size_t(table)] - 1, 0));
  }
  double read(int operand, const index_array& index) const { return located(outline_->reads[operand], index); }
  std::map<extent_t, double>& written(int output) { return values_[outline_->writes[output].value]; }
  void store(const region& r, int output, const index_array& index, double v) {
    written(output)[key(r.outputs[output].axes, index)] = v;
  }

  void run_region(const region& r) {
    if (!computable(r)) throw std::logic_error("a region holds what its kernel cannot compute");
    if (r.operands.count == 1 && outline_->reads[0] == outline_->writes[0].value)
      return;  // a copy: its value lies somewhere
    for (int k = 0; k < r.outputs.count; ++k) written(k);
    if (r.kind == region_kind::score) {
      run_score(r);
      return;
    }
    if (r.kind == region_kind::score_gradient) {
      run_score_gradient(r);
      return;
    }
    if (r.scatter.index) {
      run_scatter(r);
      return;
    }
    const output& o = r.outputs[0];
    std::map<extent_t, double> to;
    oracle_.each(o.axes, [&](const index_array& index) {
      const double tile = r.kind == region_kind::matmul ? contracted(r, index) : 0;
      to[key(o.axes, index)] = eval(r, o.result, index, tile);
    });
    written(0) = to;
  }

  void run_scatter(const region& r) {
    const output& o = r.outputs[0];
    const std::size_t table = std::size_t(r.depth[0]);
    oracle_.each(o.axes, [&](const index_array& index) { store(r, 0, index, 0); });
    oracle_.each(set_of(r.rows), [&](const index_array& row) {
      oracle_.each(set_of(r.columns), [&](const index_array& along) {
        index_array from = row;
        for (int k = 0; k < r.columns.count; ++k) from[std::size_t(r.columns[k])] = along[std::size_t(r.columns[k])];
        const double want = eval(r, r.scatter.index, from, 0), last = double(extent_[table] - 1);
        index_array into = row;
        into[table] = extent_t(want < 0 ? 0 : want > last ? last : want);
        written(0)[key(o.axes, into)] += eval(r, o.result, from, 0);
      });
    });
  }
  void run_score(const region& r) {
    const axis_set rows = set_of(r.batch) | set_of(r.rows), column = set_of(r.columns), width = set_of(r.width);
    const double ln2 = 0.6931471805599453;
    oracle_.each(rows, [&](const index_array& row) {
      std::vector<double> score, kept;
      double top = -INFINITY, total = 0;
      oracle_.each(column, [&](const index_array& along) {
        index_array at = row;
        at[std::size_t(r.columns[0])] = along[std::size_t(r.columns[0])];
        const double tile = contracted(r, at) * (r.pair.scale ? eval(r, r.pair.scale, at, 0) : 1);
        const bool keep = !r.pair.keep || eval(r, r.pair.keep, at, tile) != 0;
        score.push_back(keep ? eval(r, r.pair.score, at, tile) * ln2 : 0);
        kept.push_back(keep);
        if (keep && score.back() > top) top = score.back();
      });
      const double shift = top == -INFINITY ? 0 : top;
      for (std::size_t i = 0; i < score.size(); ++i)
        if (kept[i] != 0) total += std::exp(score[i] - shift);
      if (r.score.log_sum_exp >= 0) store(r, r.score.log_sum_exp, row, shift + std::log(total));
      if (r.score.maximum >= 0) store(r, r.score.maximum, row, top);
      if (r.score.weighted < 0) return;
      oracle_.each(width, [&](const index_array& along) {
        index_array at = row;
        for (int k = 0; k < r.width.count; ++k) at[std::size_t(r.width[k])] = along[std::size_t(r.width[k])];
        double v = 0;
        for (std::size_t i = 0; i < score.size(); ++i) {
          at[std::size_t(r.columns[0])] = extent_t(i);
          if (kept[i] != 0) v += std::exp(score[i] - shift) / total * read(r.score.values, at);
        }
        store(r, r.score.weighted, at, v);
      });
    });
  }

  // f of the contraction at a pair that a region counts, with a score-gradient region's other one at hand; 0 if it does
  // not.
  template <class F> double at_pair(const region& r, const index_array& at, const F& f) const {
    const double tile = contracted(r, at) * (r.pair.scale ? eval(r, r.pair.scale, at, 0) : 1), before = tile1_;
    if (r.pair.keep && eval(r, r.pair.keep, at, tile) == 0) return 0;
    tile1_ = 0;
    if (r.gradient.cotangents >= 0)
      oracle_.each(set_of(r.width), [&](const index_array& along) {
        index_array there = at;
        there[std::size_t(r.width[0])] = along[std::size_t(r.width[0])];
        tile1_ += read(r.gradient.cotangents, there) * read(r.gradient.values, there);
      });
    const double value = f(tile);
    tile1_ = before;
    return value;
  }
  // Of a score-gradient region, at a pair.
  double weight(const region& r, const index_array& at, double tile) const {
    return std::exp2(eval(r, r.pair.score, at, tile) - read(r.gradient.log_sum_exp, at) * 1.4426950408889634074);
  }
  static double statistic_of(op code, const std::vector<double>& row, double told) {
    return code == op::kth_largest ? kth_largest_of(row, told) : entmax_threshold_of(row, told);
  }

  void run_score_gradient(const region& r) {
    const axis_set pairs = set_of(r.batch) | set_of(r.rows) | set_of(r.columns);
    seen_.clear();
    for (int k = 0; k < r.outputs.count; ++k)
      oracle_.each(r.outputs[k].axes, [&](const index_array& index) {
        store(r, k, index, 0);
        const sink& s = r.gradient.sinks[k];
        if (s.kind != sink_kind::row_statistic) return;
        const std::pair<int, extent_t> row{k, key(r.outputs[k].axes, index)};
        seen_[row] = {}, told_[row] = s.rank < 0 ? s.told : read(s.rank, index);
      });
    oracle_.each(pairs, [&](const index_array& at) {
      at_pair(r, at, [&](double tile) { return add_to_sinks(r, at, tile), 0.; });
    });
    for (const auto& [row, elements] : seen_) {
      const sink& s = r.gradient.sinks[row.first];
      written(row.first)[row.second] = statistic_of(s.statistic, elements, told_.at(row));
    }
  }
  void add_to_sinks(const region& r, const index_array& at, double tile) {
    const axis_set pairs = set_of(r.batch) | set_of(r.rows) | set_of(r.columns);
    for (int k = 0; k < r.outputs.count; ++k) {
      const sink& s = r.gradient.sinks[k];
      const output& o = r.outputs[k];
      if (s.kind == sink_kind::row_statistic) {
        seen_[{k, key(o.axes, at)}].push_back(eval(r, s.pair, at, tile));
        continue;
      }
      const double value = s.factor * (s.scale ? eval(r, s.scale, at, tile) : 1) * eval(r, s.pair, at, tile);
      const extent_t entry = s.index ? extent_t(eval(r, s.index, at, tile)) : 0,
                     last = s.index ? extent_[std::size_t(s.table)] - 1 : 0;
      oracle_.each(o.axes & ~pairs, [&](const index_array& along) {
        if (s.index && (o.axes >> s.table & 1) && along[std::size_t(s.table)] != std::clamp<extent_t>(entry, 0, last))
          return;
        index_array there = at;
        for (std::size_t i = 0; o.axes >> i; ++i)
          if ((o.axes & ~pairs) >> i & 1) there[i] = along[i];
        if (s.kind == sink_kind::skewed_row_product) there[std::size_t(s.table)] = std::clamp<extent_t>(entry, 0, last);
        const double other = s.other < 0 ? 1 : read(s.other, there), less = s.own < 0 ? 0 : read(s.own, there);
        const bool sign = s.slope == contraction_kind::absolute_difference;
        written(k)[key(o.axes, there)] +=
            value * (sign ? run::number_of(op::sign, other - less, 0, 0, 0) : other - less);
      });
    }
  }

  mutable double tile1_ = 0;
  std::map<std::pair<int, extent_t>, std::vector<double>> seen_;  // by rows that have a statistic
  std::map<std::pair<int, extent_t>, double> told_;               // ... and of what
  const execution_plan& p_;
  const outline* outline_ = nullptr;  // of the region that runs
  const index_array& extent_;
  run::reference_graph oracle_;
  std::map<int, std::map<extent_t, double>> values_;
};

}  // namespace heed_tests
