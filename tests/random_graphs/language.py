"""The meaning of a graph, element by element, from the definitions in docs/language.md and from nothing of the library.

A node is an operation, its operands and what the language calls its shape. `evaluate` gives the value of a node: numbers in double,
a presence bit for each element, and the derivatives along some directions (forward mode), so that gradients come without a
backward pass. The same evaluation with every intermediate number moved by a unit in the last place tells how far off an honest
evaluation may be: that is the error unit."""
import math

import numpy as np


class Invalid(Exception):
    """A graph that cannot be written, or whose values are not fit for a comparison (a tie, a pole)."""


# ---- nodes ----------------------------------------------------------------------------------------------------------

ORDER = ["bool", "int", "i32", "i64", "real", "f32", "f64"]  # int and real: of a width that is still open


def is_real(element):
    return element in ("real", "f32", "f64")


def joined(*elements):
    if "bool" in elements or {"f32", "f64"} <= set(elements):
        raise Invalid("elements that do not meet")
    return max(elements, key=ORDER.index)


class Node:
    __slots__ = ("op", "args", "info", "axes", "element", "body")

    def __init__(self, op, args=(), info=None, axes=(), element="f32", body=None):
        self.op, self.args, self.info, self.axes, self.element, self.body = op, tuple(args), info or {}, tuple(axes), element, body


def union(*lists):
    result = []
    for axes in lists:
        result += [a for a in axes if a not in result]
    return tuple(result)


def without(axes, dropped):
    return tuple(a for a in axes if a not in dropped)


REAL_FUNCTIONS = ("exp", "exp2", "log", "tanh", "sqrt", "rsqrt", "erf", "sigmoid", "softplus", "sin", "cos")
JUMPS = ("sign", "floor", "round")  # whole numbers stay whole
COMPARISONS = ("<", "<=", ">", ">=", "==", "!=")


def need(condition, why="not a graph"):
    if not condition:
        raise Invalid(why)


def make(op, *args, **info):
    """A node, with the shape and element that the language gives it."""
    a = args[0] if args else None
    b = args[1] if len(args) > 1 else None
    real = lambda e: e if is_real(e) else "real"
    if op == "constant":
        v = info["value"]
        return Node(op, (), info, (), "bool" if isinstance(v, bool) else "int" if isinstance(v, int) else "real")
    if op == "index":
        return Node(op, (), info, (info["axis"],), "int")
    if op == "size":
        return Node(op, (), info, (), "int")
    if op == "input":
        return Node(op, (), info, info["axes"], info["element"])
    if op in REAL_FUNCTIONS or op == "pow":
        need(a.element != "bool")
        return Node(op, args, info, a.axes, real(a.element))
    if op in ("negate", "abs") + JUMPS:
        need(a.element != "bool")
        return Node(op, args, info, a.axes, a.element)
    if op == "clamp":
        return Node(op, args, info, union(*(x.axes for x in args)), joined(*(x.element for x in args)))
    if op == "raise":                                        # pow of two values
        return Node(op, args, info, union(a.axes, b.axes), real(joined(a.element, b.element)))
    if op in ("+", "-", "*", "min", "max"):
        return Node(op, args, info, union(a.axes, b.axes), joined(a.element, b.element))
    if op == "/":
        return Node(op, args, info, union(a.axes, b.axes), real(joined(a.element, b.element)))
    if op in COMPARISONS:
        joined(a.element, b.element)
        return Node(op, args, info, union(a.axes, b.axes), "bool")
    if op in ("&&", "||"):
        need(a.element == b.element == "bool")
        return Node(op, args, info, union(a.axes, b.axes), "bool")
    if op == "!":
        need(a.element == "bool")
        return Node(op, args, info, a.axes, "bool")
    if op == "where":
        c, x, y = args
        need(c.element == "bool")
        element = "bool" if x.element == y.element == "bool" else joined(x.element, y.element)
        return Node(op, args, info, union(x.axes, y.axes, c.axes), element)
    if op == "mask":
        need(b.element == "bool")
        return Node(op, args, info, union(a.axes, b.axes), a.element)
    if op == "cast":
        need(a.element != "bool")
        return Node(op, args, info, a.axes, info["to"])
    if op == "dot":
        need(all(x in a.axes and x in b.axes for x in info["over"]))
        return Node(op, args, info, without(union(a.axes, b.axes), info["over"]), real(joined(a.element, b.element)))
    if op in ("sum", "reduce_max", "reduce_min", "mean", "logsumexp", "softmax"):
        need(all(x in a.axes for x in info["over"]) and a.element != "bool")
        element = a.element if op in ("sum", "reduce_max", "reduce_min") else real(a.element)
        return Node(op, args, info, a.axes if op == "softmax" else without(a.axes, info["over"]), element)
    if op in ("rename", "slice"):
        need(info["from"] in a.axes and info["to"] not in a.axes)
        return Node(op, args, info, tuple(info["to"] if x == info["from"] else x for x in a.axes), a.element)
    if op == "split":
        need(info["from"] in a.axes and info["major"] not in a.axes and info["minor"] not in a.axes)
        axes = []
        for x in a.axes:
            axes += [info["major"], info["minor"]] if x == info["from"] else [x]
        return Node(op, args, info, axes, a.element)
    if op == "merge":
        need(info["major"] in a.axes and info["minor"] in a.axes and info["to"] not in a.axes)
        return Node(op, args, info, tuple(info["to"] if x == info["minor"] else x for x in a.axes if x != info["major"]), a.element)
    if op == "shift":
        need(info["axis"] in a.axes)
        return Node(op, args, info, a.axes, a.element)
    if op == "concat":
        x, y, z = info["first"], info["second"], info["to"]
        need(x in a.axes and y in b.axes and set(without(a.axes, [x])) == set(without(b.axes, [y])) and z not in a.axes)
        return Node(op, args, info, tuple(z if i == x else i for i in a.axes), joined(a.element, b.element))
    if op == "gather":
        need(info["along"] in a.axes and b.element in ("int", "i32", "i64") and info["along"] not in b.axes)
        return Node(op, args, info, union(b.axes, without(a.axes, [info["along"]])), a.element)
    if op == "arrange":
        need(set(info["order"]) == set(a.axes))
        return Node(op, args, info, info["order"], a.element)
    raise AssertionError(op)


def composite(name, args, **info):
    """One of the functions of the library that are written in the language; `body` is its formula."""
    body = FORMULAS[name](args, info)
    return Node("composite", args, dict(info, name=name), body.axes, body.element, body)


def constant(value):
    return make("constant", value=value)


def number(x):
    return x if isinstance(x, Node) else constant(x)


def add(a, b):
    return make("+", number(a), number(b))


def sub(a, b):
    return make("-", number(a), number(b))


def mul(a, b):
    return make("*", number(a), number(b))


def div(a, b):
    return make("/", number(a), number(b))


def conj(a, b):
    return make("&&", a, b)


def formula_scaled_dot(args, info):
    return div(make("dot", *args[:2], over=[info["width"]]), make("sqrt", make("size", axis=info["width"])))


def formula_attention(args, info):
    score = formula_scaled_dot(args, info)
    if len(args) == 4:
        score = make("mask", score, args[3])
    return make("dot", make("softmax", score, over=[info["keys"]]), args[2], over=[info["keys"]])


def formula_sink_attention(args, info):
    score, values, sink = args
    over = [info["keys"]]
    share = make("sigmoid", sub(make("logsumexp", score, over=over), sink))
    return mul(make("dot", make("softmax", score, over=over), values, over=over), share)


def formula_cosine(args, info):
    over = [info["width"]]
    product = make("dot", *args, over=over)
    for x in args:
        product = mul(product, make("rsqrt", make("sum", mul(x, x), over=over)))
    return product


def formula_project(args, info):
    product = make("dot", args[0], args[1], over=[info["width"]])
    return add(product, args[2]) if len(args) == 3 else product


def formula_layer_norm(args, info):
    over = [info["width"]]
    centred = sub(args[0], make("mean", args[0], over=over))
    result = mul(centred, make("rsqrt", add(make("mean", mul(centred, centred), over=over), 1e-5)))
    return add(mul(result, args[1]), args[2]) if len(args) == 3 else result


def formula_rms_norm(args, info):
    result = mul(args[0], make("rsqrt", add(make("mean", mul(args[0], args[0]), over=[info["width"]]), 1e-6)))
    return mul(result, args[1]) if len(args) == 2 else result


def formula_rotary(args, info):
    x, cosine, sine = args
    width, half = info["width"], info["half"]
    first, second = (make("slice", x, **{"from": width, "to": half, "at": at}) for at in (0, info["halfway"]))
    low = sub(mul(first, cosine), mul(second, sine))
    high = add(mul(second, cosine), mul(first, sine))
    both = make("concat", low, high, first=half, second=half, to=width)
    return make("arrange", both, order=x.axes)


def formula_cross_entropy(args, info):
    logits, target = args
    return sub(make("logsumexp", logits, over=[info["words"]]), make("gather", logits, target, along=info["words"]))


def formula_gelu_tanh(args, info):
    x = args[0]
    inner = mul(math.sqrt(2 / math.pi), add(x, mul(0.044715, mul(mul(x, x), x))))
    return mul(mul(x, 0.5), add(1, make("tanh", inner)))


def formula_window(args, info):
    n, m = args
    if "right" in info:
        return conj(make("<=", sub(n, m), constant(info["left"])), make("<=", sub(m, n), constant(info["right"])))
    return conj(make("<=", m, n), make("<", sub(n, m), constant(info["left"])))


FORMULAS = {
    "attention": formula_attention,
    "sink_attention": formula_sink_attention,
    "scaled_dot": formula_scaled_dot,
    "cosine_similarity": formula_cosine,
    "project": formula_project,
    "layer_norm": formula_layer_norm,
    "rms_norm": formula_rms_norm,
    "rotary": formula_rotary,
    "cross_entropy": formula_cross_entropy,
    "relu": lambda args, info: make("max", args[0], constant(0)),
    "silu": lambda args, info: mul(args[0], make("sigmoid", args[0])),
    "gelu": lambda args, info: mul(mul(args[0], 0.5), add(1, make("erf", mul(args[0], math.sqrt(0.5))))),
    "gelu_tanh": formula_gelu_tanh,
    "softcap": lambda args, info: mul(args[1], make("tanh", div(args[0], args[1]))),
    "alibi": lambda args, info: mul(args[0], sub(args[2], args[1])),
    "causal": lambda args, info: make("<=", args[1], add(args[0], args[2]) if len(args) == 3 else args[0]),
    "sliding_window": formula_window,
    "same_document": lambda args, info: make("==", make("gather", args[0], args[1], along=info["along"]),
                                             make("gather", args[0], args[2], along=info["along"])),
    "padding": lambda args, info: make("<", args[0], args[1]),
    # input.at(index): a gather along the input's last axis
    "at": lambda args, info: make("gather", args[0], args[1], along=args[0].axes[-1]),
}


# ---- values ---------------------------------------------------------------------------------------------------------

class Value:
    """Numbers over axes; `tangent` has one more axis in front, a direction each; `present` and `weightless` are booleans of the
    same shape, or None where all are present and none is the weight of something absent."""
    __slots__ = ("axes", "v", "tangent", "present", "weightless")

    def __init__(self, axes, v, tangent=None, present=None, weightless=None):
        self.axes, self.v, self.tangent, self.present, self.weightless = tuple(axes), v, tangent, present, weightless


def placed(array, own, axes, leading=0):
    """An array over the axes `own` as one that broadcasts over `axes`."""
    order = [own.index(a) + leading for a in axes if a in own]
    array = array.transpose(list(range(leading)) + order)
    shape, k = list(array.shape[:leading]), leading
    for a in axes:
        if a in own:
            shape.append(array.shape[k])
            k += 1
        else:
            shape.append(1)
    return array.reshape(shape)


def times(tangent, factor):
    """A tangent of 0 stays 0, whatever it meets: nothing depends on nothing."""
    return None if tangent is None else np.where(tangent == 0, 0, tangent * factor)


def plus(a, b):
    return b if a is None else a if b is None else a + b


erf = np.vectorize(math.erf, otypes=[float])


class Evaluation:
    # What lies nearer to a kink (a comparison, a maximum, an abs, a cast) than this, relative to what meets there, is not compared.
    near = 2e-4

    def __init__(self, extents, inputs, seeds=None, noise=None, unit=0.0, poisoned=False, excluded=()):
        """inputs: arrays by name; seeds: [(name, flat index)], the directions; noise: a generator of random numbers, by which every
        intermediate result is moved by `unit`; poisoned: be strict about NaN that could be meant to be computed with."""
        self.extents, self.inputs, self.seeds, self.noise, self.unit, self.poisoned = extents, inputs, seeds or [], noise, unit, poisoned
        self.excluded = excluded
        self.values = {}
        self.largest = 0.0

    def shape(self, axes):
        return tuple(self.extents[a] for a in axes)

    def moved(self, array):
        if array is None or self.noise is None or array.dtype.kind != "f":
            return array
        return array * (1 + self.unit * self.noise.choice([-1.0, 1.0], size=array.shape))

    def __call__(self, root):
        stack = [root]
        while stack:
            node = stack[-1]
            if id(node) in self.values:
                stack.pop()
                continue
            needed = [node.body] if node.op == "composite" else node.args
            missing = [x for x in needed if id(x) not in self.values]
            if missing:
                stack += missing
                continue
            stack.pop()
            with np.errstate(all="ignore"):
                value = self.values[id(needed[0])] if node.op == "composite" else self.element_wise(node)
            self.values[id(node)] = value
        return self.values[id(root)]

    def element_wise(self, node):
        if node.op not in ("input", "constant", "index", "size"):
            args = [self.values[id(x)] for x in node.args]
            value = getattr(self, "op_" + NAMES.get(node.op, node.op))(node, *args)
        elif node.op == "input":
            array = self.inputs[node.info["name"]]
            tangent = None
            mine = [(i, at) for i, (name, at) in enumerate(self.seeds) if name == node.info["name"]]
            if mine:
                tangent = np.zeros((len(self.seeds), array.size))
                for i, at in mine:
                    tangent[i, at] = 1
                tangent = tangent.reshape((len(self.seeds),) + array.shape)
            value = Value(node.axes, array, tangent)
        elif node.op == "constant":
            value = Value((), np.array(node.info["value"]))
        elif node.op == "index":
            value = Value(node.axes, np.arange(self.extents[node.info["axis"]]))
        else:
            value = Value((), np.array(self.extents[node.info["axis"]]))
        full = self.shape(node.axes)
        if value.v.shape != full:
            value.v = np.broadcast_to(value.v, full)
        if value.tangent is not None:
            if value.tangent.shape[1:] != full:
                value.tangent = np.broadcast_to(value.tangent, value.tangent.shape[:1] + full)
        if value.present is not None:
            value.present = np.broadcast_to(value.present, full)
            if value.present.all():
                value.present = None
        if node.op not in ("input", "constant", "index", "size"):
            value.v, value.tangent = self.moved(value.v), self.moved(value.tangent)
        if value.v.dtype.kind == "f" and value.v.size:
            here = value.v if value.present is None else value.v[value.present]
            here = here[np.isfinite(here)]
            if here.size:
                self.largest = max(self.largest, float(np.abs(here).max()))
        return value

    # -- helpers
    def both(self, node, *args):
        """Arrays of the operands that broadcast over the node's axes, and where all of them are present."""
        arrays = [placed(x.v, x.axes, node.axes) for x in args]
        tangents = [None if x.tangent is None else placed(x.tangent, x.axes, node.axes, 1) for x in args]
        present = None
        for x in args:
            if x.present is not None:
                p = placed(x.present, x.axes, node.axes)
                present = p if present is None else present & p
        if present is not None and "absent beside present" in self.excluded and node.op not in ("mask",):
            shape = self.shape(node.axes)
            for x in args:
                p = np.broadcast_to(True if x.present is None else placed(x.present, x.axes, node.axes), shape)
                if (p & ~np.broadcast_to(present, shape)).any() and (x.tangent is not None or node.op == "where"):
                    raise Invalid("an absent value meets a present one")
        return arrays, tangents, present

    def apart(self, distance, scale, present=None):
        """A kink: everything that is present must be away from it."""
        if distance.size == 0:
            return
        bad = ~(distance > self.near * np.maximum(scale, 1e-3)) & ~np.isinf(scale)
        if present is not None:
            bad = bad & np.broadcast_to(present, bad.shape)
        if self.poisoned and np.isnan(distance if present is None else np.where(present, distance, 0)).any():
            raise Invalid("NaN is compared")
        if bad.any():
            raise Invalid("too near to a kink")

    def function(self, node, x, value, slope):
        return Value(node.axes, value, times(x.tangent, slope), x.present)

    # -- pointwise
    def op_negate(self, node, x):
        return Value(node.axes, -x.v, None if x.tangent is None else -x.tangent, x.present)

    def op_abs(self, node, x):
        if x.tangent is not None:
            self.apart(np.abs(x.v), np.ones_like(x.v), x.present)
        return self.function(node, x, np.abs(x.v), np.sign(x.v))

    def op_exp(self, node, x):
        e = np.exp(x.v)
        return self.function(node, x, e, e)

    def op_exp2(self, node, x):
        e = np.exp2(x.v)
        return self.function(node, x, e, e * math.log(2))

    def op_log(self, node, x):
        return self.function(node, x, np.log(x.v), 1 / np.asarray(x.v, float))

    def op_tanh(self, node, x):
        t = np.tanh(x.v)
        return self.function(node, x, t, (1 - t) * (1 + t))

    def op_sqrt(self, node, x):
        r = np.sqrt(x.v)
        return self.function(node, x, r, 0.5 / r)

    def op_rsqrt(self, node, x):
        r = 1 / np.sqrt(x.v)
        return self.function(node, x, r, -0.5 * r / x.v)

    def op_erf(self, node, x):
        v = np.asarray(x.v, float)
        value = erf(v) if v.size else v
        return self.function(node, x, value, 2 / math.sqrt(math.pi) * np.exp(-v * v))

    def op_sigmoid(self, node, x):
        s = 1 / (1 + np.exp(-np.asarray(x.v, float)))
        return self.function(node, x, s, s * (1 - s))

    def op_pow(self, node, x):
        y = float(node.info["exponent"])
        v = np.asarray(x.v, float)
        return self.function(node, x, np.power(v, y), y * np.power(v, y - 1) if y != 0 else np.zeros_like(v))

    def op_softplus(self, node, x):
        v = np.asarray(x.v, float)
        return self.function(node, x, np.logaddexp(0, v), 1 / (1 + np.exp(-v)))

    def op_sin(self, node, x):
        return self.function(node, x, np.sin(x.v), np.cos(x.v))

    def op_cos(self, node, x):
        return self.function(node, x, np.cos(x.v), -np.sin(x.v))

    def jump(self, node, x, f, distance):
        """A function that is constant but for jumps, of which everything must be away."""
        if x.v.dtype.kind != "f":
            return Value(node.axes, f(x.v).astype(x.v.dtype), None, x.present)
        self.apart(np.abs(distance(x.v)), np.maximum(np.abs(x.v), 1), x.present)
        return Value(node.axes, f(x.v), None, x.present)

    def op_sign(self, node, x):
        return self.jump(node, x, np.sign, lambda v: v)

    def op_floor(self, node, x):
        return self.jump(node, x, np.floor, lambda v: v - np.round(v))

    def op_round(self, node, x):
        return self.jump(node, x, np.round, lambda v: v - np.floor(v) - 0.5)

    def op_clamp(self, node, x, y, z):
        (a, low, high), (s, t, u), present = self.both(node, x, y, z)
        if any(w.tangent is not None for w in (x, y, z)):
            for p, q in ((a, low), (a, high), (low, high)):
                self.apart(np.abs(p - q), np.maximum(np.abs(p), np.abs(q)), present)
        above = (a > high) | (low > high)
        parts = [((a >= low) & (a <= high), s), ((a < low) & ~above, t), (above, u)]
        tangent = None
        for where, of in parts:
            tangent = plus(tangent, times(of, np.where(where, 1.0, 0.0)))
        return Value(node.axes, np.minimum(np.maximum(a, low), high), tangent, present)

    def op_raise(self, node, x, y):
        (a, b), (s, t), present = self.both(node, x, y)
        a, b = np.asarray(a, float), np.asarray(b, float)
        value = np.power(a, b)
        return Value(node.axes, value, plus(self.moved(times(s, b * np.power(a, b - 1))), self.moved(times(t, value * np.log(a)))), present)

    def op_add(self, node, x, y):
        (a, b), (s, t), present = self.both(node, x, y)
        return Value(node.axes, a + b, plus(s, t), present)

    def op_subtract(self, node, x, y):
        (a, b), (s, t), present = self.both(node, x, y)
        return Value(node.axes, a - b, plus(s, None if t is None else -t), present)

    def op_multiply(self, node, x, y):
        (a, b), (s, t), present = self.both(node, x, y)
        return Value(node.axes, a * b, plus(self.moved(times(s, b)), self.moved(times(t, a))), present)

    def op_divide(self, node, x, y):
        (a, b), (s, t), present = self.both(node, x, y)
        q = np.asarray(a, float) / b
        return Value(node.axes, q, plus(self.moved(times(s, 1 / np.asarray(b, float))), self.moved(times(t, -q / b))), present)

    def extreme(self, node, x, y, sign):
        (a, b), (s, t), present = self.both(node, x, y)
        d = sign * (a - b)
        if x.tangent is not None or y.tangent is not None:
            self.apart(np.abs(d), np.maximum(np.abs(a), np.abs(b)), present)
        value = np.where(d > 0, a, b)
        if value.dtype.kind == "f":
            value = np.where(np.isnan(d) & ~np.isinf(a), a + b, value)
        return Value(node.axes, value, plus(times(s, np.where(d > 0, 1.0, 0.0)), times(t, np.where(d > 0, 0.0, 1.0))), present)

    def op_max(self, node, x, y):
        return self.extreme(node, x, y, 1)

    def op_min(self, node, x, y):
        return self.extreme(node, x, y, -1)

    def compared(self, node, x, y, f):
        (a, b), _, present = self.both(node, x, y)
        if a.dtype.kind == "f" or b.dtype.kind == "f":
            self.apart(np.abs(a - b), np.maximum(np.abs(a), np.abs(b)), present)
        return Value(node.axes, f(a, b), None, present)

    def op_less(self, node, x, y):
        return self.compared(node, x, y, np.less)

    def op_less_equal(self, node, x, y):
        return self.compared(node, x, y, np.less_equal)

    def op_greater(self, node, x, y):
        return self.compared(node, x, y, np.greater)

    def op_greater_equal(self, node, x, y):
        return self.compared(node, x, y, np.greater_equal)

    def op_equal(self, node, x, y):
        return self.compared(node, x, y, np.equal)

    def op_not_equal(self, node, x, y):
        return self.compared(node, x, y, np.not_equal)

    def op_both(self, node, x, y):
        (a, b), _, present = self.both(node, x, y)
        return Value(node.axes, a & b, None, present)

    def op_either(self, node, x, y):
        (a, b), _, present = self.both(node, x, y)
        return Value(node.axes, a | b, None, present)

    def op_not(self, node, x):
        return Value(node.axes, ~x.v, None, x.present)

    def op_where(self, node, c, x, y):
        (k, a, b), (_, s, t), _ = self.both(node, c, x, y)
        shape = self.shape(node.axes)
        full = lambda z: np.broadcast_to(True if z.present is None else placed(z.present, z.axes, node.axes), shape)
        present = full(c) & np.where(k, full(x), full(y))
        value = np.where(k, a, b)
        if self.poisoned and value.dtype.kind == "f":        # a branch that is not taken is no mask
            value = np.where(np.isfinite(a) & np.isfinite(b), value, a + b)
        tangent = plus(None if s is None else np.where(k, s, 0), None if t is None else np.where(k, 0, t))
        return Value(node.axes, value, tangent, present)

    def op_mask(self, node, x, c):
        (a, k), (s, _), present = self.both(node, x, c)
        return Value(node.axes, a, s, k if present is None else present & k)

    def op_cast(self, node, x):
        if is_real(node.info["to"]):
            return Value(node.axes, np.asarray(x.v, float), x.tangent, x.present)
        if x.v.dtype.kind != "f":
            return Value(node.axes, x.v, None, x.present)
        whole_quotient = node.args[0].op == "/" and not any(is_real(a.element) for a in node.args[0].args)
        if whole_quotient:
            a, b = (self.values[id(z)] for z in node.args[0].args)
            (a, b), _, _ = self.both(node, a, b)
            if (b == 0).any():
                raise Invalid("a whole number over 0")
            return Value(node.axes, np.sign(a) * np.sign(b) * (np.abs(a) // np.abs(b)), None, x.present)
        if not np.isfinite(x.v).all():
            raise Invalid("no whole number")
        if x.v.size:
            self.apart(np.abs(x.v - np.round(x.v)), np.maximum(np.abs(x.v), 1), x.present)
        return Value(node.axes, np.trunc(x.v).astype(np.int64), None, x.present)

    # -- along axes
    def along(self, node, x, over):
        """The axes that stay in front, those that go behind as one; values, tangents, presence."""
        keep = without(x.axes, over)
        axes = keep + tuple(over)
        shape = self.shape(keep) + (math.prod(self.shape(over)),)
        v = placed(x.v, x.axes, axes).reshape(shape)
        tangent = None if x.tangent is None else placed(x.tangent, x.axes, axes, 1).reshape((len(self.seeds),) + shape)
        present = np.ones(shape, bool) if x.present is None else placed(x.present, x.axes, axes).reshape(shape)
        return keep, v, tangent, present

    def total(self, v, present):
        zero = v.dtype.type(0)
        return None if v is None else self.moved(np.where(present, v, zero)).sum(-1)

    def op_dot(self, node, x, y):
        over = node.info["over"]
        axes = union(x.axes, y.axes)
        inner = Node("mask", (), {}, axes)
        (a, b), (s, t), present = self.both(inner, x, y)
        shape = self.shape(axes)
        present = np.broadcast_to(True if present is None else present, shape)
        for z in (x, y):
            if z.weightless is not None:
                present = present & ~placed(z.weightless, z.axes, axes)
        v = np.asarray(np.broadcast_to(np.asarray(a, float) * b, shape))
        tangent = plus(self.moved(times(s, b)), self.moved(times(t, a)))
        if tangent is not None:
            tangent = np.broadcast_to(tangent, (len(self.seeds),) + shape)
        keep, v, tangent, present = self.along(node, Value(axes, v, tangent, present), over)
        return Value(keep, self.total(v, present), None if tangent is None else self.total(tangent, present))

    def op_sum(self, node, x):
        keep, v, tangent, present = self.along(node, x, node.info["over"])
        return Value(keep, self.total(v, present), None if tangent is None else self.total(tangent, present))

    def op_mean(self, node, x):
        keep, v, tangent, present = self.along(node, x, node.info["over"])
        count = np.maximum(present.sum(-1), 1)
        v = np.asarray(v, float)
        return Value(keep, self.total(v, present) / count, None if tangent is None else self.total(tangent, present) / count)

    def reduced_extreme(self, node, x, sign):
        keep, v, tangent, present = self.along(node, x, node.info["over"])
        if v.dtype.kind != "f":
            if not present.any(-1).all():
                raise Invalid("the largest of no whole numbers")
            bound = np.iinfo(np.int64).max
            return Value(keep, sign * np.where(present, sign * v, -bound).max(-1))
        if v.shape[-1] == 0:
            return Value(keep, np.full(v.shape[:-1], -sign * np.inf), None if tangent is None else np.zeros(tangent.shape[:-1]))
        s = np.where(present, sign * v, -np.inf)
        top = s.max(-1)
        if tangent is None:
            return Value(keep, sign * top)
        rest = np.sort(s, -1)
        if v.shape[-1] > 1:
            d = rest[..., -1] - rest[..., -2]
            self.apart(np.where(np.isnan(d), np.inf if not self.poisoned else d, d), np.abs(rest[..., -1]))
        first = (s == top[..., None]) & present
        return Value(keep, sign * top, np.where(first, tangent, 0).sum(-1))

    def op_reduce_max(self, node, x):
        return self.reduced_extreme(node, x, 1)

    def op_reduce_min(self, node, x):
        return self.reduced_extreme(node, x, -1)

    def exponentials(self, node, x):
        keep, v, tangent, present = self.along(node, x, node.info["over"])
        s = np.where(present, np.asarray(v, float), -np.inf)
        top = s.max(-1, initial=-np.inf)
        top = np.where(np.isinf(top) & (top < 0), 0, top)
        e = self.moved(np.exp(s - top[..., None]))
        return keep, e, tangent, present, top, e.sum(-1)

    def op_logsumexp(self, node, x):
        keep, e, tangent, present, top, total = self.exponentials(node, x)
        value = top + np.log(total)
        if tangent is not None:
            weights = e / np.where(total == 0, 1, total)[..., None]
            tangent = self.total(times(np.where(present, tangent, 0), weights), present)
        return Value(keep, value, tangent)

    def op_softmax(self, node, x):
        keep, e, tangent, present, _, total = self.exponentials(node, x)
        w = e / np.where(total == 0, 1, total)[..., None]
        if tangent is not None:
            t = np.where(present, tangent, 0)
            mean = self.moved(self.total(times(t, w), present))
            tangent = np.where(w == 0, 0, (t - mean[..., None]) * w)
        axes = keep + tuple(node.info["over"])
        full = self.shape(axes)
        back = lambda array, leading=0: placed(array.reshape(array.shape[:leading] + full), axes, node.axes, leading)
        return Value(node.axes, back(w), None if tangent is None else back(tangent, 1), None, None if present.all() else back(~present))

    # -- views
    def each_array(self, node, x, f):
        """f on values, tangents, marks; it gets an array and the number of axes in front that are not the node's."""
        apply = lambda array, leading: None if array is None else f(array, leading)
        return Value(node.axes, f(x.v, 0), apply(x.tangent, 1), apply(x.present, 0), apply(x.weightless, 0))

    def op_rename(self, node, x):
        return self.each_array(node, x, lambda array, leading: array)

    def op_arrange(self, node, x):
        return self.each_array(node, x, lambda array, leading: placed(array, x.axes, node.axes, leading))

    def op_split(self, node, x):
        return self.each_array(node, x, lambda array, leading: array.reshape(array.shape[:leading] + self.shape(node.axes)))

    def op_merge(self, node, x):
        major, minor = node.info["major"], node.info["minor"]
        order = []
        for a in x.axes:
            order += [major, minor] if a == minor else [] if a == major else [a]
        return self.each_array(node, x, lambda array, leading:
                               placed(array, x.axes, tuple(order), leading).reshape(array.shape[:leading] + self.shape(node.axes)))

    def taken(self, node, x, axis, index):
        k = x.axes.index(axis)
        return self.each_array(node, x, lambda array, leading: np.take(array, index, k + leading))

    def op_slice(self, node, x):
        at = node.info["at"]
        need(at + self.extents[node.info["to"]] <= self.extents[node.info["from"]])
        return self.taken(node, x, node.info["from"], at + np.arange(self.extents[node.info["to"]]))

    def op_shift(self, node, x):
        axis, by = node.info["axis"], node.info["by"]
        extent = self.extents[axis]
        if extent == 0:
            return x
        index = np.arange(extent) - by
        inside = (index >= 0) & (index < extent)
        r = self.taken(node, x, axis, np.clip(index, 0, max(extent - 1, 0)))
        mark = placed(inside, (axis,), node.axes)
        outside = lambda array, otherwise: None if array is None else np.where(mark, array, array.dtype.type(otherwise))
        return Value(node.axes, outside(r.v, 0), outside(r.tangent, 0), outside(r.present, True), outside(r.weightless, False))

    def op_concat(self, node, x, y):
        other = tuple(node.info["second"] if a == node.info["first"] else a for a in x.axes)
        k = x.axes.index(node.info["first"])

        def of(name, otherwise):
            a, b = getattr(x, name), getattr(y, name)
            if a is None and b is None:
                return None
            leading = int(name == "tangent")
            front = (len(self.seeds),) * leading
            a = np.full(front + x.v.shape, otherwise) if a is None else a
            b = np.full(front + y.v.shape, otherwise) if b is None else b
            return np.concatenate([a, placed(b, y.axes, other, leading)], k + leading)
        return Value(node.axes, of("v", 0), of("tangent", 0.0), of("present", True), of("weightless", False))

    def op_gather(self, node, table, index):
        along = node.info["along"]
        if self.poisoned and node.args[0].op != "input" and not np.isfinite(table.v).all():
            raise Invalid("NaN that nobody reads is no masked NaN")
        extent = self.extents[along]
        need(extent > 0)
        at = np.clip(index.v, 0, extent - 1)
        # shared axes of table and index are walked together
        grid = np.indices(self.shape(node.axes), sparse=True)
        place = {a: grid[i] for i, a in enumerate(node.axes)}
        place[along] = placed(at, index.axes, node.axes)
        where = tuple(place[a] for a in table.axes)
        full = self.shape(node.axes)
        pick = lambda array: None if array is None else np.broadcast_to(array[where], full)
        tangent = None
        if table.tangent is not None:
            tangent = np.broadcast_to(table.tangent[(slice(None),) + where], (len(self.seeds),) + full)
        present = pick(table.present)
        if index.present is not None:
            of_index = placed(index.present, index.axes, node.axes)
            present = of_index if present is None else present & of_index
        return Value(node.axes, pick(table.v), tangent, present, pick(table.weightless))


NAMES = {"+": "add", "-": "subtract", "*": "multiply", "/": "divide", "<": "less", "<=": "less_equal", ">": "greater", ">=": "greater_equal",
         "==": "equal", "!=": "not_equal", "&&": "both", "||": "either", "!": "not"}
