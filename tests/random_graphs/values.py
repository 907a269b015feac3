"""Values of nodes: numbers over axes with presence and derivatives, how they broadcast, and what the meaning of every operation is
made of."""
import numpy as np

from nodes import Invalid


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


class Operations:
    """What operations have in common: the extents, the numbers that go in, and how values meet. `op_...` of those that derive from it
    give the value of a node from the values of its operands."""
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
        """A kink: everything that is present must be away from it; what meets there may have fewer axes than where it is present."""
        if distance.size == 0:
            return
        bad = ~(distance > self.near * np.maximum(scale, 1e-3)) & ~np.isinf(scale)
        if present is not None:
            bad = bad & present
        if self.poisoned and np.isnan(distance if present is None else np.where(present, distance, 0)).any():
            raise Invalid("NaN is compared")
        if bad.any():
            raise Invalid("too near to a kink")

    def function(self, node, x, value, slope):
        return Value(node.axes, value, times(x.tangent, slope), x.present)
