"""The metadata of mix.c, as heed writes them."""

AXES = [{"name": "n", "extent": -1}, {"name": "d", "extent": 3}, {"name": "m", "extent": -1}]


def operand(name, role, axes, dtype="float32"):
    return {"name": name, "role": role, "dtype": dtype, "axes": axes, "is_read": True, "index_of": None}


INPUTS = [operand("a", "input", ["n", "d"]), operand("b", "input", ["n"]), operand("m", "extent", [], "int64")]
RESULT = [operand("result", "result", ["n", "d"])]
BACKWARD = [
    operand("cotangent", "cotangent", ["n", "d"]),
    operand("grad(a)", "gradient", ["n", "d"]),
    operand("grad(b)", "gradient", ["n"]),
]
METADATA = {
    "interface_version": 1,
    "heed_version": "0.1.0",
    "name": "mix",
    "axes": AXES,
    "functions": [
        {"name": "mix", "operands": INPUTS + RESULT},
        {"name": "mix_forward", "operands": INPUTS + RESULT},
        {"name": "mix_backward", "operands": INPUTS + BACKWARD},
    ],
}
