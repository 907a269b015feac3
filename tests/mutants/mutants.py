#!/usr/bin/env python3
"""Breaks the library, one small mistake at a time, and shows that a test notices each: a mutant that survives fails this run.
First the unbroken library must pass the same tests. Each victim stands below a comment `// mutants: NAME`, in whatever header. With --find it only looks for the places to break, which takes no time: whoever
moves one learns of it at once."""
import argparse, concurrent.futures, os, pathlib, re, shutil, subprocess, sys, tempfile

MEANING = ["tests/plan/meaning.cpp"]
KERNELS = ["tests/regions/bugs_of_others.cpp", "tests/regions/score.cpp"]  # until one fails
DIFFERENCES = ["tests/gradient/composites.cpp"]
BACKWARD = ["tests/regions/score_gradient.cpp"]
STATISTICS = ["tests/regions/row_statistics.cpp"]
RANGES = ["tests/regions/loop_ranges.cpp"]
TERMS = ["tests/regions/several_contractions.cpp"]
METRICS = ["tests/regions/metric_scores.cpp"]
APART = ["tests/regions/packs_apart.cpp"]
FOREIGN = ["tests/export/errors.cpp"]
NEAR = 12  # lines behind its comment in which the victim stands
MUTANTS = [  # name, a pattern that matches the victim (a space: any white space), what the mutant writes, tests of which one must fail
    ("softcap_after_mask", r"return \{emit\(x\.code, x\.type, p\.a, p\.b, p\.c, x\.value\), keep\};",
     r"return {emit(x.code, x.type, p.a, p.b, p.c, x.value), x.code == op::tanh ? instruction_id(0) : keep};", MEANING),
    ("causal_off_by_one", r"return I\(key\);", r"return I(key - 1);", KERNELS),
    ("groups_tiled", r"split<Heads, KvHeads, Group>", r"split<Heads, Group, KvHeads>", KERNELS),
    ("rescale_dropped", r"simd::exp2_weight\(old - next\)", r"P(T(1))", KERNELS),
    ("tail_dropped", r"k < groups", r"k < (end - first) / group", KERNELS),
    ("wrong_interval_for_less", r"truth\(a\.hi < b\.lo, a\.lo < b\.hi\)", r"truth(a.lo < b.hi, a.lo < b.hi)", KERNELS),
    ("mask_multiplied", r"simd::select\((seen), ([^,;]+), nothing\)",
     r"(\2 * simd::select(\1, P(T(1)), P(T(0))) + simd::select(\1, P(T(0)), nothing))", KERNELS),
    ("last_keys_dropped", r"w\.batch\.note\((\w+), (\w+)", r"if (\1 + \2 < w.extents.keys) w.batch.note(\1, \2", KERNELS),
    ("lse_in_base_2", r"std::log2\(s\)\) \* ln2", r"std::log2(s))", KERNELS),
    ("mixed_tile_called_full", r"keep\.lo > 0 \? tile_kind::full", r"keep.hi > 0 ? tile_kind::full", KERNELS),
    ("key_axes_confused", r"whole_number\(op::remainder, left, size\)", r"whole_number(op::remainder, add_index(after, one()), size)",
     ["tests/plan/key_axes.cpp"]),
    ("sign_of_score_gradient", r"times\(p, minus\(reached, delta\)\)", r"times(p, minus(delta, reached))", DIFFERENCES),
    ("diagonal_dropped_backward", r"classify\(c, bounds, from, ", r"classify(c, bounds, from + 1, ", BACKWARD),
    ("pack_dropped_backward", r"packs\.count > 0", r"packs.count > 1", BACKWARD),
    ("packs_side_by_side", r"Packs == 2 \? step : 1", r"1", APART),
    ("last_of_packs_apart_not_summed", r"part\.packs = run;", r"part.packs = run; if (run.first > s.packs.first) return;", APART),
    ("group_not_summed", r"T\* to = w\.sums\[K\] \+ s\.first \* stride;",  # keys hear of a group's last query head alone
     r"""\g<0>
            if constexpr (Region.rows.count > 1)
              for (int i = 0; i < s.count * rows; ++i)
                if ((w.first_row + row + i % rows + 1) % call.extent[Region.rows[Region.rows.count - 1]]) const_cast<T*>(p)[i] = 0;""", BACKWARD),
    ("lse_in_base_e_backward", r"T\(e \* 1\.44269\d*\)", r"T(e)", BACKWARD),
    ("last_rows_not_summed", r"w\.item->total\[K\] \+= ", r"if (count == rows) \g<0>", BACKWARD),
    ("last_keys_not_summed", r"w\.item->sums\[K\]\[s\.first \+ j\] \+= ", r"if (s.count % group == 0) \g<0>", BACKWARD),
    ("last_tile_not_in_table", r"w\.item->table\[K\]\[i\] \+= ", r"if (count == rows) \g<0>", BACKWARD),
    ("weight_over_1", r"simd::min\(T\(0\), z", r"simd::min(T(99), z", BACKWARD),
    ("saved_of_other_extents", r"head\.extents\[axis\] != frame\.extent\[axis\]", r"false", FOREIGN),
    ("workspace_over_results", r"k < names\.callers_results", r"k < 0", FOREIGN),
    ("carry_dropped", r"return carry\[Part\] = carry\[Part\] \+ v", r"return carry[Part] = v", ["tests/regions/running_sum.cpp"]),
    ("running_sum_not_begun", r"2 \* rows, T\(0\)\)", r"0, T(0))", ["tests/regions/running_sums_in_regions.cpp"]),
    ("running_sum_against_the_visit", r"left\.add\(-sum\.high\)", r"left.add(sum.high)", ["tests/regions/running_sums_in_regions.cpp"]),
    ("running_sum_of_excluded", r"x = simd::select\(simd::is_excluded\(sums\.there\), P\(T\(0\)\), x\);", r"", ["tests/regions/running_sums_in_regions.cpp"]),
    ("halves_of_a_rotation_contracted", r"g\.extent\(i\) >= 8", r"true", ["tests/plan/summed_products.cpp"]),
    ("group_of_running_sums_against_the_visit", r"left\.add\(-sum\.high\)", r"left.add(sum.high)", ["tests/regions/running_sums_in_regions.cpp"]),
    ("group_of_running_sums_not_carried", r"sum\.add\(x\[N - 1\]\);", r"", ["tests/regions/running_sums_in_regions.cpp"]),
    ("odd_in_group_total", r"!simd::all\(sum_of_group - sum_of_group == P\(T\(0\)\)\)", r"false", ["tests/regions/running_sums_in_regions.cpp"]),
    ("group_sum_of_excluded", r"x = simd::select\(simd::is_excluded\(there\), P\(T\(0\)\), x\)", r"(void)0", ["tests/regions/running_sums_in_regions.cpp"]),
    ("sum_of_excluded_under_a_softmax", r"there = present\(env, there, i < count\)", r"(void)0", ["tests/regions/contextual.cpp"]),
    ("entry_of_first_row", r"to\[index\(at\[r\]\)", r"to[index(at[0])", ["tests/regions/contextual.cpp"]),
    ("running_sum_moves_on_late", r"there \? r\.at\[own\] \+ step", r"there ? r.at[own]", ["tests/regions/running_sums_over_pairs.cpp"]),
    ("stretch_not_continued", r"missing\.from = r\.to, r\.to = to", r"missing.from = to, r.to = to", RANGES),
    ("not_a_number_not_compared", r"strange = simd::select\(v != v, v, strange\)", r"(void)0", RANGES),
    ("range_of_what_is_left_out", r"!leaves_some\(from\)", r"leaves_some(from)", RANGES),
    ("kth_largest_of_one_more", r"simd::min\(rank, count\)", r"simd::min(rank + P(T(1)), count)", STATISTICS),
    ("rank_of_one_row", r"rank\[r\] = ", r"rank[0] = ", ["tests/regions/ranks_at_run_time.cpp"]),
    ("one_step_to_the_threshold", r"steps < most_steps", r"steps < 1", STATISTICS),
    ("statistic_of_what_is_excluded", r"if \(mixed && met\) x = ", r"if (false) x = ", STATISTICS),
    ("factor_of_what_is_ranked", r"op::multiply \|\| is_ranked\(to, found\.tile_user\)", r"op::multiply", STATISTICS),
    ("few_rows_confused", r"contract_row\(q \+ r \* depth", r"contract_row(q", ["tests/regions/few_rows.cpp"]),
    ("few_keys_confused", r"scores \+ \(first - w\.batch\.contracted\)", r"scores + (first - w.batch.contracted) % 64", ["tests/regions/few_rows.cpp"]),
    ("term_of_first_key", r"tiles\.of \+ key", r"tiles.of + 0", TERMS),
    ("term_not_scaled", r"program_type::template uniform<t\.scale>\(c\)", r"T(1)", TERMS),
    ("term_not_scaled_backward", r"program_type::template uniform<t\.scale>\(\*state\)", r"T(1)", TERMS),
    ("maximum_contracted_again", r"plan\.g\[i\]\.code == op::max && uses\.compared", r"false && uses.compared", ["tests/regions/decisions.cpp"]),
    ("skew_off_by_one", r"1 << s", r"(1 << s) + (s == 0)", ["tests/regions/distances.cpp"]),
    ("choice_of_a_later_key", r"want\.constant <= have\.constant", r"want.constant >= have.constant", ["tests/regions/convolved_scores.cpp"]),
    ("condition_not_shifted", r"g\.add_constant\(by\.value, element::integer\)", r"g.add_constant(0, element::integer)",
     ["tests/regions/convolved_scores.cpp"]),
    ("difference_not_squared", r"fma\(difference, difference, sum\)", r"fma(row, column, sum)", METRICS),
    ("slope_of_absolute_difference", r"fma\(weight, sign\(other - own\), sum\)", r"fma(weight, other - own, sum)", METRICS),
    ("differences_of_what_is_excluded", r"if \(\(s\.mixed \|\| k\.keep\) && !\(w\.finite\[k\.own\]", r"if (false && !(w.finite[k.own]", METRICS),
    ("product_left_to_no_region", r"if \(left_to_region\[i\]", r"if (false && left_to_region[i]", ["tests/regions/stored_weights.cpp"]),
    ("excluded_behind_the_weights", r"slot<Region, pack_environment, k\.keep>\(all\), x, simd::excluded<P>\(\)",
     r"slot<Region, pack_environment, k.keep>(all), x, P(T(0))", ["tests/gradient/excluded.cpp"]),
    ("last_keys_of_chunk_not_staged", r"some\.make\(some, index, at, to, rows\)", r"some.make(some, index, at, to == end ? to - 1 : to, rows)",
     ["tests/regions/staged_keys.cpp"]),
    ("known_axis_taken_for_the_width", r"own & bit\(order\[fastest\]\)", r"(own & ~runtime_axes(g) ? own & ~runtime_axes(g) : own) & bit(order[fastest])",
     ["tests/plan/mixed_heads.cpp"]),
    ("delta_dropped", r"times\(p, minus\(reached, delta\)\)", r"times(p, reached)", DIFFERENCES),
]

def passes(compiler, include, source, test, work):
    """True if the test compiles against `include` and passes."""
    program = work / "test"
    command = [compiler, "-std=c++20", "-O1", "-march=native", "-w", "-fopenmp", f"-I{include}", f"-I{source}/tests/support",
               "-DBOOST_TEST_DYN_LINK", "-DBOOST_TEST_MODULE=mutant", str(source / test), "-o", str(program), "-lboost_unit_test_framework"]
    if subprocess.run(command, stdout=subprocess.DEVNULL).returncode != 0:
        raise SystemExit(f"mutants: {test} does not compile against {include}")
    try:
        return subprocess.run([str(program)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, timeout=200).returncode == 0
    except subprocess.TimeoutExpired:
        return False

def spaced(pattern):
    """A pattern whose spaces match line breaks too."""
    return re.sub(r"(?<!\\) ", r"\\s+", pattern)

def victim(include, name, pattern):
    """The header that holds the victim and the match in its text; a sentence if there is none."""
    marked = re.compile(rf"// mutants:.*\b{name}\b.*\n(?:.*\n){{1,{NEAR}}}")
    found = [(path, text, mark) for path in sorted(include.rglob("*.hpp")) for text in [path.read_text()] for mark in marked.finditer(text)]
    if len(found) != 1:
        return f"mutants: {name} breaks what stands below a comment `// mutants: {name}`, and there are {len(found)} of them"
    path, text, mark = found[0]
    below = re.search(spaced(pattern), text[mark.start():mark.end()])
    if not below:
        return (f"mutants: {name} breaks what matches `{pattern}` in the {NEAR} lines below its comment in {path.relative_to(include)}, and "
                f"nothing does: if the line was rewritten, adapt the pattern and what the mutant writes there")
    return path, text, mark.start() + below.start(), mark.start() + below.end()

def broken(text, start, end, pattern, replacement):
    return text[:start] + re.sub(spaced(pattern), replacement, text[start:end]) + text[end:]

def fault(include, name, pattern, replacement):
    """Why a mutant cannot be made, in a sentence; None if it can."""
    found = victim(include, name, pattern)
    if isinstance(found, str):
        return found
    path, text, start, end = found
    return f"mutants: {name} changes nothing in {path.name}" if broken(text, start, end, pattern, replacement) == text else None

def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--compiler", default="g++")
    parser.add_argument("--source", type=pathlib.Path, default=pathlib.Path(__file__).resolve().parents[2])
    parser.add_argument("--find", action="store_true", help="only look for the places to break")
    parser.add_argument("names", nargs="*", help="which mutants (all)")
    arguments = parser.parse_args()
    chosen = [m for m in MUTANTS if not arguments.names or m[0] in arguments.names]
    lost = [sentence for mutant in chosen if (sentence := fault(arguments.source / "include/heed", *mutant[:3]))]
    if lost or arguments.find:  # before anything is compiled
        print("\n".join(lost) or f"{len(chosen)} places to break are there")
        return 1 if lost else 0
    with tempfile.TemporaryDirectory() as folder:
        return judge(arguments, chosen, pathlib.Path(folder))

def judge(arguments, chosen, folder):
    """Each at once with others, in a folder of its own; the unbroken library first."""
    def place(name):
        (folder / name).mkdir()
        return folder / name

    def unbroken(test):
        return test, passes(arguments.compiler, arguments.source / "include", arguments.source, test, place(pathlib.Path(test).stem))

    def killer(mutant):
        name, pattern, replacement, tests = mutant
        work = place("mutant_" + name)
        include = work / "include"
        shutil.copytree(arguments.source / "include", include)
        path, text, start, end = victim(include / "heed", name, pattern)
        path.write_text(broken(text, start, end, pattern, replacement))
        return mutant, next((t for t in tests if not passes(arguments.compiler, include, arguments.source, t, work)), None)

    survivors = 0
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        for test, well in pool.map(unbroken, dict.fromkeys(t for m in chosen for t in m[3])):
            if not well:
                sys.exit(f"mutants: {test} fails on the unbroken library")
        for (name, _, _, tests), test in pool.map(killer, chosen):
            print(f"{name:26} {'killed by ' + test if test else 'SURVIVES ' + ', '.join(tests)}", flush=True)
            survivors += test is None
    return 1 if survivors else 0

if __name__ == "__main__":
    sys.exit(main())
