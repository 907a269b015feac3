"""Plain kernels called with torch tensors, where torch is: looked at in place, refused where a kernel would be
wrong."""

import numpy
import pytest

import heed

torch = pytest.importorskip("torch")


@pytest.fixture
def tensors():
    torch.manual_seed(1)
    return {"a": torch.randn(5, 3), "b": torch.randn(5), "m": 7}


def expected(a, b, m):
    return a * b[:, None] + m


def test_tensors_in_and_out(kernel, tensors):
    result = kernel(**tensors)
    assert isinstance(result, torch.Tensor) and torch.equal(result, expected(**tensors))
    out = torch.empty(5, 6)[:, ::2]
    assert kernel(**tensors, out=out) is out and torch.equal(out, result)


@pytest.mark.parametrize(
    "view",
    [lambda a: a.T.contiguous().T, lambda a: a[:1].expand(5, 3), lambda a: torch.stack([a, a], 1)[:, 1]],
    ids=["transposed", "expanded", "a slice"],
)
def test_views_are_read_in_place(kernel, tensors, view):
    seen = view(tensors["a"])
    assert torch.equal(kernel(seen, tensors["b"], m=7), expected(seen, tensors["b"], 7))


def test_forward_and_backward(kernel, tensors):
    result, saved = kernel.forward(**tensors)
    assert torch.equal(result, expected(**tensors)) and saved.dtype == torch.uint8
    gradients = kernel.backward(**tensors, cotangent=torch.ones(5, 3), saved=saved)
    torch.testing.assert_close(gradients["b"], tensors["a"].sum(1))


@pytest.mark.parametrize(
    "changes, sentence",
    [
        (
            {"a": torch.zeros(5, 3, dtype=torch.float16)},
            r"operand 'a': expected float32, got float16 \(a.to\(torch.float32\)\)",
        ),
        ({"a": torch.zeros(5, 3, dtype=torch.bfloat16)}, "operand 'a': expected float32, got bfloat16"),
        (
            {"a": torch.zeros(5, 3, device="meta")},
            r"operand 'a': expected the processor's memory, got meta \(a.cpu\(\)\)",
        ),
        ({"a": torch.zeros(5, 3).to_sparse()}, "operand 'a': expected a dense tensor, got torch.sparse_coo"),
        (
            {"a": torch.imag(torch.zeros(5, 3, dtype=torch.complex64).conj())},
            "operand 'a': .*sign is lazy .a.resolve_neg",
        ),
        (
            {"a": torch.zeros(5, 3, requires_grad=True)},
            "operand 'a': requires a gradient.*heed.torch.function, or a.detach",
        ),
        ({"a": numpy.zeros((5, 3), "float32")}, "expected arrays of one kind, got a: ndarray, b: Tensor"),
        (
            {"out": numpy.zeros((5, 3), "float32")},
            "operand 'result': expected an array of the operands' kind, torch, got ndarray",
        ),
    ],
)
def test_mistakes(kernel, tensors, changes, sentence):
    with pytest.raises(heed.OperandError, match=sentence):
        kernel(**tensors | changes)


def test_without_gradients_any_tensor_will_do(kernel, tensors):
    tensors["a"].requires_grad_()
    with torch.no_grad():
        assert torch.equal(kernel(**tensors), expected(**tensors))
