"""The functions of the library that are written in the language, each with its formula as nodes."""
import math

from nodes import Node, constant, make


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


def composite(name, args, **info):
    """One of the functions of the library that are written in the language; `body` is its formula."""
    body = FORMULAS[name](args, info)
    return Node("composite", args, dict(info, name=name), body.axes, body.element, body)
