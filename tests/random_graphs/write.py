"""Writes graphs and the values that must come out as a C++ program."""
import math

import numpy as np

from graphs import reached
from nodes import COMPARISONS, JUMPS, REAL_FUNCTIONS, is_real

CPP = {"bool": "bool", "int": "std::int64_t", "i32": "std::int32_t", "i64": "std::int64_t", "real": "float", "f32": "float", "f64": "double"}
GATE = 16                # units that the fused graph may be off
ORACLE_GATE = 4          # and `reference`, of a float graph: it rounds constants, nothing else
DRAWN_GATE = 16          # ... in units that are estimated from the inputs alone, at extents that the program draws
MOST_WANTED = 60


def literal(x):
    x = float(x)
    if math.isnan(x):
        return "NAN"
    if math.isinf(x):
        return "INFINITY" if x > 0 else "-INFINITY"
    return repr(int(x)) if x == int(x) and abs(x) < 1e15 else repr(x)


def constant_text(v):
    if isinstance(v, bool):
        return "true" if v else "false"
    return f"({v!r})" if v < 0 else repr(v)


WRITTEN = {
    "index": "{axis}",
    "size": "size<{axis}>",
    "input": "{name}",
    "negate": "(-{0})",
    "!": "(!{0})",
    "raise": "pow({0}, {1})",
    "rename": "rename<{from}, {to}>({0})",
    "slice": "slice<{from}, {to}, {at}>({0})",
    "split": "split<{from}, {major}, {minor}>({0})",
    "merge": "merge<{major}, {minor}, {to}>({0})",
    "shift": "shift<{axis}>({0}, {by})",
    "concat": "concat<{first}, {second}, {to}>({0}, {1})",
    "gather": "gather<{along}>({0}, {1})",
} | {op: "({0} " + op + " {1})" for op in ("+", "-", "*", "/", "&&", "||") + COMPARISONS}
REDUCTIONS = ("dot", "sum", "reduce_max", "reduce_min", "mean", "logsumexp", "softmax")


def node_text(node, of):
    """One operation; `of` gives the text of an operand."""
    i, a = node.info, [of(x) for x in node.args]
    op = node.op
    if op in WRITTEN:
        return WRITTEN[op].format(*a, **i)
    if op == "constant":
        return constant_text(i["value"])
    if op in REAL_FUNCTIONS + JUMPS or op in ("abs", "random_uniform", "min", "max", "clamp", "where", "mask"):
        return f"{op}({', '.join(a)})"
    if op == "pow":
        return f"pow({a[0]}, {constant_text(i['exponent'])})"
    if op == "cast":
        return f"cast<{CPP[i['to']]}>({a[0]})"
    if op == "running_sum":
        return f"running_sum<{i['over'][0]}>({a[0]}{', from_the_end' if i['from_the_end'] else ''})"
    if op == "entmax":
        along, alpha = i["over"][0], i["alpha"]
        return f"sparsemax<{along}>({a[0]})" if alpha == 2 else f"entmax15<{along}>({a[0]})" if alpha == 1.5 else f"entmax<{along}>({alpha}, {a[0]})"
    if op == "among_largest":
        return f"({a[0]} >= kth_largest<{i['over'][0]}>({a[0]}, {i['count']}))"
    if op in REDUCTIONS:
        return f"{op.replace('reduce_', '')}<{', '.join(i['over'])}>({', '.join(a)})"
    if op == "arrange":
        return f"arrange<{', '.join(i['order'])}>({a[0]})"
    name = i["name"]
    if name == "at":
        return f"{a[0]}.at({a[1]})"
    if name == "sliding_window":
        a += [str(i[k]) for k in ("left", "right") if k in i]
    along = [i[k] for k in ("width", "half", "keys", "words") if k in i]
    return f"{name}{'<' + ', '.join(along) + '>' if along else ''}({', '.join(a)})"


def definitions(graph):
    """The lines that declare axes, inputs and expressions, and the names of the results."""
    nodes = reached(graph.results)
    uses = {}
    for x in nodes:
        for a in x.args:
            uses[id(a)] = uses.get(id(a), 0) + 1
    names, lines = {}, []
    axes = axes_of(nodes)
    for name in axes:
        a = graph.axes[name]
        lines.append(f'constexpr axis<"{name}"{", " + str(a.extent) if a.static else ""}> {name};')
    results = {id(r) for r in graph.results}

    def of(x):
        return names[id(x)] if id(x) in names else node_text(x, of)
    for x in nodes:
        if x.op == "input":
            element = "" if x.element == "f32" else f", {CPP[x.element]}"
            lines.append(f'constexpr auto {x.info["name"]} = input<"{x.info["name"]}"{element}>({", ".join(x.axes)});')
        elif x.op not in ("constant", "index", "size") and (uses.get(id(x), 0) > 1 or id(x) in results or len(node_text(x, of)) > 100):
            name = f"v{len(names)}"
            lines.append(f"constexpr auto {name} = {node_text(x, of)};")
            names[id(x)] = name
    return lines, [names[id(r)] for r in graph.results]


def axes_of(nodes):
    axes = []
    for x in nodes:
        i = x.info
        mentioned = list(x.axes) + list(i.get("over", ())) + [i[k] for k in ("axis", "from", "to", "major", "minor", "first", "second", "along", "width", "half", "keys", "words")
                                                              if k in i and isinstance(i[k], str) and (k != "to" or x.op != "cast")]
        if x.op == "composite":
            mentioned += [a for b in reached([x.body]) for a in b.axes]
        axes += mentioned
    return list(dict.fromkeys(axes))


def chosen(size, seed):
    if size <= MOST_WANTED:
        return list(range(size))
    rng = np.random.default_rng(seed)
    return sorted(int(i) for i in rng.choice(size, MOST_WANTED, replace=False))


def declared_step(graph, mode, results, real):
    """The lines that declare what is called, `step`, what is asked of the oracle, and how a cotangent is named."""
    listed = results[real[0]] if len(real) == 1 else f"results({', '.join(results[k] for k in real)})" if real else ""
    wrt = f"wrt({', '.join(x.info['name'] for x in graph.wrt)})"
    joint = f"results({', '.join(results)}, gradient<{listed}>({wrt}))"
    if mode == "two passes":
        asked = f"results({', '.join(results[k] for k in real)}, gradient<{listed}>({wrt}))"
        lines = [f"constexpr auto step = differentiable<{listed}>({wrt});"]
        return lines + [f"constexpr auto asked = {asked};"] * is_drawn_again(graph), "asked", listed
    step = {"forward": f"results({', '.join(results)})", "gradient": f"gradient<{listed}>({wrt})", "joint": joint}[mode]
    return [f"constexpr auto step = {step};"], "step", listed


def is_drawn_again(graph):
    """Is there an axis whose extent the program may draw?"""
    return any(graph.axes[a].drawn != "fixed" for a in axes_of(reached(graph.results)))


def operand_lines(case, inputs, real, mode, listed):
    """The lines that make what goes in, and how it is bound: inputs, cotangents."""
    graph, lines, bindings, cotangents = case.graph, [], [], []

    def operand(variable, element, axes, values, low, high, more=""):
        names = ", ".join(f'"{a}"' for a in axes)
        numbers = ", ".join(literal(v) for v in np.asarray(values).flat)
        made = f'all.input<{CPP[element]}>("{variable}", {{{names}}}, {{{numbers}}}, {low}, {high}{more})'
        lines.append(f"  auto& {variable} = {made};")
    for x in inputs:
        name = x.info["name"]
        low, high = (0, 1) if x.element == "bool" else (x.info["low"], x.info["high"] or 0)
        if is_real(x.element):
            low, high = -1.2, 1.2
        operand(f"in_{name}", x.element, x.axes, case.inputs[name], low, high)
        bindings.append(f"{name} = in_{name}.bind()")
    carried = {a for x in inputs for a in x.axes}
    nodes = reached(graph.results if mode in ("forward", "joint") else graph.differentiable_results())
    bindings += [f'with({a}, all["{a}"])' for a in axes_of(nodes) if a not in carried and not graph.axes[a].static]
    for place, k in enumerate(real):
        r = graph.results[k]
        if mode != "forward" and r.axes:
            operand(f"cot_{k}", r.element, r.axes, case.cotangents[k], -1.2, 1.2, ", true")
            cotangents.append(f"cotangent<{listed}{'' if len(real) == 1 else f', {place}'}> = cot_{k}.bind()")
    return lines, bindings, cotangents


def result_lines(case, results, real, mode):
    """The lines that make room for what comes out, and the names of it: of the forward pass, of the backward pass."""
    graph, lines, forward, backward = case.graph, [], [], []

    def result(variable, element, axes, what, wants):
        names = ", ".join(f'"{a}"' for a in axes)
        numbers = ", ".join(f"{{{i}, {literal(v)}, {u:.4g}}}" for i, v, u in wants)
        lines.append(f'  auto {variable} = all.result<{CPP[element]}>("{what}", {{{names}}}, {{{numbers}}});')
        return variable
    for k, r in enumerate(graph.results):
        if mode == "gradient" or mode == "two passes" and k not in real:
            continue
        values, unit = case.results[k], case.result_units[k]
        wants = [(i, values.flat[i], unit.flat[i]) for i in chosen(values.size, graph.number)]
        forward.append(result(f"out_{k}", r.element, r.axes, f"result {k} ({results[k]})", wants))
    for x in graph.wrt if mode != "forward" else []:
        name = x.info["name"]
        wants = [(at, s, u) for (n, at), s, u in zip(case.seeds, case.slopes, case.slope_units) if n == name]
        backward.append(result(f"grad_{name}", x.element, x.axes, f"gradient of {name}", wants))
    return lines, forward, backward


def graph_text(case, fused=True):
    """A namespace with the graph and a function that checks it; not fused, it is compared by `reference` alone."""
    graph = case.graph
    lines, results = definitions(graph)
    nodes = reached(graph.results if graph.mode in ("forward", "joint") else graph.differentiable_results())
    real = [k for k, r in enumerate(graph.results) if is_real(r.element)]
    mode = "gradient" if graph.mode == "two passes" and not fused else graph.mode
    step, asked, listed = declared_step(graph, mode, results, real)
    operands, bindings, cotangents = operand_lines(case, [x for x in nodes if x.op == "input"], real, mode, listed)
    rooms, forward, backward = result_lines(case, results, real, mode)
    out = [f"namespace g{graph.number} {{", "using namespace heed;"] + lines + step
    out += ["void check(random_graphs::report& report) {", "  random_graphs::sheet all(report);"]
    for a in axes_of(nodes):
        kind = graph.axes[a].drawn
        more = "" if kind == "fixed" else f", random_graphs::axis_kind::{kind}"
        out.append(f'  all.axis("{a}", {graph.axes[a].extent}{more});')
    out += operands + rooms
    call = lambda names, of: "into(" + ", ".join(f"{n}.{of}.bind()" for n in names) + ")"
    arguments = ", ".join(bindings + cotangents)
    if mode == "two passes":
        out += ["  const auto fused = [&] {", "    auto saved = step.saved();",
                f"    step.forward({', '.join(['saved'] + bindings + [call(forward, 'fused')])});",
                f"    step.backward(saved, {arguments}, {call(backward, 'fused')});", "  };"]
    elif fused:
        out.append(f"  const auto fused = [&] {{ fuse<step>({arguments}, {call(forward + backward, 'fused')}); }};")
    again = fused and is_drawn_again(graph)
    has_oracle = mode != "two passes" or again
    if has_oracle:
        into = call(forward + backward, "oracle")
        out.append(f"  const auto oracle = [&] {{ reference<{asked}>({arguments}, {into}); }};")
    both = f"{'fused' if fused else 'nullptr'}, {'oracle' if has_oracle else 'nullptr'}"
    out.append(f"  all.check_given({both}, {GATE}, {ORACLE_GATE});")
    if again:
        out.append(f"  const auto moved = [&](std::mt19937& random, double by) {{ random_graphs::moved<{asked}>(random, by, {arguments}, {into}); }};")
        out.append("  for (int i = 0; i < random_graphs::draws(); ++i)")
        may_have_nan = "true" if mode == "forward" else "false"
        out.append(f"    all.check_drawn(fused, oracle, moved, {graph.seed}, i, {may_have_nan}, {DRAWN_GATE});")
    if mode != "two passes":
        out.append("  random_graphs::show_loops<step>(report);")
    out += ["}", f"}}  // namespace g{graph.number}"]
    return "\n".join(out)


def program(cases, fused=True):
    text = ["// Made by write.py.", '#include "sheet.hpp"', ""]
    for c in cases:
        text += [graph_text(c, fused), ""]
    entries = ", ".join(f"{{{c.graph.number}, g{c.graph.number}::check}}" for c in cases)
    text.append(f"int main(int argc, char** argv) {{ return random_graphs::run_all({{{entries}}}, argc, argv); }}")
    return "\n".join(text) + "\n"
