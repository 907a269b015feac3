// The score region, forward: for every block of rows one pass over the visible keys, from the last to the first, online
// softmax with lazy rescaling, weighted values in batches. Which keys are visible is found by bisection over intervals:
// empty stretches cost a logarithm, full ones run without mask code. A few blocks of the same item go through the keys
// side by side, chunk by chunk, so that keys and values are fetched once for all of them. Nothing of the size rows x
// keys is stored.
#pragma once
#include "score_few_rows.hpp"
#include "score_later_rows.hpp"
#include "score_running_sums.hpp"
#include "score_skewed.hpp"
#include "score_staging.hpp"
#include "score_visit.hpp"
#include "../team.hpp"
#include <span>

namespace heed::internal::run::inline HEED_INSTRUCTION_SET {

template <const auto& Region, class T>
struct score_loops {
  using program_type = score_program<Region, T>;
  using context = typename program_type::context;
  using columns = score_columns<Region, T>;
  using P = simd::pack<T>;
  static constexpr int rows = simd::block_rows<T>, lanes = P::lanes, group = simd::group, column = Region.columns[0];
  static constexpr bool has_keys = contracts(Region);
  static constexpr int depth_axis = Region.depth[0], width_axis = Region.width.count ? Region.width[0] : -1;
  static constexpr int keys_operand = has_keys ? Region.tile.column_operand : 0;
  static constexpr element w_type = Region.operands[keys_operand].type;
  static constexpr bool has_values = Region.score.values >= 0;
  static constexpr element v_type = Region.operands[has_values ? Region.score.values : 0].type;
  static constexpr bool has_skewed = has_distances(Region);
  using skewed_type = skewed_block<Region, T>;
  using sums = running_sums<Region, T>;
  using staged = staged_columns<Region, T>;
  using pack_environment = with_running_sums<Region, T, typename program_type::pack_environment>;
  // Few rows are contracted along the lanes, where a sum is taken in another order than for many: not where scores are
  // compared with what another region has found among the same.
  static constexpr bool may_be_few = has_keys && Region.tile.kind == contraction_kind::product &&
                                     Region.terms.count == 0 && !program_type::mask_reads_score;
  static int few_rows_of(const context& c) { return may_be_few && c.row_count <= simd::few_rows<T> ? c.row_count : 0; }
  using few = score_few_rows<Region, T, score_loops>;
  static constexpr int most_blocks = 4;  // of a strip: more than halves the traffic, still fits beside the keys

  struct sizes {
    extent_t batch, rows_total, blocks, keys, depth, width;
    extent_t strip, strips, chunk;  // blocks side by side; of an item; keys a chunk
    bool keys_in_place, values_in_place;
    [[no_unique_address]] term_sizes<Region, T> terms;
    explicit sizes(const environment& c)
        : batch(count_of(Region.batch, c.extent)),
          rows_total(count_of(Region.rows, c.extent)),
          blocks((rows_total + rows - 1) / rows),
          keys(c.extent[column]),
          depth(has_keys ? c.extent[depth_axis] : 0),
          width(has_values ? count_of(Region.width, c.extent) : 0),
          strip(std::clamp<extent_t>(batch * blocks / (4 * extent_t(c.threads)), 1, most_blocks)),
          strips((blocks + strip - 1) / strip),
          chunk(keys_of_chunk(depth + term_sizes<Region, T>(c).total() + width)),
          keys_in_place(w_type == element_of<T> && (depth <= 1 || c.operands[keys_operand].stride[depth_axis] == 1)),
          values_in_place(has_values && v_type == element_of<T> &&
                          (width <= 1 || stride_along(width_axis, c.operands[Region.score.values]) == 1)),
          terms(c) {}
    static extent_t keys_of_chunk(extent_t elements) {  // of a key and its value
      return std::max<extent_t>(chunk_bytes / (extent_t(sizeof(T)) * std::max<extent_t>(elements, 1)) / batch_keys<T>,
                                1) *
             batch_keys<T>;
    }
    template <int Term> extent_t depth_of() const {
      if constexpr (Term < 0) return depth;
      else return terms.depth[Term];
    }
    // Late rows first: under a causal mask they have most to do.
    extent_t strip_of(extent_t item) const { return strips - 1 - item % strips; }
    extent_t depth_of_rows() const { return depth + terms.total(); }  // of all contractions
    extent_t widest_key() const { return terms.wider_than(depth); }
  };
  static constexpr extent_t chunk_bytes = 192 << 10;  // keys and values of a chunk: a part of the second-level cache

  // The memory of a thread: of an item the keys that wait for their values, then each block
  // of a strip.
  static constexpr bool copies_values(const sizes& n) { return has_values && !n.values_in_place; }
  struct item_memory {
    key_batch<T>* batch;
    T* elements;
    [[no_unique_address]] staged columns;
  };
  static item_memory lay_out_item(const environment& c, const sizes& n, pieces& take) {
    key_batch<T>* const batch = take.of<key_batch<T>>(1);
    item_memory r{batch, take.of<T>(extent_t(key_batch<T>::elements(n.widest_key(), n.width, copies_values(n)))), {}};
    if constexpr (staged::keys || staged::values) r.columns.place(c, n.chunk, n.depth, n.width, take);
    return r;
  }
  struct block_memory {
    context* state;
    plan::interval* pair_bounds;
    T* rows;
    skewed_type* skewed;
    T* sums;
  };
  static block_memory lay_out_block(const sizes& n, pieces& take) {
    context* const c = take.of<context>(1);
    plan::interval* const pair_bounds = take.of<plan::interval>(program_type::pair_bounds_count(n.keys));
    constexpr int tile_keys = program_type::pairs * program_type::tile_keys;
    T* const block = take.of<T>(extent_t(row_block<T>::elements(n.depth_of_rows(), n.width, tile_keys)));
    skewed_type* const skewed = take.of<skewed_type>(has_skewed);
    return {c, pair_bounds, block, skewed, take.of<T>(sums::elements)};
  }
  static scratch_need need(const environment& c) {
    const sizes n(c);
    pieces own;
    lay_out_item(c, n, own);
    for (int i = 0; i < n.strip; ++i) lay_out_block(n, own);
    pieces shared;
    shared.of<plan::interval>(columns::count_of_all(c));
    return {shared.used, own.used};
  }

  // What one block of rows works with.
  struct work {
    context& state;
    row_block<T> running;
    key_batch<T>& batch;
    const sizes& extents;
    const item_memory& item;
    const T *keys, *values;  // of this item, when they are read in place
    extent_t key_stride, value_stride;
    const plan::interval* bounds;
    [[no_unique_address]] term_columns<Region, T> terms;
    [[no_unique_address]] skewed_place<skewed_type, has_skewed> skewed;
    typename sums::memory along;
    strip_rows<Region, T>& later;
    extent_t from = 0;  // of the stretch of keys that is visited
  };

  // Term: of which contraction; -1: of the first.
  template <int Term = -1>
  static HEED_NOINLINE void copy_keys(const work& w, extent_t first, int count) {
    constexpr int operand = Term < 0 ? keys_operand : Region.terms[std::max(Term, 0)].column_operand,
                  axis = Term < 0 ? depth_axis : Region.terms[std::max(Term, 0)].depth;
    const view& v = w.state.call.operands[operand];
    const auto depth = [&] { return w.extents.template depth_of<Term>(); };
    for (int i = 0; i < group; ++i)
      for (extent_t d = 0; d < depth(); ++d)
        w.batch.keys[i * depth() + d] =
            i < count ? element_at<Region.operands[operand].type, T>(
                            v.data, w.state.base[operand] + (first + i) * v.stride[column] + d * v.stride[axis])
                      : T(0);
  }

  static HEED_INLINE next_lines<T> ahead(const work& w, extent_t first) {
    next_lines<T> r;
    if (has_keys && w.extents.keys_in_place && first >= group)
      r.ask_keys(w.keys + (first - group) * w.key_stride, w.key_stride, w.extents.depth);
    if constexpr (has_values)
      if (w.extents.values_in_place) {
        r.ask_values(w.values + first * w.value_stride, w.value_stride, w.extents.width);
      }
    return r;
  }

  // The contractions beside the first.
  template <bool Mixed, int Packs>
  static HEED_INLINE void contract_terms(const work& w, extent_t first, int count, int row, int step,
                                         term_tiles<T, Region.terms.count>& to) {
    const T* queries = w.running.queries + w.extents.depth * rows + row;
    each_term<Region>([&]<int I>() HEED_INLINED {
      const extent_t depth = w.extents.terms.depth[I];
      if constexpr (is_skewed(Region.terms[I])) {
        const T* const table = w.extents.terms.in_place[I] ? w.terms.at[I] : nullptr;
        distances_of<I>(w.skewed).template contract<I, Packs>(w.state, queries - row, depth,
                                                              {table, w.terms.stride[I], w.batch.keys}, first, row,
                                                              step, to.of + I * to.size + row);
      } else {
        extent_t stride = w.terms.stride[I];
        const T* k = w.terms.at[I] + first * stride;
        next_lines<T> lines;
        if (!w.extents.terms.in_place[I] || (Mixed && count < group)) {
          copy_keys<I>(w, first, count);
          k = w.batch.keys, stride = depth;
        } else if (first >= group) lines.ask_keys(k - group * stride, stride, depth);
        simd::contract_into<Packs, Region.terms[I].kind>(queries, k, stride, depth, to.of + I * to.size + row, lines,
                                                         step);
      }
      queries += depth * rows;
    });
  }

  // The first contraction: keys read in place or copied, what comes next asked for on the way; of few rows it has been
  // made.
  template <bool Mixed, int Packs>
  static HEED_INLINE void contract_first(const work& w, extent_t first, int count, int row, int step,
                                         P (&a)[group][Packs]) {
    if constexpr (Packs == 1 && may_be_few)
      if (few_rows_of(w.state) > 0) {
        // mutants: few_keys_confused
        const T* const sums = w.batch.scores + (first - w.batch.contracted);
        HEED_UNROLL for (int i = 0; i < group; ++i)
          a[i][0] = simd::lanes_of_few(sums + i, batch_keys<T>, few_rows_of(w.state));
        return;
      }
    const T* k = w.keys + first * w.key_stride;
    extent_t stride = w.key_stride;
    if (!w.extents.keys_in_place || (Mixed && count < group && !staged::has_keys(w.state.call))) {
      copy_keys(w, first, count);
      k = w.batch.keys, stride = w.extents.depth;
    }
    const T* const queries = w.running.queries + row;
    if constexpr (program_type::tiled_loads.count > 0) {
      const typename program_type::prefetcher pairwise(w.state, first, w.extents.depth);
      const next_lines<T> lines = ahead(w, first);
      simd::contract<T, group, Region.tile.kind>(
          queries, k, stride, w.extents.depth, a, [&](extent_t d) HEED_INLINED { pairwise(d), lines(d); }, step);
    } else simd::contract<T, group, Region.tile.kind>(queries, k, stride, w.extents.depth, a, ahead(w, first), step);
  }

  // A group of keys against the block, or against some of its packs: contraction, program, mask, maximum, weights. The
  // hot function of a variant.
  template <bool Mixed, int Packs>
  static HEED_NOINLINE void keys_group(const work& w, extent_t first, int count, simd::some_packs packs) {
    const int row = Packs == simd::vectors ? 0 : packs.first * lanes,
              apart = int(simd::packs_apart<Packs, T>(packs.step));
    const row_block<T>& b = w.running;
    [[maybe_unused]] term_tiles<T, Region.terms.count> terms;
    if constexpr (Region.terms.count > 0) contract_terms<Mixed, Packs>(w, first, count, row, packs.step, terms);
    P a[group][Packs];
    if constexpr (has_keys) contract_first<Mixed, Packs>(w, first, count, row, packs.step, a);
    const P nothing = -std::numeric_limits<T>::infinity();
    [[maybe_unused]] T* const ahead_of = w.batch.weights + (w.batch.at - group) * rows + row;  // where the weights will
                                                                                               // be
    HEED_UNROLL for (int turn = 0; turn < group; ++turn) {
      const int i = sums::count > 0 ? group - 1 - turn : turn;  // running sums are taken on from the last key to the
                                                                // first
      const extent_t key = Mixed && i >= count ? first + count - 1 : first + i;
      HEED_UNROLL for (int v = 0; v < Packs; ++v) {
        pack_environment env{{w.state, row + v * apart, key, a[i][v], {terms, i, row + v * apart}}};
        if constexpr (sums::count > 0) {
          env.sums.of = &w.along, env.sums.there = P(T(0));
          if constexpr (Mixed && Region.pair.keep != 0)
            env.sums.there = simd::select(evaluate<Region, Region.pair.keep>(env), P(T(0)), simd::excluded<P>());
          if (Mixed && i >= count) env.sums.there = simd::excluded<P>();
        }
        a[i][v] = P(evaluate<Region, Region.pair.score>(env));
        if constexpr (Mixed) {
          if constexpr (Region.pair.keep != 0) {
            const typename P::mask seen = evaluate<Region, Region.pair.keep>(env);
            // mutants: mask_multiplied
            a[i][v] = simd::select(seen, a[i][v], nothing);
            simd::select(seen, P(T(0)), simd::excluded<P>()).store(ahead_of + i * rows + v * apart);
          }
          if (i >= count) a[i][v] = nothing;
        }
      }
    }
    typename P::mask grew = false;
    P top[Packs];
    HEED_UNROLL for (int v = 0; v < Packs; ++v) {
      top[v] = a[0][v];
      HEED_UNROLL for (int i = 1; i < group; ++i)
        top[v] = simd::max(top[v], a[i][v]);
      if constexpr (Region.score.maximum >= 0) {  // a result: NaN stays, which the maximum for rescaling need not know
        P best = P::load(b.best + row + v * apart);
        HEED_UNROLL for (int i = 0; i < group; ++i)
          best = simd::maximum(best, a[i][v]);
        best.store(b.best + row + v * apart);
      }
      grew = grew || P::load(b.limit + row + v * apart) < top[v];
    }
    w.batch.at -= group;
    if (__builtin_expect(simd::any(grew), 0)) {
      alignas(64) T t[rows];
      if constexpr (Packs < simd::vectors) HEED_UNROLL
        for (int v = 0; v < simd::vectors; ++v) nothing.store(t + v * lanes);
      HEED_UNROLL for (int v = 0; v < Packs; ++v)
        top[v].store(t + row + v * apart);
      rescale(w.running, w.batch.weights, w.batch.at + group, w.extents.width, t);
    }
    T* const p = w.batch.weights + w.batch.at * rows + row;
    HEED_UNROLL for (int v = 0; v < Packs; ++v) {
      const P used = P::load(b.used + row + v * apart);
      P sum = P::load(b.sum + row + v * apart);
      HEED_UNROLL for (int i = 0; i < group; ++i) {
        P weight = simd::exp2_weight(a[i][v] - used);
        sum = sum + weight;
        if constexpr (Mixed && Region.pair.keep != 0)
          weight = simd::with_sign_of(weight, P::load(p + i * rows + v * apart));
        weight.store(p + i * rows + v * apart);
      }
      sum.store(b.sum + row + v * apart);
    }
  }

  static void flush(work& w) {
    if constexpr (has_values) {
      if (w.extents.values_in_place) {
        add_values(w.running, w.batch, w.values, w.value_stride, w.extents.width, few_rows_of(w.state));
      } else {
        const view& v = w.state.call.operands[Region.score.values];
        for (int i = 0; i < w.batch.segment_count; ++i) {  // a copy, batch position by batch position
          auto& s = w.batch.segments[i];
          for (int j = 0; j < s.count; ++j)
            for (extent_t e = 0; e < w.extents.width; ++e)
              w.batch.values[(s.at + j) * w.extents.width + e] =
                  element_at<v_type, T>(v.data, w.state.base[Region.score.values] + (s.first + j) * w.value_stride +
                                                    e * stride_along(width_axis, v));
          s.first = s.at;
        }
        add_values(w.running, w.batch, w.batch.values, w.extents.width, w.extents.width, few_rows_of(w.state));
      }
    }
    w.batch.clear();
  }

  // One group of keys. `mixed`: some row of the block may not see all of them.
  static void meet(work& w, extent_t first, int count, bool mixed, const simd::some_packs& packs) {
    if (w.batch.at < group) flush(w);
    if constexpr (may_be_few)
      if (few_rows_of(w.state) > 0) few::contract(w, first, count, mixed);
    program_type::load_pairs_at(w.state, first, mixed || count < group || packs.count < simd::vectors);
    with_packs(packs.count, mixed || count < group,
               [&]<bool Mixed, int Packs>() { keys_group<Mixed, Packs>(w, first, count, packs); });
    // mutants: last_keys_dropped
    w.batch.note(first, count, packs, mixed);
  }
  // From the last to the first.
  static void visit(work& w, extent_t first, extent_t end) {
    w.from = first;
    meet_keys<key_order::falling, Region, T>(w.state, w.bounds, first, end,
                                             [&](extent_t at, int count, bool mixed, const simd::some_packs& packs) {
                                               meet(w, at, count, mixed, packs);
                                               w.later.ask();
                                             });
  }
  // The same for blocks side by side, chunk by chunk. Chunks are the same whatever the number of blocks and threads.
  static void visit_chunks(std::span<work> blocks, extent_t first, extent_t end) {
    if (first >= end) return;
    const extent_t chunk = blocks[0].extents.chunk, chunks = (end - first + chunk - 1) / chunk;
    if (chunks == 1) {
      if constexpr (staged::keys || staged::values) staged::stage(blocks, first, end);
      for (work& w : blocks) {
        visit(w, first, end);
        flush(w);
      }
      return;
    }
    bool visible = false;
    for (const work& w : blocks)
      visible = visible || program_type::classify(w.state, w.bounds, first, end - 1) != tile_kind::empty;
    if (!visible) return;
    const extent_t middle = first + chunks / 2 * chunk;
    visit_chunks(blocks, middle, end);
    visit_chunks(blocks, first, middle);
  }

  // The rows of an operand in the lanes.
  template <int Operand, int Depth>
  static void load_rows(context& c, extent_t depth, int count, T scale, T* to) {
    constexpr element type = Region.operands[Operand].type;
    const view& v = c.call.operands[Operand];
    const extent_t stride = v.stride[Depth];
    if constexpr (type == element_of<T>) {
      const T* from[rows]{};
      for (int r = 0; r < count; ++r)
        from[r] = static_cast<const T*>(v.data) + c.base[Operand] + c.row_offset[Operand][r];
      simd::transpose_in<T>(from, count, stride, depth, scale, to);
    } else {
      for (extent_t d = 0; d < depth; ++d)
        for (int r = 0; r < rows; ++r)
          to[d * rows + r] =
              r < count ? scale * element_at<type, T>(v.data, c.base[Operand] + c.row_offset[Operand][r] + d * stride)
                        : T(0);
    }
  }
  static void load_queries(context& c, const row_block<T>& b, const sizes& n, int count) {
    if constexpr (may_be_few)
      if (few_rows_of(c) > 0) return few::load_queries(c, b, n, count);
    if constexpr (has_keys)
      load_rows<Region.tile.row_operand, depth_axis>(c, n.depth, count, program_type::scale_of_queries(c), b.queries);
    if constexpr (Region.terms.count > 0) {
      T* to = b.queries + n.depth * rows;
      each_term<Region>([&]<int I>() {
        constexpr term t = Region.terms[I];
        // mutants: term_not_scaled
        load_rows<t.row_operand, t.depth>(c, n.terms.depth[I], count, program_type::template uniform<t.scale>(c), to);
        to += n.terms.depth[I] * rows;
      });
    }
  }

  // The results of a block: weighted values divided by the sum of the weights, log-sum-exp, maximum. Each lies where
  // its own strides say, so that every row has an offset of its own.
  static void store_rows(const environment& call, context& c, const row_block<T>& b, const sizes& n, extent_t first,
                         int count) {
    alignas(64) T inverse[rows], lse[rows], top[rows];
    finish_rows(b, inverse, Region.score.log_sum_exp >= 0 ? lse : nullptr, top);
    const auto offset = [&](int k, int r) {
      const view& v = call.outputs[k];
      return offset_of(Region.rows, call.extent, v, first + r) + offset_at(Region.batch, c.item.index, v);
    };
    if constexpr (Region.score.weighted >= 0) {
      constexpr output o = Region.outputs[Region.score.weighted];
      const view& v = call.outputs[Region.score.weighted];
      const extent_t stride = stride_along(width_axis, v);
      if constexpr (o.type == element_of<T>) {
        T* to[rows]{};
        for (int r = 0; r < count; ++r) to[r] = static_cast<T*>(v.data) + offset(Region.score.weighted, r);
        simd::transpose_out<T>(b.out, inverse, n.width, to, count, stride);
      } else {
        for (int r = 0; r < count; ++r)
          for (extent_t e = 0; e < n.width; ++e)
            put_element<o.type>(v.data, offset(Region.score.weighted, r) + e * stride,
                                b.out[e * rows + r] * inverse[r]);
      }
    }
    if constexpr (Region.score.log_sum_exp >= 0)
      for (int r = 0; r < count; ++r)
        put_element<Region.outputs[Region.score.log_sum_exp].type>(call.outputs[Region.score.log_sum_exp].data,
                                                                   offset(Region.score.log_sum_exp, r), lse[r]);
    if constexpr (Region.score.maximum >= 0)
      for (int r = 0; r < count; ++r)
        put_element<Region.outputs[Region.score.maximum].type>(call.outputs[Region.score.maximum].data,
                                                               offset(Region.score.maximum, r), top[r]);
  }

  // An item is a strip: blocks of rows beside each other that meet the same keys. Each is set up, all go through the
  // keys together, each is stored.
  static void run(const environment& call, const scratch& s) {
    const sizes n(call);
    const view &k = call.operands[keys_operand], &v = call.operands[has_values ? Region.score.values : 0];
    plan::interval* const bounds = pieces{s.shared}.of<plan::interval>(columns::count_of_all(call));
    columns::set_all(call, bounds);
    for_each_item(n.batch * n.strips, call.threads, [&](extent_t item, int thread) {
      const extent_t strip = n.strip_of(item);
      strip_rows<Region, T> later(call, n, item);
      pieces take{s.of(thread)};
      const item_memory of_item = lay_out_item(call, n, take);
      key_batch<T>& batch = *new (static_cast<void*>(of_item.batch)) key_batch<T>;
      batch.place(of_item.elements, n.widest_key(), n.width, copies_values(n));
      alignas(work) std::byte places[most_blocks * sizeof(work)];
      work* const blocks = reinterpret_cast<work*>(places);
      const int count = int(std::min<extent_t>(n.strip, n.blocks - strip * n.strip));
      for (int i = 0; i < count; ++i) {
        const extent_t first = (strip * n.strip + i) * rows;
        const block_memory own = lay_out_block(n, take);
        context& c = *new (static_cast<void*>(own.state)) context(call, n.keys);
        c.pair_bounds = own.pair_bounds;
        program_type::set_item(c, item / n.strips);
        program_type::set_rows(c, first, int(std::min<extent_t>(rows, n.rows_total - first)));
        work& w = *new (blocks + i) work{c,
                                         {},
                                         batch,
                                         n,
                                         of_item,
                                         static_cast<const T*>(k.data) + c.base[keys_operand],
                                         static_cast<const T*>(v.data) + c.base[has_values ? Region.score.values : 0],
                                         k.stride[column],
                                         v.stride[column],
                                         columns::of_item(c.item, bounds),
                                         {call, c.base},
                                         skewed_place<skewed_type, has_skewed>(own.skewed),
                                         {own.sums},
                                         later};
        if constexpr (has_skewed) own.skewed->set_rows(call, first, c.row_count);
        w.running.place(own.rows, n.depth_of_rows(), n.width);
        c.tiles = w.running.tiles;
        load_queries(c, w.running, n, c.row_count);
        reset(w.running, n.width);
        sums::begin_visit(w.along);
      }
      visit_chunks(std::span<work>(blocks, std::size_t(count)), 0, n.keys);
      for (int i = 0; i < count; ++i)
        store_rows(call, blocks[i].state, blocks[i].running, n, (strip * n.strip + i) * rows,
                   blocks[i].state.row_count);
    });
  }
};

template <const auto& Region>
struct score_kernel {
  using loops = score_loops<Region, std::conditional_t<Region.real == element::f64, double, float>>;
  static scratch_need need(const environment& c) { return loops::need(c); }
  static void run(const environment& c, const scratch& s) noexcept { loops::run(c, s); }
};

}  // namespace heed::internal::run::inline HEED_INSTRUCTION_SET
