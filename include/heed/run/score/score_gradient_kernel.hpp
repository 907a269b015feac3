// The score-gradient region: for every block of rows one pass over the visible keys. A group of keys is contracted
// twice (queries and cotangents in lanes), the weights come from the log-sum-exp, pairwise values are kept for a batch
// of keys, and every product then runs over the whole batch: keys are accumulated into the rows, outer products into
// the keys. Dao et al. 2022 and 2023 (FlashAttention, FlashAttention-2), with rows where they have columns. A region
// without a softmax has no weights: its pairwise values are made of the contractions alone.
//
// A thread takes a batch item and goes through its blocks; threads that find no item left take blocks of the others'
// items. All blocks of an item meet its keys in the same order, and a block adds to the sums of a batch of keys only
// after the block before it has: so the order in which anything is added is that of one thread, the bits are the same
// for any number of them, and nobody needs sums of his own. A block is a batch of keys behind the one before it and
// never waits again. What blocks add to each other's sums lies between a release (milestone::reach, after a batch) and
// an acquire (await, before it); that a block reaches a key only after the block before it has makes this hold for all
// earlier blocks at once. Sums over items are taken at the end, in order.
#pragma once
#include "score_gradient_products.hpp"
#include "score_gradient_sums.hpp"
#include "score_gradient_totals.hpp"
#include "score_group_sums.hpp"

namespace heed::internal::run::inline HEED_INSTRUCTION_SET {

template <const auto& Region, class T>
struct score_gradient_loops {
  using shape = gradient_shape<Region>;
  using work = gradient_work<Region, T>;
  using item_type = gradient_item<Region, T>;
  using sizes = gradient_sizes<Region, T>;
  using item_sums = gradient_sums<Region, T>;
  using sinks = gradient_sinks<Region, T>;
  using products = gradient_products<Region, T>;
  using statistics = row_statistics<Region, T>;
  using program_type = score_program<Region, T>;
  using context = typename program_type::context;
  using gradient_program = score_gradient_program<Region, T>;
  template <bool Second, bool Ahead = false>
  using pack_environment = typename gradient_program::template environment<Second, Ahead>;
  using P = simd::pack<T>;
  using sums_along = running_sums<Region, T>;
  static constexpr bool has_sums_ahead = sums_along::ahead.count > 0;
  static constexpr bool falling = Region.gradient.falling;
  static constexpr int rows = simd::block_rows<T>, lanes = P::lanes, group = simd::group, column = shape::column;
  static constexpr gradient_slots slots = gradient_program::slots;
  static constexpr extent_t slot_size = extent_t(work::slot_size);
  static constexpr bool has_tables = [] {
    for (int k = 0; k < Region.outputs.count; ++k)
      if (adds_at_index(Region.gradient.sinks[k].kind)) return true;
    return false;
  }();
  // Sums reach beyond the rows that exist: an incomplete block is treated as masked.
  static constexpr bool has_sums = [] {
    for (int k = 0; k < Region.outputs.count; ++k)
      if (is_sum(Region.gradient.sinks[k].kind)) return true;
    return false;
  }();

  static constexpr bool has_second_pass = slots.made_count > 0 || has_sums || has_tables;
  // A weight is multiplied by how far a pair's gradient is from its row's mean: below 2^-101.5 (float) it is 0 already,
  // so that the gradient of a score is hardly ever denormal.
  static constexpr int octaves = 24;

  // ---- memory ----
  static std::size_t item_bytes(const environment& call, const sizes& n) {
    item_type i;
    pieces count;
    count.of<item_type>(1);
    i.place(call, n, count);
    return count.used;
  }
  // Shared by all threads: partial sums of all items, then what those need that are worked at side by side.
  struct shared_memory {
    open_item* open;
    std::size_t item_size;
    std::byte* items;
  };
  static shared_memory lay_out(const environment& call, const sizes& n, pieces& take) {
    take.bytes(item_sums::bytes(n));
    const extent_t places = open_items(n.owners, call.threads);
    open_item* const open = take.of<open_item>(places);
    const std::size_t size = item_bytes(call, n);
    return {open, size, take.bytes(std::size_t(places) * size)};
  }
  static scratch_need need(const environment& call) {
    work w(call);
    pieces shared, own;
    lay_out(call, w.extents, shared);
    own.of<work>(1);
    w.place(own);
    return {shared.used, own.used};
  }

  // ---- a group of keys ----
  // The contractions beside the first.
  template <bool Mixed, int Packs>
  static HEED_INLINE void contract_terms(work& w, extent_t first, int count, int row, int step,
                                         term_tiles<T, Region.terms.count>& to) {
    const T* queries = w.queries + w.extents.depth() * rows + row;
    each_term<Region>([&]<int I>() HEED_INLINED {
      constexpr int k = Region.terms[I].column_operand;
      if constexpr (is_skewed(Region.terms[I])) {
        distances_of<I>(w.skewed).template contract<I, Packs>(*w.state, queries - row, w.extents.width[k],
                                                              {w.key[k], w.key_stride[k], w.tail}, first, row, step,
                                                              to.of + I * to.size + row);
      } else {
        extent_t stride;
        const T* x = w.keys_at(k, first, Mixed ? count : group, stride);
        simd::contract_into<Packs, Region.terms[I].kind>(queries, x, stride, w.extents.width[k],
                                                         to.of + I * to.size + row, w.template ahead_of_term<I>(first),
                                                         step);
      }
      queries += w.extents.width[k] * rows;
    });
  }
  // Two contractions, the program, the weights: the hot function of a variant.
  template <bool Mixed, int Packs>
  static HEED_NOINLINE void keys_group(work& w, extent_t first, int count, simd::some_packs packs) {
    const int row = Packs == simd::vectors ? 0 : packs.first * lanes,
              apart = int(simd::packs_apart<Packs, T>(packs.step));
    T* const base = w.values + w.at * rows + row;
    const context& c = *w.state;
    [[maybe_unused]] term_tiles<T, Region.terms.count> terms;
    if constexpr (Region.terms.count > 0) contract_terms<Mixed, Packs>(w, first, count, row, packs.step, terms);
    P a[group][Packs];
    if constexpr (shape::has_keys) contract_first<Mixed, Packs>(w, first, count, row, packs.step, a);
    [[maybe_unused]] group_sums<Region, T, sums_along::ahead.count> ahead;
    if constexpr (has_sums_ahead)
      sums_of_groups<Region, T, score_gradient_loops>::template pass<Mixed, Packs>(w, first, count, row, apart, a,
                                                                                   terms, ahead);
    HEED_UNROLL for (int k = 0; k < group; ++k) {
      const int i = falling ? group - 1 - k : k;
      const extent_t key = Mixed && i >= count ? first + count - 1 : first + i;
      HEED_UNROLL for (int v = 0; v < Packs; ++v) {
        T* const here = base + i * rows + v * apart;
        pack_environment<false, has_sums_ahead> env{
            {{c, row + v * apart, key, a[i][v], {terms, i, row + v * apart}}}, P(T(0)), here, slot_size};
        if constexpr (has_sums_ahead) env.sums.ahead = ahead.of + i * rows + v * lanes;
        if constexpr (shape::has_weights) {
          P there = P(T(0));
          // mutants: sum_of_excluded_under_a_softmax
          if constexpr (Mixed && sums_along::count > 0) there = present(env, there, i < count);
          const P z = first_pass(with_sums(w, env, there), here);
          // A weight is at most 1, however coarsely a large score and its log-sum-exp are rounded.
          // mutants: weight_over_1
          const P power = simd::min(T(0), z - P::load(w.log_sum_exp + row + v * apart));
          P weight = simd::exp2_weight<octaves>(power);
          if constexpr (Mixed) weight = present(env, weight, i < count);
          weight.store(here);
        } else {
          P there = P(T(0));
          if constexpr (Mixed) there = present(env, there, i < count);
          if constexpr (Mixed && has_second_pass) there.store(here);
          keep_values<Mixed>(with_sums(w, env, there), there, here);
        }
      }
    }
    if constexpr (shape::has_product) {
      extent_t stride;
      const T* const x = w.keys_at(Region.gradient.values, first, Mixed ? count : group, stride);
      simd::contract<T, group>(w.cotangents + row, x, stride, w.extents.width[Region.gradient.values], a,
                               w.ahead_of_products(first), packs.step);
    }
    if constexpr (has_second_pass) second_pass<Mixed, Packs>(w, first, count, row, apart, base, a);
  }
  template <bool Mixed, int Packs>
  static HEED_INLINE void contract_first(work& w, extent_t first, int count, int row, int step, P (&a)[group][Packs]) {
    extent_t stride;
    const T* x = w.keys_at(Region.tile.column_operand, first, Mixed ? count : group, stride);
    const next_lines<T> lines = w.ahead_of_keys(first);
    if constexpr (program_type::tiled_loads.count > 0) {
      const typename program_type::prefetcher pairwise(*w.state, first, w.extents.depth(), !falling);
      simd::contract<T, group, Region.tile.kind>(
          w.queries + row, x, stride, w.extents.depth(), a, [&](extent_t d) HEED_INLINED { pairwise(d), lines(d); },
          step);
    } else {
      simd::contract<T, group, Region.tile.kind>(w.queries + row, x, stride, w.extents.depth(), a, lines, step);
    }
  }
  // The environment of a pair, with its running sums where a region has some. there: 0, or excluded.
  template <class Env> static HEED_INLINE Env with_sums(const work& w, Env env, const P& there) {
    if constexpr (sums_along::count > 0) env.sums.of = &w.running, env.sums.there = there;
    return env;
  }
  // A pairwise value where the mask holds and there is a key and a row; elsewhere it is excluded.
  template <class Env> static HEED_INLINE P present(const Env& env, P x, bool is_key) {
    const P nothing = simd::excluded<P>();
    const int row_count = env.state.row_count;
    if constexpr (Region.pair.keep != 0) x = simd::select(evaluate<Region, Region.pair.keep>(env), x, nothing);
    if (!is_key) x = nothing;
    if (row_count < rows) x = simd::select(P::mask::first(row_count - env.first), x, nothing);
    return x;
  }
  // Stores what the second pass and the products need, where there is no softmax. there: 0, or excluded.
  template <bool Mixed, class Env> static HEED_INLINE void keep_values(const Env& env, const P& there, T* here) {
    [&]<int... K>(std::integer_sequence<int, K...>) HEED_INLINED {
      auto all = compute<Region, slots.kept[K + 1]...>(env);
      (store_kept<Mixed, K + 1, Env>(all, there, here), ...);
    }(std::make_integer_sequence<int, slots.kept_count - 1>{});
  }
  template <bool Mixed, int Kept, class Env, class All>
  static HEED_INLINE void store_kept(All& all, const P& there, T* here) {
    P x = gradient_program::storable(slot<Region, Env, slots.kept[Kept]>(all));
    if constexpr (Mixed && slots.kept_for_products[Kept])
      x = simd::select(simd::is_excluded(there), simd::excluded<P>(), x + P(T(0)));
    x.store(here + slots.kept_slot[Kept] * slot_size);
  }
  // Stores what the second pass needs, returns the score.
  template <class Env> static HEED_INLINE P first_pass(const Env& env, T* here) {
    return [&]<int... K>(std::integer_sequence<int, K...>) HEED_INLINED {
      auto all = compute<Region, Region.pair.score, slots.kept[K + 1]...>(env);
      (store_kept<false, K + 1, Env>(all, P(T(0)), here), ...);
      return P(slot<Region, Env, Region.pair.score>(all));
    }(std::make_integer_sequence<int, slots.kept_count - 1>{});
  }
  // Everything that needs the second contraction or the weight, evaluated together, and given to the sinks: row sums
  // stay in registers along the keys of the group, column sums along its packs of rows.
  template <bool Mixed, int Packs>
  static HEED_INLINE void second_pass(work& w, extent_t first, int count, int row, int apart, T* base,
                                      const P (&a)[group][Packs]) {
    const context& c = *w.state;
    P by_column[Region.outputs.count][group];
    shape::each_output([&]<int K>() HEED_INLINED {
      if constexpr (Region.gradient.sinks[K].kind == sink_kind::column_sum) HEED_UNROLL
        for (int i = 0; i < group; ++i) by_column[K][i] = P(T(0));
    });
    HEED_UNROLL for (int v = 0; v < Packs; ++v) {
      P by_row[Region.outputs.count];
      shape::each_output([&]<int K>() HEED_INLINED {
        if constexpr (reduces_to_rows(Region.gradient.sinks[K].kind)) by_row[K] = P::load(w.sums[K] + row + v * apart);
      });
      HEED_UNROLL for (int k = 0; k < group; ++k) {
        const int i = falling ? group - 1 - k : k;
        const extent_t key = Mixed && i >= count ? first + count - 1 : first + i;
        T* const here = base + i * rows + v * apart;
        using E = pack_environment<true>;
        const E env = with_sums(w, E{{{c, row + v * apart, key, P(T(0))}}, a[i][v], here, slot_size},
                                Mixed && sums_along::count > 0 ? P::load(here) : P(T(0)));
        [&]<int... K>(std::integer_sequence<int, K...>) HEED_INLINED {
          auto all = compute<Region, Region.gradient.sinks[K].pair..., Region.gradient.sinks[K].index...,
                             Region.gradient.sinks[K].keep...>(env);
          typename P::mask absent = false;
          if constexpr (Mixed) absent = simd::is_excluded(P::load(here));
          (
              [&]() HEED_INLINED {
                if constexpr (sinks::first_index(K))
                  sinks::template store_index<K>(w, slot<Region, E, Region.gradient.sinks[K].index>(all),
                                                 row + v * apart, here);
              }(),
              ...);
          (sinks::template give<Mixed, K>(all, absent, by_row[K], by_column[K][i], here), ...);
        }(std::make_integer_sequence<int, Region.outputs.count>{});
      }
      shape::each_output([&]<int K>() HEED_INLINED {
        if constexpr (reduces_to_rows(Region.gradient.sinks[K].kind)) by_row[K].store(w.sums[K] + row + v * apart);
      });
    }
    shape::each_output([&]<int K>() HEED_INLINED {
      if constexpr (Region.gradient.sinks[K].kind == sink_kind::column_sum)
        for (int i = 0; i < group; ++i) w.by_key[K][w.at + i] = simd::sum(by_column[K][i]);
    });
  }
  // ---- keys ----
  static void meet(const environment& call, work& w, extent_t first, int count, bool mixed,
                   const simd::some_packs& packs) {
    mixed = mixed || count < group || (has_sums && w.state->row_count < rows);
    if (w.is_full()) products::flush(call, w);
    program_type::load_pairs_at(*w.state, first, mixed || packs.count < simd::vectors);
    with_packs(packs.count, mixed, [&]<bool Mixed, int Packs>() { keys_group<Mixed, Packs>(w, first, count, packs); });
    w.note(first, count, packs, mixed);
    w.ask_later();
  }
  // From the first to the last, or from the last to the first.
  template <class Meet> static void visit(work& w, const Meet& meet_group) {
    meet_keys<falling ? key_order::falling : key_order::rising, Region, T>(*w.state, w.bounds, 0, w.extents.keys,
                                                                           meet_group);
  }

  // ---- blocks ----
  // Row outputs and sums of one block; what it adds to the item it adds after the block before it.
  static void block_of_rows(const environment& call, const scratch& s, work& w) {
    const extent_t first = w.block * rows, number = w.owner * w.extents.serial + w.part;
    const int count = int(std::min<extent_t>(rows, w.extents.rows_total - first));
    program_type::set_rows(*w.state, first, count);
    w.first_row = first;
    w.set_block(call, count);
    w.set_later(call);
    shape::each_output([&]<int K>() {  // what no key reaches
      if constexpr (Region.gradient.sinks[K].kind == sink_kind::pairs && Region.pair.keep != 0) {
        const view& v = call.outputs[K];
        if (shape::carries(K) && w.part > 0) return;
        for (int r = 0; r < count; ++r)
          for (extent_t j = 0; j < w.extents.keys; j += lanes)
            store_lanes<Region.outputs[K].type>(v.data, sinks::row_at(call, w, v, r) + j * v.stride[column],
                                                v.stride[column], int(std::min<extent_t>(lanes, w.extents.keys - j)),
                                                P(T(0)));
      }
    });
    if constexpr (shape::has_statistics) w.seen.count = 0;
    if constexpr (sums_along::count > 0) {
      sums_along::begin_block(w.running);
      running_totals<Region, T, score_gradient_loops>::find(w);
      sums_along::begin_visit(w.running);
    }
    visit(w, [&](extent_t at, int some, bool mixed, const simd::some_packs& packs) {
      meet(call, w, at, some, mixed, packs);
    });
    products::flush(call, w);
    shape::each_output([&]<int K>() {
      if constexpr (is_skewed(Region.gradient.sinks[K].kind)) skewed_sinks<Region, T>::template give_incomplete<K>(w);
    });
    shape::each_output([&]<int K>() {
      constexpr sink k = Region.gradient.sinks[K];
      constexpr output o = Region.outputs[K];
      constexpr int axis = k.other < 0 ? k.table : shape::width_axis(k.other);
      if constexpr (shape::is_wide(K)) {
        const extent_t width = w.extents.template row_width<K>();
        const view& v = call.outputs[K];
        const extent_t stride = stride_along(axis, v);
        alignas(64) T by[rows];
        std::fill(by, by + rows, sinks::template factor<K>(w));
        if constexpr (o.type == element_of<T>) {
          T* to[rows]{};
          for (int r = 0; r < count; ++r) to[r] = static_cast<T*>(v.data) + sinks::row_at(call, w, v, r);
          simd::transpose_out<T>(w.sums[K], by, width, to, count, stride);
        } else {
          for (int r = 0; r < count; ++r)
            for (extent_t e = 0; e < width; ++e)
              put_element<o.type>(v.data, sinks::row_at(call, w, v, r) + e * stride, w.sums[K][e * rows + r] * by[r]);
        }
      } else if constexpr (k.kind == sink_kind::row_statistic) {
        statistics::template store<K>(call, w, count);
      } else if constexpr (k.kind == sink_kind::row_sum) {
        T* to = reinterpret_cast<T*>(item_sums::of(w.extents, s, K)) + number * w.extents.rows_total + first;
        for (int r = 0; r < count; ++r) to[r] = w.sums[K][r] * sinks::template factor<K>(w);
      }
    });
    w.await_before(w.extents.done(w.part));
    shape::each_output([&]<int K>() {
      if constexpr (Region.gradient.sinks[K].kind == sink_kind::uniform_sum)
        // mutants: last_rows_not_summed
        for (int r = 0; r < count; ++r) w.item->total[K] += double(w.sums[K][r]);
      else if constexpr (Region.gradient.sinks[K].kind == sink_kind::table_sum)
        // mutants: last_tile_not_in_table
        for (extent_t i = 0; i < w.extents.entries[K]; ++i) w.item->table[K][i] += w.table[K][i];
    });
  }
  // Before the first block of a part, when the part before it is done.
  static void begin_part(const environment& call, work& w) {
    item_type& i = *w.item;
    score_columns<Region, T>::set(w.state->item, w.extents.keys, i.bounds);
    i.set_keys(call, w.extents, *w.state);
    shape::each_output([&]<int K>() {
      constexpr sink k = Region.gradient.sinks[K];
      i.total[K] = 0;
      if constexpr (k.kind == sink_kind::column_product) {
        if (!(shape::carries(K) && w.part > 0))
          std::memset(i.sums[K], 0, std::size_t(w.extents.keys * w.extents.padded[k.other]) * sizeof(T));
      } else if constexpr (k.kind == sink_kind::table_product) {
        skewed_sinks<Region, T>::template begin<K>(call, w);
      } else if constexpr (k.kind == sink_kind::column_sum) {
        std::memset(i.sums[K], 0, std::size_t(w.extents.keys) * sizeof(T));
      } else if constexpr (k.kind == sink_kind::table_sum) {
        std::fill_n(i.table[K], w.extents.entries[K], 0.0);
      }
    });
  }
  // After its last block, when all are done.
  static void end_part(const environment& call, const scratch& s, const work& w) {
    const extent_t number = w.owner * w.extents.serial + w.part;
    shape::each_output([&]<int K>() {
      constexpr sink k = Region.gradient.sinks[K];
      if constexpr (k.kind == sink_kind::column_product) {
        if (!shape::carries(K) || w.part + 1 == w.extents.serial) sinks::template store_columns<K>(call, w);
      } else if constexpr (k.kind == sink_kind::table_product) {
        skewed_sinks<Region, T>::template end<K>(call, w);
      } else if constexpr (k.kind == sink_kind::column_sum) {
        T* const to = reinterpret_cast<T*>(item_sums::of(w.extents, s, K)) + number * w.extents.keys;
        for (extent_t j = 0; j < w.extents.keys; ++j) to[j] = w.item->sums[K][j] * sinks::template factor<K>(w);
      } else if constexpr (k.kind == sink_kind::uniform_sum) {
        reinterpret_cast<double*>(item_sums::of(w.extents, s, K))[number] =
            w.item->total[K] * double(sinks::template factor<K>(w));
      } else if constexpr (k.kind == sink_kind::table_sum) {
        double* const to = reinterpret_cast<double*>(item_sums::of(w.extents, s, K)) + number * w.extents.entries[K];
        for (extent_t j = 0; j < w.extents.entries[K]; ++j)
          to[j] = w.item->table[K][j] * double(sinks::template factor<K>(w));
      }
    });
  }
  // One step: a block of a part of an item.
  static void one_step(const environment& call, const scratch& s, work& w, item_type& item, extent_t owner,
                       extent_t number) {
    const extent_t part = number / w.extents.blocks;
    w.block = number % w.extents.blocks;
    if (w.owner != owner || w.part != part) w.enter(call, item, owner, part);
    w.await_begin();
    if (w.block == 0) begin_part(call, w);
    w.reach(w.extents.begun(part));
    w.use_keys();
    if (w.extents.rows_total > 0) block_of_rows(call, s, w);
    if (w.block + 1 == w.extents.blocks) end_part(call, s, w);
    w.reach(w.extents.done(part));
  }
  // What a thread does: see for_each_step.
  struct worker {
    const environment& call;
    const scratch& memory;
    work& own;
    std::byte* items;
    std::size_t item_size;

    item_type& at(std::ptrdiff_t place) const {
      return *reinterpret_cast<item_type*>(items + std::size_t(place) * item_size);
    }
    void open(extent_t, std::ptrdiff_t place) const {
      pieces take{items + std::size_t(place) * item_size};
      item_type& item = *new (static_cast<void*>(take.of<item_type>(1))) item_type;
      item.place(call, own.extents, take);
      for (extent_t i = 0; i < own.extents.blocks; ++i) new (item.blocks + i) milestone{0};
    }
    void step(extent_t owner, std::ptrdiff_t place, extent_t number) const {
      one_step(call, memory, own, at(place), owner, number);
    }
  };
  static void run(const environment& call, const scratch& s) {
    const sizes n(call);
    pieces all{s.shared};
    const shared_memory shared = lay_out(call, n, all);
    for_each_step(n.serial > 0 ? n.owners : 0, n.serial * n.blocks, call.threads, shared.open, [&](int thread) {
      pieces own{s.of(thread)};
      work& w = *new (static_cast<void*>(own.of<work>(1))) work(call);
      w.place(own);
      return worker{call, s, w, shared.items, shared.item_size};
    });
    item_sums::finish(call, n, s);
  }
};

template <const auto& Region>
struct score_gradient_kernel {
  using loops = score_gradient_loops<Region, std::conditional_t<Region.real == element::f64, double, float>>;
  static scratch_need need(const environment& c) { return loops::need(c); }
  static void run(const environment& c, const scratch& s) noexcept { loops::run(c, s); }
};

}  // namespace heed::internal::run::inline HEED_INSTRUCTION_SET
