"""Operations along axes: sums, products, extrema, softmax, sparse weights. What is absent takes no part."""
import math

import numpy as np

from nodes import Invalid, Node, union, without
from values import Operations, Value, placed, plus, times


class Reductions(Operations):
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

    def op_running_sum(self, node, x):
        keep, v, tangent, present = self.along(node, x, node.info["over"])
        turn = (lambda array: array[..., ::-1]) if node.info["from_the_end"] else lambda array: array
        sums = lambda array: turn(self.moved(turn(np.where(present, array, array.dtype.type(0)))).cumsum(-1))
        axes = keep + tuple(node.info["over"])
        return Value(node.axes, placed(sums(v), axes, node.axes), None if tangent is None else placed(sums(tangent), axes, node.axes, 1))

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
        """The weights are exp(x - logsumexp(x)), the logarithm being one rounded number: a unit of it is so much of each weight of a row."""
        keep, e, tangent, present, top, total = self.exponentials(node, x)
        w = e / np.where(total == 0, 1, total)[..., None]
        if self.noise is not None:
            size = np.abs(top + np.log(np.where(total == 0, 1, total)))[..., None]
            w = w * (1 + self.unit * self.noise.choice([-1.0, 1.0], size=size.shape) * np.where(np.isfinite(size), size, 0))
        if tangent is not None:
            t = np.where(present, tangent, 0)
            mean = self.moved(self.total(times(t, w), present))
            tangent = np.where(w == 0, 0, (t - mean[..., None]) * w)
        return self.weights(node, keep, w, tangent, present)

    def back(self, node, keep, array, leading=0):
        """What lies over `keep` and the axes behind as one, over the axes of the node."""
        axes = keep + tuple(node.info["over"])
        return placed(array.reshape(array.shape[:leading] + self.shape(axes)), axes, node.axes, leading)

    def weights(self, node, keep, w, tangent, present):
        """Weights of a row: 0 where the score is absent, and no part of a product there."""
        tangent = None if tangent is None else self.back(node, keep, tangent, 1)
        return Value(node.axes, self.back(node, keep, w), tangent, None, None if present.all() else self.back(node, keep, ~present))

    def op_entmax(self, node, x):
        """max((alpha - 1) (s - t), 0) to the power of 1 / (alpha - 1), t such that a row sums to 1: Peters, Niculae and Martins 2019. Where the
        threshold stays, the derivative of a weight by its score is the weight to the power of 2 - alpha."""
        alpha = node.info["alpha"]
        keep, v, tangent, present = self.along(node, x, node.info["over"])
        s = np.where(present, np.asarray(v, float), -np.inf)
        top = s.max(-1, initial=-np.inf)
        top = np.where(np.isinf(top) & (top < 0), 0, top)[..., None]
        below = (alpha - 1) * (s - top)
        low, high = np.full(top.shape, -1.0), np.zeros(top.shape)
        for _ in range(60):
            middle = (low + high) / 2
            enough = (np.maximum(below - middle, 0) ** (1 / (alpha - 1))).sum(-1, keepdims=True) >= 1
            low, high = np.where(enough, middle, low), np.where(enough, high, middle)
        threshold = self.moved(top + low / (alpha - 1))
        above = np.maximum((alpha - 1) * (s - threshold), 0)
        if tangent is not None:
            if alpha == 2:                                    # where a weight begins, its slope jumps from 0 to 1
                self.apart(np.abs(s - threshold), np.maximum(np.abs(s), np.abs(threshold)), present)
            slope = np.where(above > 0, above ** ((2 - alpha) / (alpha - 1)), 0)
            t = np.where(present, tangent, 0)
            total = slope.sum(-1)
            mean = self.moved(self.total(times(t, slope), present) / np.where(total == 0, 1, total))
            tangent = np.where(slope == 0, 0, (t - mean[..., None]) * slope)
        return self.weights(node, keep, above ** (1 / (alpha - 1)), tangent, present)

    def op_among_largest(self, node, x):
        """Of so many that are greater than -inf; of fewer, all of them."""
        keep, v, _, present = self.along(node, x, node.info["over"])
        s = np.where(present, np.asarray(v, float), -np.inf)
        if np.isnan(s).any():
            raise Invalid("NaN is compared")
        if s.shape[-1] == 0:
            return Value(node.axes, self.back(node, keep, s > 0), None, x.present)
        row = np.sort(s, -1)[..., ::-1]
        count = np.minimum((s > -np.inf).sum(-1, keepdims=True), node.info["count"])
        at = lambda place: np.take_along_axis(row, np.clip(place, 0, row.shape[-1] - 1), -1)
        smallest, next_one = at(count - 1), np.where(count < row.shape[-1], at(count), -np.inf)
        self.apart(np.where(np.isinf(smallest) | np.isinf(next_one), np.inf, smallest - next_one), np.abs(smallest))
        return Value(node.axes, self.back(node, keep, s >= smallest), None, x.present)
