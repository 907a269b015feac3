// What became of a graph, as text: its regions in the order in which they run, what each computes and reads, tile
// sizes, and for given extents the arithmetic, the memory traffic and how a mask falls on the tiles.
#pragma once
#include "../call/places.hpp"
#include "../plan/passes/make_plan.hpp"
#include "../simd/tile.hpp"
#include "text.hpp"
#include "tiles.hpp"

namespace heed::internal::show::inline HEED_INSTRUCTION_SET {

inline double elements(const extent_table& extents, axis_set axes) {
  double count = 1;
  for (std::size_t i = 0; axes >> i; ++i)
    if (axes >> i & 1) count *= double(extents[i]);
  return count;
}
// 1234567 bytes as "1.18 MiB", 3.1e9 flops as "3.10 Gflop".
inline std::string scaled_text(double v, double base, const char* const (&units)[5]) {
  int i = 0;
  for (; i < 4 && v >= base; ++i) v /= base;
  char s[48];
  std::snprintf(s, sizeof s, i ? "%.2f %s" : "%.0f %s", v, units[i]);
  return s;
}
inline std::string bytes_text(double v) {
  static constexpr const char* units[] = {"bytes", "KiB", "MiB", "GiB", "TiB"};
  return scaled_text(v, 1024, units);
}
inline std::string flops_text(double v) {
  static constexpr const char* units[] = {"flop", "kflop", "Mflop", "Gflop", "Tflop"};
  return scaled_text(v, 1000, units);
}

// Pointwise operations a program costs for one element of each role; transcendental functions count as one.
inline double program_cost(const region& loops, const extent_table& extents) {
  double n = 0;
  for (int i = 1; i < loops.code.size; ++i) {
    const instruction& x = loops.code[i];
    if (!is_leaf(x.code) && x.code != op::load && x.code != op::tile) n += elements(extents, x.axes | x.over);
  }
  return n;
}
// What a score-gradient region makes of a pairwise value.
inline std::string sink_text(const printed_region& of, int k) {
  const sink& s = of.loops.gradient.sinks[k];
  const std::string pair = instruction_text(of, s.pair), over = axes_text(of.plan.g, [&] {
                                                           axis_list l;
                                                           for (int i = 0; i < max_axes; ++i)
                                                             if (s.over >> i & 1) l.add(i);
                                                           return l;
                                                         }());
  const std::string factor = s.factor == 1 ? std::string() : number(s.factor) + " * ",
                    scale = s.scale ? instruction_text(of, s.scale, 5) + " * " : std::string();
  if (s.kind == sink_kind::row_statistic)
    return std::string(name_of(s.statistic)) + "<" + over + ">(" + pair + told(s.statistic, s.told) +
           (s.rank < 0 ? std::string() : ", " + of.operand_name(s.rank)) + ")";
  const std::string at = s.index ? axis_name(of.plan.g, s.table) + " = " + instruction_text(of, s.index) : "";
  if (s.kind == sink_kind::skewed_row_product)
    return factor + scale + "dot<" + over + ">(" + pair + ", " + of.operand_name(s.other) + " at " + at + ")";
  if (s.other >= 0 && s.own >= 0) {
    const std::string difference = of.operand_name(s.other) + " - " + of.operand_name(s.own);
    return factor + scale + "dot<" + over + ">(" + pair + ", " +
           (s.slope == contraction_kind::absolute_difference ? "sign(" + difference + ")" : difference) + ")";
  }
  if (s.other >= 0)
    return factor + scale + "dot<" + over + ">(" + pair + ", " + of.operand_name(s.other) + ")" +
           (s.index ? " at " + at : "");
  if (s.index) return factor + scale + "sum<" + over + ">(" + pair + ") at " + at;
  return factor + scale + (s.over ? "sum<" + over + ">(" + pair + ")" : "(" + pair + ")");
}
// Every operation of the region, as if no tile were empty.
inline double region_flops(const region& loops, const extent_table& extents) {
  const axis_set tile = set_of(loops.batch) | set_of(loops.rows) | set_of(loops.columns);
  const auto per_element = [](contraction_kind k) { return k == contraction_kind::product ? 2 : 3; };
  double n = program_cost(loops, extents);
  if ((loops.kind == region_kind::score || loops.kind == region_kind::matmul) && contracts(loops))
    n += per_element(loops.tile.kind) * elements(extents, tile | set_of(loops.depth));
  for (const term& t : loops.terms) n += per_element(t.kind) * elements(extents, tile | bit(t.depth));
  if (loops.kind == region_kind::score && loops.score.values >= 0)
    n += 2 * elements(extents, tile | set_of(loops.width));
  if (loops.scatter.index) n += elements(extents, set_of(loops.rows) | set_of(loops.columns));
  if (loops.kind == region_kind::score_gradient) {
    n += (contracts(loops) ? per_element(loops.tile.kind) * elements(extents, tile | set_of(loops.depth)) : 0) +
         (loops.gradient.values >= 0 ? 2 * elements(extents, tile | set_of(loops.width)) : 0);
    for (int k = 0; k < loops.outputs.count; ++k) {
      const sink& s = loops.gradient.sinks[k];
      const axis_set entries = s.index ? bit(s.table) : axis_set(0);
      n += s.other < 0 ? elements(extents, tile)
                       : per_element(s.slope) * elements(extents, tile | (loops.operands[s.other].axes & ~entries));
    }
  }
  return n;
}
inline double region_bytes(const region& loops, const extent_table& extents) {
  double n = 0;
  for (int k = 0; k < loops.operands.count; ++k)
    n += elements(extents, loops.operands[k].axes) * byte_size(loops.operands[k].type);
  for (int k = 0; k < loops.outputs.count; ++k)
    n += elements(extents, loops.outputs[k].axes) * byte_size(loops.outputs[k].type);
  return n;
}

// Does a contraction beside the first read operand k, along the rows or along the columns?
inline bool is_of_term(const region& loops, int k, bool rows) {
  for (const term& t : loops.terms)
    if (k == (rows ? t.row_operand : t.column_operand)) return true;
  return false;
}
// A table that is read at the distance of rows and columns.
inline bool is_skewed_table(const region& loops, int k) {
  for (const term& t : loops.terms)
    if (is_skewed(t) && t.column_operand == k) return true;
  for (const sink& s : loops.gradient.sinks)
    if (s.kind == sink_kind::skewed_row_product && s.other == k) return true;
  return false;
}
// What a score-gradient region does with an operand besides reading it in its program, if anything.
inline std::string how_gradient_reads(const region& loops, int k) {
  if (k == loops.tile.row_operand || k == loops.gradient.cotangents || is_of_term(loops, k, true))
    return "transposed into lanes once per block of rows, and as it is in outer products";
  if (k == loops.tile.column_operand || k == loops.gradient.values || is_of_term(loops, k, false))
    return "broadcast in place, once per block of rows";
  if (k == loops.gradient.log_sum_exp) return "log-sum-exp of the scores, per row";
  for (int i = 0; i < loops.outputs.count; ++i)
    if (loops.gradient.sinks[i].other == k)
      return loops.gradient.sinks[i].kind == sink_kind::row_product ? "broadcast in place, once per block of rows"
                                                                    : "in outer products";
  return {};
}
inline std::string how_read(const region& loops, int k) {
  if (is_skewed_table(loops, k))
    return "table, read at a distance: contracted once a block of rows, seen along diagonals";
  if (loops.kind == region_kind::score_gradient)
    if (const std::string how = how_gradient_reads(loops, k); !how.empty()) return how;
  const bool score = loops.kind == region_kind::score;
  if (k == loops.tile.row_operand || is_of_term(loops, k, true))
    return score ? "queries: transposed into lanes once per block of rows" : "broadcast row by row, in place";
  if (k == loops.tile.column_operand || is_of_term(loops, k, false))
    return score ? k == loops.tile.column_operand && loops.score.keys_staged
                       ? "keys: broadcast, once per block of rows, from a staged chunk"
                       : "keys: broadcast in place, once per block of rows"
                 : "packed once per call into panels, columns in lanes";
  if (k == loops.score.values)
    return loops.score.values_staged ? "values: broadcast, once per block of rows, from a staged chunk"
                                     : "values: broadcast in place, once per block of rows";
  for (int i = 1; i < loops.code.size; ++i) {
    const instruction& x = loops.code[i];
    if (x.operand != k || (x.code != op::load && x.code != op::gather)) continue;
    std::string how = x.code == op::gather ? "table, read at a computed index, " : "";
    return how + (loops.kind == region_kind::loop ? "element by element" : name_of(x.where));
  }
  return "unused";
}

// A region of a call that is looked at.
struct looked_region {
  region loops;
  std::vector<run::view> operands;  // by operand number; data is null where nothing is bound
  tile_counter count_tiles;         // nullptr where no tile is known before its scores are
};

// How the mask of a score region falls on its tiles.
struct mask_report {
  std::string text;
  double visited = 1;  // the share of tiles that are not empty
};
// Counted where everything that the mask reads is bound; else what would have to be, each operand once.
inline mask_report explain_mask(const printed_region& of, const extent_table& extents, const looked_region& look,
                                int rows, int columns) {
  const graph& g = of.plan.g;
  if (!look.count_tiles) return {"decided score by score: it reads the score itself", 1};
  std::string wanted;  // the operands behind what is missing, each once
  bool bindable = true;
  for (const int k : missing_of_mask(of.loops, look.operands)) {
    node_id i = of.outline().reads[k];
    while (is_view(g[i].code)) i = g[i].a;
    bindable = bindable && g[i].code == op::input;
    if (const std::string name = operand_text(of.plan, i);
        (", " + wanted + ",").find(", " + name + ",") == std::string::npos)
      wanted += (wanted.empty() ? "" : ", ") + name;
  }
  if (!wanted.empty())
    return {"depends on the values of " + wanted +
                (bindable ? ": bind them, as in explain<out>(name = operand), and its tiles are counted" : ""),
            1};
  const tile_counts n = look.count_tiles(extents, look.operands);
  const auto part = [&](double x, const char* what) {
    return number(x) + " (" + number(std::round(1000 * x / n.all()) / 10) + " %) " + what;
  };
  if (n.all() == 0) return {"no tiles", 1};
  return {number(n.all()) + " tiles of " + std::to_string(rows) + " x " + std::to_string(columns) + ": " +
              part(n.empty, "empty, skipped; ") + part(n.full, "full, without mask code; ") + part(n.mixed, "mixed"),
          (n.full + n.mixed) / n.all()};
}

// Lines of text, a subject in front of each.
struct report {
  std::string text;
  void line(const char* what, const std::string& about) {
    if (about.empty()) return;
    std::string subject = what;
    subject.resize(12, ' ');
    text += "  " + subject + about + "\n";
  }
};
constexpr bool has_scores(const region& loops) {
  return loops.kind == region_kind::score || loops.kind == region_kind::score_gradient;
}
// What output k is; "grad(q) = " before it where it is such a result.
inline std::string named_output(const printed_region& of, int k, const std::string& what) {
  const std::string name = k < 0 ? std::string() : result_name(of.plan, of.outline().writes[k].into);
  return name.empty() ? what : name + " = " + what;
}

inline void explain_axes(report& to, const printed_region& of) {
  const region& loops = of.loops;
  const graph& g = of.plan.g;
  to.line("batch", axes_text(g, loops.batch));
  to.line("rows", axes_text(g, loops.rows));
  to.line(loops.kind == region_kind::row ? "along"
          : loops.scatter.index          ? "sums"
                                         : "columns",
          axes_text(g, loops.columns));
  axis_list depth = loops.depth;
  for (const term& t : loops.terms)
    if (!depth.contains(t.depth)) depth.add(t.depth);
  if (!loops.scatter.index) to.line("contracts", axes_text(g, depth));
  to.line("width", axes_text(g, loops.width));
}
// How much a kernel has in registers, from its own constants.
inline void explain_tiles(report& to, const printed_region& of, int lane_count) {
  const region& loops = of.loops;
  const graph& g = of.plan.g;
  if (has_scores(loops))
    to.line("tiles", std::to_string(simd::vectors * lane_count) + " rows x " + std::to_string(simd::group) +
                         " columns in registers");
  if (loops.kind == region_kind::matmul)
    to.line("tiles", std::to_string(simd::group) + " rows x " + std::to_string(simd::vectors * lane_count) +
                         " columns in registers");
  if (loops.kind == region_kind::row)
    to.line("lanes", loops.row.lanes_along      ? "along " + axes_text(g, loops.columns)
                     : loops.row.lane_axis >= 0 ? "across " + axis_text(g, loops.row.lane_axis)
                                                : "one");
}
// What a region makes of its pairs: the contractions, the score and its mask, what comes out.
inline void explain_scores(report& to, const printed_region& of) {
  const region& loops = of.loops;
  const graph& g = of.plan.g;
  const auto contraction_text = [&](instruction_id scale, const std::string& depth, int rows, int columns,
                                    contraction_kind kind, const std::string& at = {}) {
    return (scale ? instruction_text(of, scale, 5) + " * " : std::string()) + contraction_name(kind) + "<" + depth +
           ">(" + of.operand_name(rows) + ", " + of.operand_name(columns) + at + ")";
  };
  if (contracts(loops))
    to.line("tile", contraction_text(loops.pair.scale, axes_text(g, loops.depth), loops.tile.row_operand,
                                     loops.tile.column_operand, loops.tile.kind));
  for (int i = 0; i < loops.terms.count; ++i) {
    const term& t = loops.terms[i];
    const std::string at =
        is_skewed(t) ? " at " + axis_name(g, t.table) + " = " + instruction_text(of, t.index) : std::string();
    to.line(("term" + std::to_string(i + 1)).c_str(),
            contraction_text(t.scale, axis_text(g, t.depth), t.row_operand, t.column_operand, t.kind, at));
  }
  if (loops.pair.score) to.line("score", instruction_text(of, loops.pair.score) + "  (in units of log 2)");
  if (loops.pair.keep) to.line("keeps", instruction_text(of, loops.pair.keep));
  if (loops.kind == region_kind::score_gradient) {
    if (loops.gradient.cotangents >= 0)
      to.line("tile1", "dot<" + axes_text(g, loops.width) + ">(" + of.operand_name(loops.gradient.cotangents) + ", " +
                           of.operand_name(loops.gradient.values) + ")");
    if (loops.pair.score) to.line("weight", "exp2(score - log-sum-exp)");
    for (int k = 0; k < loops.outputs.count; ++k) to.line(k ? "" : "gives", named_output(of, k, sink_text(of, k)));
  } else
    to.line("gives",
            (loops.score.weighted >= 0 ? named_output(of, loops.score.weighted, "weighted values") : "") +
                (loops.score.log_sum_exp >= 0 ? (loops.score.weighted >= 0 ? ", " : "") +
                                                    named_output(of, loops.score.log_sum_exp, "log-sum-exp")
                                              : "") +
                (loops.score.maximum >= 0 ? (loops.score.weighted >= 0 || loops.score.log_sum_exp >= 0 ? ", " : "") +
                                                named_output(of, loops.score.maximum, "row maximum")
                                          : ""));
}
inline void explain_values(report& to, const printed_region& of) {
  const region& loops = of.loops;
  const graph& g = of.plan.g;
  const outline& o = of.outline();
  for (int k = 0; k < loops.outputs.count; ++k)
    to.line(k ? "" : "computes", named_output(of, k, instruction_text(of, loops.outputs[k].result)));
  const buffer& written = of.plan.buffers[o.writes[0].into];
  if (loops.kind == region_kind::row && copies(o) && written.result < 0 && lies_in_input(g, written.value))
    to.line("unless", "the merged axes of the operand step as one in memory: it is read there");
  if (loops.scatter.index)
    to.line("adds at", axis_name(g, loops.depth[0]) + " = " + instruction_text(of, loops.scatter.index));
}
// What the region costs, where all extents are known, and how its mask falls.
inline void explain_cost(report& to, const printed_region& of, const extent_table& extents, const looked_region& look,
                         int lane_count) {
  const region& loops = of.loops;
  const graph& g = of.plan.g;
  const axis_set all =
      set_of(loops.batch) | set_of(loops.rows) | set_of(loops.columns) | set_of(loops.depth) | set_of(loops.width);
  axis_set needed = all, unknown = 0;
  for (int k = 0; k < loops.operands.count; ++k) needed |= loops.operands[k].axes;
  for (int i = 0; i < g.axis_count; ++i)
    if ((needed >> i & 1) && extents[i] == runtime) unknown |= bit(i);
  if (unknown) {
    to.line("cost",
            "not known without the extents of " + axes_text(g, unknown) + ": explain<out>(with(axis, extent), ...)");
    return;
  }
  double visited = 1;
  if (has_scores(loops) && loops.pair.keep) {
    const mask_report m = explain_mask(of, extents, look, simd::vectors * lane_count, simd::group);
    to.line("mask", m.text);
    visited = m.visited;
  }
  const double flops = region_flops(loops, extents);
  to.line("cost", flops_text(flops) +
                      (loops.pair.keep && has_scores(loops)
                           ? visited < 1 ? " if nothing were skipped, " + flops_text(flops * visited) +
                                               " in the tiles that are visited, "
                                         : " at most, "
                           : ", ") +
                      bytes_text(region_bytes(loops, extents)) + " read and written once");
}

// Where a value is made that need not be stored, and when: for given extents whether it is.
enum class staging_kind : std::uint8_t { stored, staged, open };
inline staging_kind staging_of(const buffer& b, const extent_table& extents) {
  if (!b.staged.by) return staging_kind::stored;
  const axis_set counted = b.staged.cheap ? axis_set(0) : b.staged.again | b.staged.rows;
  for (std::size_t i = 0; counted >> i; ++i)
    if ((counted >> i & 1) && extents[i] == runtime) return staging_kind::open;
  return run::is_staged(b.staged, b.type, extents.data()) ? staging_kind::staged : staging_kind::stored;
}
inline std::string staging_text(const graph& g, const buffer& b, const extent_table& extents) {
  if (!b.staged.by) return {};
  const std::string where = "region " + std::to_string(b.staged.by - 1),
                    chunk = ", a chunk of keys at a time: not stored";
  if (b.staged.cheap) return "in " + where + chunk;
  axis_list rows;
  for (int i = 0; i < max_axes; ++i)
    if (b.staged.rows >> i & 1) rows.add(i);
  const std::string once =
      "(" + axes_text(g, rows) + ") has at most " + std::to_string(run::rows_of_block(b.type)) + " rows";
  switch (staging_of(b, extents)) {
    case staging_kind::staged: return "in " + where + chunk + ", for " + once;
    case staging_kind::stored: return "no, stored: it would be made more than once and is not cheap";
    default: return "where " + once + " in " + where + chunk + "; else stored";
  }
}

inline std::string explain_region(const printed_region& of, const extent_table& extents, const looked_region& look,
                                  int lane_count) {
  const region& loops = of.loops;
  const outline& o = of.outline();
  report to;
  to.text = "region " + std::to_string(of.number) + ": " + name_of(of.plan, o);
  if (*o.reason) to.text += std::string(" (not fused: ") + o.reason + ")";
  to.text += ", " + std::string(internal::name_of(loops.real)) + "\n";
  explain_axes(to, of);
  explain_tiles(to, of, lane_count);
  for (int k = 0; k < loops.operands.count; ++k)
    to.line(k ? "" : "reads", of.operand_name(k) + ": " + how_read(loops, k));
  if (has_scores(loops)) explain_scores(to, of);
  else explain_values(to, of);
  if (loops.kind == region_kind::row)
    to.line("staged", staging_text(of.plan.g, of.plan.buffers[o.writes[0].into], extents));
  explain_cost(to, of, extents, look, lane_count);
  return to.text;
}

inline std::string explain_plan(const execution_plan& p, const std::vector<looked_region>& regions,
                                const extent_table& extents, int lanes_of_float) {
  const graph& g = p.g;
  std::string s = std::to_string(g.size - 1) + " nodes, " + std::to_string(p.region_count) + " region" +
                  (p.region_count == 1 ? "" : "s") + "\n";
  for (int i = 0; i < p.region_count; ++i) {
    const region& loops = regions[i].loops;
    s += explain_region({p, i, loops}, extents, regions[i],
                        loops.real == element::f64 ? lanes_of_float / 2 : lanes_of_float);
  }
  std::string between;
  for (int b = 0; b < p.buffer_count; ++b)
    if (const buffer& x = p.buffers[b]; x.result < 0) {
      const staging_kind staged = staging_of(x, extents);
      if (staged == staging_kind::staged) continue;
      between += (between.empty() ? "(" : ", (") + axes_text(g, x.order) + ")" +
                 (x.over_pairs ? " over pairs of positions" : "") +
                 (staged == staging_kind::open ? " unless it is staged" : "");
    }
  return s + "between regions: " + (between.empty() ? std::string("nothing is stored") : between) + "\n";
}

}  // namespace heed::internal::show::inline HEED_INSTRUCTION_SET
