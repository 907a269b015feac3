"""Writes graphs and the values that must come out as a C++ program."""
import math

import numpy as np

from graphs import reached
from nodes import COMPARISONS, JUMPS, REAL_FUNCTIONS

CPP = {"bool": "bool", "int": "std::int64_t", "i32": "std::int32_t", "i64": "std::int64_t", "real": "float", "f32": "float", "f64": "double"}
GATE = 16                # units that the fused graph may be off
ORACLE_GATE = 4          # and `reference`, of a float graph: it rounds constants, nothing else
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


def graph_text(case, fused=True):
    """A namespace with the graph and a function that checks it; not fused, it is compared by `reference` alone."""
    graph = case.graph
    lines, results = definitions(graph)
    nodes = reached(graph.results if graph.mode in ("forward", "joint") else graph.differentiable_results())
    inputs = [x for x in nodes if x.op == "input"]
    out = [f"namespace g{graph.number} {{", "using namespace heed;"] + lines
    real = [k for k, r in enumerate(graph.results) if r.element in ("real", "f32", "f64")]
    mode = "gradient" if graph.mode == "two passes" and not fused else graph.mode
    listed = results[real[0]] if len(real) == 1 else f"results({', '.join(results[k] for k in real)})" if real else ""
    wrt = f"wrt({', '.join(x.info['name'] for x in graph.wrt)})"
    if mode == "forward":
        out.append(f"constexpr auto step = results({', '.join(results)});")
    elif mode == "gradient":
        out.append(f"constexpr auto step = gradient<{listed}>({wrt});")
    elif mode == "joint":
        out.append(f"constexpr auto step = results({', '.join(results)}, gradient<{listed}>({wrt}));")
    else:
        out.append(f"constexpr auto step = differentiable<{listed}>({wrt});")
    out.append("void check(random_graphs::report& report) {")
    out.append("  using random_graphs::filled, random_graphs::room;")
    extents = graph.extents()
    shape = lambda axes: ", ".join(str(extents[a]) for a in axes)
    bindings = []
    for x in inputs:
        name, t, values = x.info["name"], CPP[x.element], case.inputs[x.info["name"]]
        if x.axes:
            out.append(f"  const auto in_{name} = filled<{t}>({{{shape(x.axes)}}}, {{{', '.join(literal(v) for v in values.flat)}}});")
        else:
            out.append(f"  const {t} in_{name} = {literal(values)};")
        bindings.append(f"{name} = in_{name}")
    carried = {a for x in inputs for a in x.axes}
    for a in axes_of(nodes):
        if a not in carried and not graph.axes[a].static:
            bindings.append(f"with({a}, {extents[a]})")
    cotangents = []
    if mode != "forward":
        for place, k in enumerate(real):
            r = graph.results[k]
            if not r.axes:
                continue
            t = CPP[r.element]
            out.append(f"  const auto cot_{k} = filled<{t}>({{{shape(r.axes)}}}, {{{', '.join(literal(v) for v in case.cotangents[k].flat)}}});")
            cotangents.append(f"cotangent<{listed}> = cot_{k}" if len(real) == 1 else f"cotangent<{listed}, {place}> = cot_{k}")

    # what comes out: (memory, element, axes, what, wanted)
    forward, backward = [], []
    for k, r in enumerate(graph.results):
        if mode == "two passes" and k not in real:
            continue
        values, unit = case.results[k], case.result_units[k]
        wants = [(i, values.flat[i], unit.flat[i]) for i in chosen(values.size, graph.number)]
        forward.append((f"out_{k}", r.element, r.axes, f"result {k} ({results[k]})", wants))
    for x in graph.wrt:
        name = x.info["name"]
        wants = [(at, s, u) for (n, at), s, u in zip(case.seeds, case.slopes, case.slope_units) if n == name]
        backward.append((f"grad_{name}", x.element, x.axes, f"gradient of {name}", wants))
    if mode == "gradient":
        forward = []
    if mode == "forward":
        backward = []

    def memory(list_, prefix, doubles):
        for name, element, axes, _, _ in list_:
            t = "double" if doubles else CPP[element]
            out.append(f"  auto {prefix}{name} = room<{t}>({{{shape(axes)}}});" if axes else f"  {t} {prefix}{name} = {t}(77);")
        return ", ".join(prefix + entry[0] for entry in list_)

    def compared(list_, prefix, who):
        for name, element, axes, what, wants in list_:
            double = element == "f64"
            gate = GATE if who == "fuse" or double else ORACLE_GATE
            list_text = ", ".join(f"{{{i}, {literal(v)}, {u:.4g}}}" for i, v, u in wants)
            out.append(f'  report.compare("{who}", "{what}", {"" if axes else "&"}{prefix}{name}, {{{list_text}}}, {gate}, {"0x1p-29" if double else "1"});')
    both = bindings + cotangents
    if mode == "two passes":
        a, b = memory(forward, "", False), memory(backward, "", False)
        out.append("  auto saved = step.saved();")
        out.append(f'  report.call("fuse", [&] {{ step.forward({", ".join(["saved"] + bindings + ["into(" + a + ")"])}); }});')
        out.append(f'  report.call("fuse", [&] {{ step.backward({", ".join(["saved"] + both + ["into(" + b + ")"])}); }});')
        compared(forward + backward, "", "fuse")
    else:
        everything = forward + backward
        used = both
        if fused:
            into = memory(everything, "", False)
            out.append(f'  report.call("fuse", [&] {{ fuse<step>({", ".join(used + ["into(" + into + ")"])}); }});')
            compared(everything, "", "fuse")
        into = memory(everything, "ref_", True)
        out.append(f'  report.call("reference", [&] {{ reference<step>({", ".join(used + ["into(" + into + ")"])}); }});')
        compared(everything, "ref_", "reference")
        out.append("  random_graphs::show_loops<step>(report);")
    out += ["}", f"}}  // namespace g{graph.number}"]
    return "\n".join(out)


def program(cases, fused=True):
    text = ["// Made by write.py.", '#include "check.hpp"', ""]
    for c in cases:
        text += [graph_text(c, fused), ""]
    entries = ", ".join(f"{{{c.graph.number}, g{c.graph.number}::check}}" for c in cases)
    text.append(f"int main(int argc, char** argv) {{ return random_graphs::run_all({{{entries}}}, argc, argv); }}")
    return "\n".join(text) + "\n"
