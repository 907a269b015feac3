"""heed.torch: functions of tensors whose gradients torch asks for in every way that it has."""
from __future__ import annotations

import pytest

torch = pytest.importorskip("torch")

import heed  # noqa: E402
import heed.torch  # noqa: E402
from torch_variant import VARIANT  # noqa: E402
from torch.utils._python_dispatch import TorchDispatchMode  # noqa: E402
from torch.utils.checkpoint import checkpoint  # noqa: E402

DOUBLE = {"REAL": "double"}


def operands(dtype=torch.float32, heads=2, n=7, m=7, d=4, e=3, requires_grad=True):
    """q, k, slope, v."""
    random = torch.Generator().manual_seed(1)
    shapes = (heads, n, d), (heads, m, d), (heads,), (heads, m, e)
    numbers = [torch.rand(shape, generator=random, dtype=torch.float64).to(dtype) for shape in shapes]
    return [x.requires_grad_(requires_grad) for x in numbers]


def score_by_torch(q, k, slope):
    """The score, masked, written out in torch."""
    n, m = q.shape[-2], k.shape[-2]
    distance = torch.arange(n)[:, None] - torch.arange(m)
    score = q @ k.transpose(-1, -2) / q.shape[-1] ** 0.5 - slope[:, None, None] * distance
    return score.masked_fill(distance < 0, -torch.inf)


def attend_by_torch(q, k, slope, v):
    """The declaration `out`, written out in torch."""
    return score_by_torch(q, k, slope).softmax(-1) @ v


ALL = ("q", "k", "slope", "v")


def gradients_of(result, names):
    """What heed.torch compiles where gradients are differentiated."""
    return tuple(f'heed::gradient<{result}>(heed::wrt_named<"{name}">({result}))' for name in names)


# What the tests below compile, in their order. Where a test wants gradients alone, one kernel has all that it calls.
KERNELS = [(("out",), {}), (("out",), {"wrt": ALL}), (("scaled",), {}), (("scaled",), {"wrt": ("factor",)}),
           (("out",), {"wrt": ALL, "defines": DOUBLE}),
           (("out",), {"wrt": ("slope",), "defines": DOUBLE}),
           (gradients_of("out", ("slope",)), {"wrt": ("slope", "cotangent"), "defines": DOUBLE}),
           (("out", "lse"), {"wrt": ALL, "defines": DOUBLE}),
           (("packed",), {"wrt": ("table", "q", "k", "v"), "defines": DOUBLE}),
           (("packed", "seen"), {"defines": DOUBLE}),
           (("seen",), {"defines": DOUBLE}), (("energy",), {"wrt": ("q", "slope"), "defines": DOUBLE}),
           (gradients_of("energy", ("q", "slope")), {"wrt": ("q", "slope"), "defines": DOUBLE}),
           (("positions",), {"wrt": ("slope",)}), (("out", "energy"), {"defines": DOUBLE}),
           (("scaled",), {"wrt": ("factor", "slope")}), (gradients_of("scaled", ("factor", "slope")), {}),
           *((gradients_of("scaled", [name]), {"wrt": wrt}) for name in ("factor", "slope")
             for wrt in ((), ("factor", "slope", "cotangent")))]


@pytest.fixture(scope="module", autouse=True)
def compiled_ahead(ahead):
    ahead(VARIANT, KERNELS)


def with_passes(*results, wrt, **options):
    """The function, with one kernel for all that it does: plain, forward and backward."""
    return heed.torch._function(VARIANT, results, None, options, wrt)


@pytest.fixture(scope="module")
def attend():
    return heed.torch.function(VARIANT, "out")


@pytest.fixture(scope="module")
def precise():
    return with_passes("out", wrt=ALL, defines=DOUBLE)


class Seen(TorchDispatchMode):
    """The operators that torch runs."""

    def __init__(self):
        super().__init__()
        self.names = []

    def __torch_dispatch__(self, function, types, args=(), kwargs=None):
        self.names.append(str(function))
        return function(*args, **(kwargs or {}))


@pytest.fixture
def compiled(monkeypatch):
    """What is compiled during a test: wrt of each kernel."""
    asked = []
    original = heed.torch.compile_kernel

    def watched(source, *results, wrt=(), **options):
        asked.append(tuple(wrt))
        return original(source, *results, wrt=wrt, **options)

    monkeypatch.setattr(heed.torch, "compile_kernel", watched)
    return asked


def test_values_and_gradients_are_those_of_the_formula(attend):
    ours, theirs = operands(), operands(torch.float64)
    cotangent = torch.rand(2, 7, 3)
    out, expected = attend(*ours), attend_by_torch(*theirs)
    torch.testing.assert_close(out, expected.float(), rtol=1e-5, atol=1e-5)
    gradients = torch.autograd.grad(out, ours, cotangent)
    for x, y in zip(gradients, torch.autograd.grad(expected, theirs, cotangent.double())):
        torch.testing.assert_close(x, y.float(), rtol=1e-5, atol=1e-5)


def test_operands_by_name_and_by_position(attend):
    q, k, slope, v = operands(requires_grad=False)
    assert torch.equal(attend(q, k, slope, v), attend(slope=slope, v=v, q=q, k=k))
    assert torch.equal(attend(q, k, slope, v), attend(q, k, v=v, slope=slope))


def test_one_declaration_is_one_function():
    assert heed.torch.function(VARIANT, "out") is heed.torch.function(VARIANT, "out")


def test_only_wanted_gradients_are_compiled_and_computed(compiled):
    function = heed.torch.function(VARIANT, "scaled", wrt=("factor", "slope"))
    factor, slope = torch.tensor(3.0), torch.tensor([1.0, 2.0])
    function(factor, slope)
    assert compiled == [()]
    factor.requires_grad_()
    with Seen() as seen:
        out = function(factor, slope)
    assert compiled == [(), ("factor",)]
    assert [name.rpartition(".")[0][-8:] for name in seen.names if name.startswith("heed")] == ["_forward"]
    with Seen() as seen:
        out.sum().backward()
    assert factor.grad is not None and slope.grad is None and compiled == [(), ("factor",)]
    slope.requires_grad_()
    function(factor, slope).sum().backward()
    assert compiled == [(), ("factor",), ("factor", "slope")] and slope.grad is not None


def test_no_grad_runs_the_plain_kernel(attend):
    with torch.no_grad(), Seen() as seen:
        out = attend(*operands())
    assert out.grad_fn is None and not out.requires_grad
    assert [name for name in seen.names if name.startswith("heed")] == [f"heed.{attend.name}.default"]


def test_saved_values_are_a_byte_tensor_that_hooks_see(attend):
    packed = []
    with torch.autograd.graph.saved_tensors_hooks(lambda x: packed.append(x) or x, lambda x: x):
        attend(*operands()).sum().backward()
    assert [x.dtype for x in packed] == [torch.float32] * 4 + [torch.uint8]


def test_backward_twice_and_changed_operands(attend):
    q, k, slope, v = operands()
    out = attend(q, k, slope, v)
    once = torch.autograd.grad(out.sum(), q, retain_graph=True)
    assert torch.equal(once[0], torch.autograd.grad(out.sum(), q, retain_graph=True)[0])
    with torch.no_grad():
        q.add_(1)
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        out.sum().backward()


def test_views_are_read_where_they_lie(attend):
    q, k, slope, v = operands(requires_grad=False)
    wide = torch.rand(7, 2, 8)
    strided = [wide[..., ::2].transpose(0, 1), k[:1].expand(2, -1, -1), slope[:1].expand(2),
               v.transpose(1, 2).contiguous().transpose(1, 2)]
    strided = [x.requires_grad_() for x in strided]
    with Seen() as seen:
        out = attend(*strided)
        gradients = torch.autograd.grad(out, strided, torch.ones(()).expand_as(out))
    copies = [name for name in seen.names if "heed" not in name and "empty" not in name and "detach" not in name]
    assert not [name for name in copies if "clone" in name or "copy" in name or "contiguous" in name], copies
    dense = [x.detach().contiguous().requires_grad_() for x in strided]
    expected = attend(*dense)
    assert torch.equal(out, expected)
    for x, y in zip(gradients, torch.autograd.grad(expected.sum(), dense)):
        assert torch.equal(x, y)


def test_gradcheck_in_double(precise):
    assert torch.autograd.gradcheck(precise, operands(torch.float64))


@pytest.mark.long
def test_gradients_of_gradients(precise):
    assert torch.autograd.gradgradcheck(precise, operands(torch.float64, n=4, m=4, d=2, e=2))


def second_derivatives(attend, given, wanted, cotangent):
    """Of the sum of squares of the wanted operands' gradients, by these operands and the cotangent."""
    gradients = torch.autograd.grad(attend(*given), wanted, cotangent, create_graph=True)
    energy = sum(x.square().sum() for x in gradients)
    return torch.autograd.grad(energy, (*wanted, cotangent))


@pytest.mark.parametrize("names", [("slope",), pytest.param(ALL, marks=pytest.mark.long)])
def test_values_of_second_derivatives(precise, names):
    given = operands(torch.float64, n=5, m=4, d=2, e=3, requires_grad=False)
    wanted = [x.requires_grad_() for name, x in zip(ALL, given) if name in names]
    cotangent = torch.rand(2, 5, 3, dtype=torch.float64).requires_grad_()
    expected = second_derivatives(attend_by_torch, given, wanted, cotangent)
    for x, y in zip(second_derivatives(precise, given, wanted, cotangent), expected, strict=True):
        assert y.abs().max() > 1e-3
        torch.testing.assert_close(x, y)


def test_checkpoint(attend):
    ours, again = operands(), operands()
    attend(*ours).square().sum().backward()
    checkpoint(lambda *x: attend(*x).square(), *again, use_reentrant=False).sum().backward()
    for x, y in zip(ours, again):
        assert torch.equal(x.grad, y.grad)


@pytest.mark.parametrize("requires_grad", [False, True])
def test_opcheck(attend, requires_grad):
    torch.library.opcheck(attend.operator, operands(requires_grad=requires_grad))


@pytest.mark.parametrize("dynamic", [False, True])
def test_torch_compile(attend, dynamic):
    def loss(q, k, slope, v):
        return (attend(q=q * 2, k=k, v=v, slope=slope) * 0.5).square().sum()

    fast = torch.compile(loss, fullgraph=True, dynamic=dynamic)
    for n in (7, 9):
        ours, theirs = operands(n=n, m=n), operands(n=n, m=n)
        torch.testing.assert_close(fast(*ours), loss(*theirs))
        fast(*ours).backward()
        loss(*theirs).backward()
        for x, y in zip(ours, theirs):
            torch.testing.assert_close(x.grad, y.grad)
        with torch.no_grad():
            torch.testing.assert_close(fast(*ours), loss(*theirs))


def test_several_results():
    function = with_passes("out", "lse", wrt=ALL, defines=DOUBLE)
    given = operands(torch.float64)
    out, lse = function(*given)
    torch.testing.assert_close(out, attend_by_torch(*given))
    torch.testing.assert_close(lse, score_by_torch(*given[:3]).logsumexp(-1))
    assert torch.autograd.gradcheck(function, given)
    torch.library.opcheck(function.operator, given)
    # A result that nobody asks a gradient of has a cotangent of 0.
    (gradient,) = torch.autograd.grad(function(*given)[1].sum(), given[0])
    (expected,) = torch.autograd.grad(score_by_torch(*given[:3]).logsumexp(-1).sum(), given[0])
    torch.testing.assert_close(gradient, expected)


def test_whole_numbers_in_and_out():
    with_passes("packed", wrt=("table", "q", "k", "v"), defines=DOUBLE)
    packed = heed.torch.function(VARIANT, "packed", "seen", defines=DOUBLE)
    q, k, _, v = operands(torch.float64)
    document = torch.tensor([0, 0, 0, 1, 1, 1, 1], dtype=torch.int32)
    table = torch.rand(5, dtype=torch.float64, requires_grad=True)
    given = dict(q=q, k=k, v=v, document=document, table=table)
    out, seen = packed(**given)
    assert seen.tolist() == [1, 2, 3, 1, 2, 3, 4] and not seen.requires_grad and seen.dtype == torch.int32
    distance = torch.arange(7)[:, None] - torch.arange(7)
    score = q @ k.transpose(-1, -2) / 2 + table[distance.clamp(0, 4)]
    expected = score.masked_fill((distance < 0) | (document[:, None] != document), -torch.inf).softmax(-1) @ v
    torch.testing.assert_close(out, expected)
    wanted = (q, k, v, table)
    gradients = torch.autograd.grad(out.square().sum(), wanted)
    for x, y in zip(gradients, torch.autograd.grad(expected.square().sum(), wanted)):
        torch.testing.assert_close(x, y)
    order = packed.signature.inputs
    torch.library.opcheck(packed.operator, [given[x.name] for x in order])


def energy_by_torch(q, slope):
    return (q * q * slope[:, None, None]).sum()


def test_a_result_without_axes():
    energy = with_passes("energy", wrt=("q", "slope"), defines=DOUBLE)
    given = operands(torch.float64)[::2]
    torch.testing.assert_close(energy(*given), energy_by_torch(*given))
    assert torch.autograd.gradcheck(energy, given)
    assert torch.autograd.gradgradcheck(energy, given)


def test_axes_that_no_tensor_carries():
    positions = with_passes("positions", wrt=("slope",))
    slope = torch.tensor([1.0, 2.0], requires_grad=True)
    out = positions(slope=slope, n=3)
    assert sorted(out.flatten().tolist()) == [0, 0, 1, 2, 2, 4]
    out.sum().backward()
    assert slope.grad.tolist() == [3, 3]
    with pytest.raises(heed.OperandError, match="axis 'n': expected a whole number, got float"):
        positions(slope=slope, n=2.5)
    with pytest.raises(heed.OperandError, match="operand 'n': is missing"):
        positions(slope=slope)
    fast = torch.compile(lambda s: positions(slope=s, n=3).sum(), fullgraph=True)
    torch.testing.assert_close(fast(slope), out.sum())


BAD = {  # what is wrong: how operands become it, what is said of it
    "element type": (lambda q, k, s, v: (q.double(), k, s, v), "operand 'q': expected float32, got float64"),
    "float16": (lambda q, k, s, v: (q, k.half(), s, v), "operand 'k': expected float32, got float16"),
    "rank": (lambda q, k, s, v: (q[0], k, s, v), "operand 'q': expected 3 axes"),
    "extent": (lambda q, k, s, v: (q, k[..., :3], s, v), "operand 'k', axis 'd': expected 4"),
    "lazy sign": (lambda q, k, s, v: (torch.complex(q, q).conj().imag, k, s, v), "operand 'q': .*sign"),
    "sparse": (lambda q, k, s, v: (q, k, s.to_sparse(), v), "operand 'slope': .*dense"),
    "numpy": (lambda q, k, s, v: (q.detach().numpy(), k, s, v), "operand 'q': expected a torch tensor"),
    "too few": (lambda q, k, s, v: (q, k, s), "operand 'v': is missing"),
    "too many": (lambda q, k, s, v: (q, k, s, v, v), "expected 4 operands, got 5"),
}


@pytest.mark.parametrize("requires_grad", [False, True])
@pytest.mark.parametrize("what", BAD)
def test_bad_calls(attend, what, requires_grad):
    change, sentence = BAD[what]
    with pytest.raises(heed.OperandError, match=sentence):
        attend(*change(*operands(requires_grad=requires_grad)))


def test_a_call_is_looked_at_as_if_it_were_the_first(attend):
    """Calls remember element types, shapes and strides that fit, but neither refusals nor what may change."""
    q, k, slope, v = operands(requires_grad=False)
    for _ in range(2):
        with pytest.raises(heed.OperandError, match="axis 'd': expected 4"):
            attend(q, k[..., :3], slope, v)
    attend(q, k, slope, v)
    with pytest.raises(heed.OperandError, match="operand 'q': .*sign"):
        attend(q._neg_view(), k, slope, v)
    slope.requires_grad_()
    attend(q, k, slope, v).sum().backward()
    assert slope.grad is not None and q.grad is None
    with torch.no_grad():
        assert not attend(q, k, slope, v).requires_grad
    assert not attend(q, k, slope.detach(), v).requires_grad


def test_calls_of_ever_new_extents_do_not_fill_the_memory(attend):
    for n in range(1, 300):
        attend(*operands(n=n, m=1, requires_grad=False))
    assert len(attend._calls) <= 256


def test_bad_names(attend):
    q, k, slope, v = operands()
    with pytest.raises(heed.OperandError, match="operand 'w': is unknown"):
        attend(q, k, slope, v=v, w=v)
    with pytest.raises(heed.OperandError, match="operand 'q': is given twice"):
        attend(q, k, slope, v, q=q)


def test_a_tensor_elsewhere(attend):
    q, k, slope, v = operands(requires_grad=False)
    only_shapes = attend(*(x.to("meta") for x in (q, k, slope, v)))
    assert only_shapes.shape == (2, 7, 3) and only_shapes.is_meta
    with pytest.raises(Exception, match="meta|device"):
        attend(q, k.to("meta"), slope, v)


def test_a_gradient_that_would_be_lost_is_an_error():
    function = heed.torch.function(VARIANT, "out", wrt=("q",))
    q, k, slope, v = operands(requires_grad=False)
    k.requires_grad_()
    with pytest.raises(heed.OperandError, match="operand 'k': requires a gradient and is not in wrt"):
        function(q, k, slope, v)
    with torch.no_grad():
        function(q, k, slope, v)
    with pytest.raises(heed.Error, match="'h'|'w'"):
        heed.torch.function(VARIANT, "out", wrt=("w",))


def test_results_that_share_no_passes():
    function = heed.torch.function(VARIANT, "out", "energy", defines=DOUBLE)
    given = q, k, slope, v = operands(torch.float64)
    out, energy = function(*given)
    expected = attend_by_torch(*given), energy_by_torch(q, slope)
    torch.testing.assert_close((out, energy), expected)
    gradients = torch.autograd.grad(out.sum() * 3 + energy * 2, given)
    for x, y in zip(gradients, torch.autograd.grad(expected[0].sum() * 3 + expected[1] * 2, given)):
        torch.testing.assert_close(x, y)


def test_a_number_for_an_operand_without_axes():
    scaled = heed.torch.function(VARIANT, "scaled")
    slope = torch.tensor([1.0, 2.0], requires_grad=True)
    factor = torch.tensor(3.0, requires_grad=True)
    fixed = slope.detach()
    assert scaled(factor=3, slope=fixed).tolist() == [3, 6] and scaled(factor=0.5, slope=fixed).tolist() == [0.5, 1]
    scaled(factor=factor, slope=slope).sum().backward()
    assert factor.grad.item() == 3 and slope.grad.tolist() == [3, 3]
    # The gradient by the factor has no axes, so that its own gradients share no passes with those of the others.
    energy = scaled(factor=factor, slope=slope).square().sum()
    gradients = torch.autograd.grad(energy, (factor, slope), create_graph=True)
    by_factor, by_slope = torch.autograd.grad(gradients[0] + gradients[1].sum(), (factor, slope))
    assert by_factor.item() == 2 * (1 + 4) + 4 * 3 * (1 + 2)
    assert by_slope.tolist() == [2 * 9 + 4 * 3 * s for s in (1, 2)]
    with pytest.raises(heed.OperandError, match="operand 'slope': expected a torch tensor, got float"):
        scaled(factor=factor, slope=2.0)
