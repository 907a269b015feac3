"""Operations that make an element of a value from those of its operands at the same place."""
import math

import numpy as np

from nodes import Invalid, is_real
from values import Operations, Value, placed, plus, times

erf = np.vectorize(math.erf, otypes=[float])
LOW = np.uint64(0xFFFFFFFF)


def philox(key, i, j, use):
    """The first word for the key (key, 0) and the counter (i, j, use, 0): Salmon et al. 2011."""
    c, k = [np.asarray(x, np.uint64) for x in (i, j, use, 0)], [np.asarray(key, np.uint64), np.uint64(0)]
    half = np.uint64(32)
    for _ in range(10):
        first, second = np.uint64(0xD2511F53) * c[0], np.uint64(0xCD9E8D57) * c[2]
        c = [(second >> half) ^ c[1] ^ k[0], second & LOW, (first >> half) ^ c[3] ^ k[1], first & LOW]
        k = [(k[0] + np.uint64(0x9E3779B9)) & LOW, (k[1] + np.uint64(0xBB67AE85)) & LOW]
    return c[0]


class Pointwise(Operations):
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

    def op_random_uniform(self, node, seed, *indices):
        """The first word of Philox 4x32-10 over 2^32 without its last 8 bits; indices in front of the last two make the key."""
        arrays, _, present = self.both(node, seed, *indices)
        key, *at = (np.asarray(x, np.int64).astype(np.uint64) & LOW for x in arrays)
        zero = np.uint64(0)
        while len(at) > 2:
            odd = len(at) % 2
            key = philox(key, at[0], zero if odd else at[1], 1)
            del at[:1 if odd else 2]
        at += [zero, zero]
        value = (philox(key, at[0], at[1], 0) >> np.uint64(8)) / 2.0**24
        return Value(node.axes, np.broadcast_to(value, self.shape(node.axes)), None, present)

    def compared(self, node, x, y, f):
        (a, b), _, present = self.both(node, x, y)
        drawn = any(z.op == "random_uniform" for z in node.args)   # a draw is exact
        if (a.dtype.kind == "f" or b.dtype.kind == "f") and not drawn:
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
