"""heed.compile with the real compiler: results, gradients, text, mistakes, the cache, time. Each compilation takes
seconds, so the tests share two kernels: variant.hpp with gradients, scale.hpp."""

import multiprocessing
import os
import pickle
import resource
import shutil
import subprocess
import sys
import time

import numpy
import pytest

import heed
from heed import cache
from heed.compiler import find_compiler
from heed.headers import heed_include


@pytest.fixture(scope="module")
def attend(variants):
    return heed.compile(variants / "variant.hpp", "out", wrt=("q", "k", "v", "slope"))


@pytest.fixture(scope="module")
def scale(variants):
    return heed.compile(str(variants / "scale.hpp"))


def operands(h=2, n=9, m=9, seed=3):
    random = numpy.random.default_rng(seed)
    make = lambda *shape: random.standard_normal(shape).astype("float32")  # noqa: E731
    return {"q": make(h, n, 16), "k": make(h, m, 16), "v": make(h, m, 16), "slope": numpy.abs(make(h))}


def attention(q, k, v, slope):
    """The same in double."""
    q, k, v, slope = (x.astype("float64") for x in (q, k, v, slope))
    distance = numpy.arange(q.shape[1])[:, None] - numpy.arange(k.shape[1])[None]
    score = numpy.einsum("hnd,hmd->hnm", q, k) / 4 - slope[:, None, None] * numpy.log(numpy.maximum(1 + distance, 1))
    weight = numpy.where(distance >= 0, numpy.exp(score - score.max(-1, keepdims=True)), 0)
    return numpy.einsum("hnm,hme->hne", weight / weight.sum(-1, keepdims=True), v)


def test_results(attend):
    given = operands()
    numpy.testing.assert_allclose(attend(**given), attention(**given), atol=2e-6)
    numpy.testing.assert_array_equal(attend(*(given[x.name] for x in attend.signature.inputs)), attend(**given))


def test_strided_operands_need_no_copy(attend):
    given = operands()
    views = {
        "q": numpy.ascontiguousarray(given["q"][:, ::-1])[:, ::-1],
        "k": given["k"].transpose(1, 0, 2).copy().transpose(1, 0, 2),
        "v": numpy.broadcast_to(given["v"][:1], given["v"].shape),
        "slope": given["slope"],
    }
    numpy.testing.assert_allclose(attend(**views), attention(**views), atol=2e-6)


def test_gradients(attend):
    given, cotangent = operands(), operands(seed=4)["q"]
    result, saved = attend.forward(**given)
    numpy.testing.assert_allclose(result, attention(**given), atol=2e-6)
    gradients = attend.backward(**given, saved=saved, cotangent=cotangent)
    assert list(gradients) == ["q", "k", "v", "slope"]
    for name, gradient in gradients.items():
        step = numpy.random.default_rng(5).standard_normal(given[name].shape).astype("float32")
        there, back = ({**given, name: (given[name].astype("float64") + sign * 1e-4 * step)} for sign in (1, -1))
        numeric = (cotangent * (attention(**there) - attention(**back))).sum() / 2e-4
        assert abs((gradient.astype("float64") * step).sum() - numeric) < 1e-4 * max(1, abs(numeric)), name


def test_saved_values_fit_their_extents(attend):
    _, saved = attend.forward(**operands())
    with pytest.raises(heed.OperandError, match="what forward of this very kernel has saved"):
        attend.backward(**operands(n=8), saved=saved, cotangent=operands(n=8)["q"])


def test_signature_and_source(attend, variants):
    assert repr(attend.signature).splitlines() == [
        "out(q: float32[h, n, d=16], k: float32[h, m, d=16], slope: float32[h], v: float32[h, m, e=16])"
        " -> float32[h, n, e=16]",
        "gradients with respect to q, k, v, slope",
    ]
    assert attend.source == (variants / "variant.hpp").read_text()


@pytest.mark.parametrize(
    "changes, sentence",
    [
        ({"k": numpy.zeros((2, 9, 32), "float32")}, "heed: operand 'k', axis 'd': expected 16, as declared, got 32"),
        (
            {"v": numpy.zeros((2, 8, 16), "float32")},
            "heed: operand 'v', axis 'm': expected 9, as in operand 'k', got 8",
        ),
        ({"q": numpy.zeros((2, 9, 16), "float16")}, r"heed: operand 'q': expected float32, got float16 \(q.astype"),
        ({"slope": None}, "operand 'slope'"),
    ],
)
def test_mistakes_of_a_call(attend, changes, sentence):
    with pytest.raises(heed.OperandError, match=sentence):
        attend(**operands() | changes)


def test_a_result_over_an_operand(attend):
    given = operands()
    with pytest.raises(heed.OperandError) as raised:
        attend(**given, out=given["v"])
    assert raised.value.code == 7


def test_explain(attend):
    text = attend.explain(h=2, n=64, m=64)
    assert "region 0: " in text and "cost" in text and "workspace: " in text
    assert attend.explain(h=2, n=64, m=64) == text
    with pytest.raises(heed.OperandError, match="no axis 'o' whose extent a call brings .there are: h, n, m"):
        attend.explain(o=3)
    with pytest.raises(heed.OperandError, match="axis 'n': expected an extent of 0 to 2147483647, got -1"):
        attend.explain(n=-1)


def test_an_axis_that_no_array_carries(scale):
    numpy.testing.assert_array_equal(scale(numpy.float32([1, 2]), m=3), numpy.float32([5, 7]))
    numpy.testing.assert_array_equal(scale(x=numpy.float32([1, 2]), m=4), numpy.float32([6, 8]))


def test_pickled_it_is_found_again(scale, kernel):
    assert pickle.loads(pickle.dumps(scale)) is scale
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        assert pool.apply(scale, (numpy.float32([1, 2]),), {"m": 3}).tolist() == [5, 7]
    with pytest.raises(TypeError, match="mix was not made by heed.compile"):
        pickle.dumps(kernel)


def test_found_in_the_cache(optimised, variants, capsys):
    """A process that knows nothing yet finds the kernel, even where compiling is forbidden."""
    heed.compile(variants / "scale.hpp")
    program = (
        "import time, numpy, heed\nx = numpy.ones(3, 'float32')\nbegin = time.perf_counter()\nheed.compile\n"
        "ready, worked = time.perf_counter(), time.process_time()\n"
        f"scale = heed.compile({str(variants / 'scale.hpp')!r})\nscale(x, m=3)\n"
        "worked = time.process_time() - worked\n"
        "print(1000 * (ready - begin), 1000 * (time.perf_counter() - ready), 1000 * worked)"
    )
    times = [
        tuple(
            map(
                float,
                subprocess.run(
                    [sys.executable, "-c", program],
                    env=dict(os.environ, HEED_DISABLE_JIT="1"),
                    check=True,
                    capture_output=True,
                    text=True,
                ).stdout.split(),
            )
        )
        for _ in range(5)
    ]
    imports, found, worked = (min(time) for time in zip(*times))
    with capsys.disabled():
        print(
            f"\nfrom the cache to the first result: {found:.1f} ms, {worked:.1f} ms of the processor, "
            f"behind {imports:.1f} ms of imports"
        )
    assert worked < 50  # of the clock it takes what others who use the machine leave


def test_an_instruction_set_that_is_forced(scale, variants):
    """HEED_ISA is for libraries of several instruction sets; what Python has compiled is of one."""
    program = f"import heed, numpy\nheed.compile({str(variants / 'scale.hpp')!r})(numpy.ones(3, 'float32'), m=3)"
    ran = subprocess.run(
        [sys.executable, "-c", program], env=dict(os.environ, HEED_ISA="x86-64-v9"), text=True, capture_output=True
    )
    assert ran.returncode == 1 and "KernelError: heed: " in ran.stderr and "unset HEED_ISA" in ran.stderr


def test_a_file_that_the_header_includes_counts(fresh_cache, variants, tmp_path):
    for name in ("scale.hpp", "factor.hpp"):
        shutil.copy(variants / name, tmp_path)
    header, x = tmp_path / "scale.hpp", numpy.float32([1])
    assert heed.compile(header)(x, m=0) == 2
    (tmp_path / "factor.hpp").write_text("constexpr int factor = 3;\n")
    assert heed.compile(header)(x, m=0) == 3
    assert len(cache.entries()) == 2
    os.environ["HEED_DISABLE_JIT"] = "1"
    try:
        shutil.copy(variants / "factor.hpp", tmp_path)
        with pytest.raises(heed.CompilationDisabled):
            heed.compile(header, defines={"NOBODY": "1"})
        assert heed.compile(header)(x, m=0) == 2
    finally:
        del os.environ["HEED_DISABLE_JIT"]


TEXT = """#include <heed/heed.hpp>
namespace mine {
using namespace heed;
constexpr axis<"n"> n;
constexpr auto x = input<"x", REAL>(n);
constexpr auto twice = x + x;
constexpr auto total = sum<n>(x);
}
"""


def test_a_text_two_results_and_definitions():
    kernel = heed.compile(TEXT, "twice", "total", defines={"REAL": "double"})
    twice, total = kernel(x=numpy.arange(4.0))
    numpy.testing.assert_array_equal(twice, 2 * numpy.arange(4.0))
    assert total.shape == () and total == 6
    assert not kernel.has_gradients
    for name in ("forward", "backward"):
        with pytest.raises(heed.Error, match=rf"has no {name}: compile it with wrt="):
            getattr(kernel, name)


def test_two_processes_compile_once(fresh_cache, variants):
    program = f"import heed; heed.compile({str(variants / 'scale.hpp')!r})"
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", program], env=dict(os.environ, HEED_PROGRESS="1"), text=True, stderr=subprocess.PIPE
        )
        for _ in range(2)
    ]
    said = "".join(process.communicate()[1] for process in processes)
    assert [process.returncode for process in processes] == [0, 0]
    assert said.count("took") == 1 and "heed: compiling out of scale.hpp" in said


REFUSED = """#include <heed/heed.hpp>
namespace mine {
using namespace heed;
constexpr axis<"tokens"> tokens;  constexpr axis<"model", 384> model;
constexpr axis<"heads", 12> heads;  constexpr axis<"width", 30> width;
constexpr auto x = split_heads<model, heads, width>(input<"x">(tokens, model));
}
"""


def test_a_declaration_that_is_refused():
    with pytest.raises(heed.CompileError) as raised:
        heed.compile(REFUSED, "x")
    sentence = str(raised.value)
    assert sentence.startswith("heed: heads x head width must equal the model width")
    assert "12" in sentence and "30" in sentence and "384" in sentence and "\n" not in sentence
    assert "static assertion failed" in raised.value.log


def test_a_header_that_is_no_cpp():
    with pytest.raises(heed.CompileError) as raised:
        heed.compile("this is no C++\n", "mine::out")
    assert str(raised.value).startswith("heed: the text:1 does not compile: ") and "error:" in raised.value.log


def test_a_gradient_of_what_is_no_input():
    with pytest.raises(heed.CompileError, match="with respect to an input that the graph does not have .nobody."):
        heed.compile(TEXT, "twice", wrt="nobody", defines={"REAL": "float"})


def test_compilers_that_are_not_there(fresh_cache, monkeypatch, tmp_path):
    monkeypatch.setenv("HEED_CXX", "no-such-compiler")
    with pytest.raises(heed.CompilerNotFound, match="'no-such-compiler' is not found .*apt-get install g"):
        heed.compile(TEXT, "twice")
    for name, says, sentence in (
        ("old", "gcc version 9.1.0", "12 or newer is needed, .*old is gcc version 9.1.0"),
        ("clang++", "clang version 19", "clang.* is not g.."),
    ):
        (tmp_path / name).write_text(f"#!/bin/sh\necho '{says}' >&2\n")
        (tmp_path / name).chmod(0o700)
        monkeypatch.setenv("HEED_CXX", str(tmp_path / name))
        with pytest.raises(heed.CompilerNotFound, match=sentence):
            heed.compile(TEXT, "twice")


def test_flags_are_resolved():
    flags = find_compiler().flags
    assert not any("native" in flag for flag in flags) and any(flag.startswith("-march=") for flag in flags)


def test_information():
    said = str(heed.info())
    assert find_compiler().path in said and os.environ["HEED_CACHE_DIR"] in said and "libgomp" in said


def children():
    """Seconds of the processor that processes of this one have used."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def test_what_a_new_variant_costs(optimised, fresh_cache, variants, tmp_path, capsys):
    """From heed.compile to the first result beside the compiler alone on the same program in C++: seconds of the
    processor, for others use the machine too."""
    source = tmp_path / "program.cpp"
    source.write_text(
        f'#include "{variants / "variant.hpp"}"\nint main() {{\n  using namespace mine;\n'
        "  heed::tensor<float> Q(2, 9, 16), S(2), O(2, 9, 16);\n"
        "  fuse<out>(q = Q, k = Q, v = Q, slope = S, into(O));\n}\n"
    )
    given = operands()
    begin, used, own = time.perf_counter(), children(), time.process_time()
    heed.compile(variants / "variant.hpp")(**given)
    ours = children() - used + time.process_time() - own
    wall, used = time.perf_counter() - begin, children()
    begin = time.perf_counter()
    subprocess.run(
        [
            find_compiler().path,
            "-std=c++20",
            "-O3",
            "-march=native",
            "-fopenmp",
            f"-I{heed_include()}",
            source,
            "-o",
            tmp_path / "program",
        ],
        check=True,
    )
    theirs = children() - used
    with capsys.disabled():
        print(
            f"\na new variant: {ours:.2f} s of the processor to its first result ({wall:.1f} s), {theirs:.2f} s "
            f"({time.perf_counter() - begin:.1f} s) for the same in C++: {ours / theirs:.2f} times"
        )
    assert ours < 1.5 * theirs


BYTES = """
constexpr heed::axis<"n"> n;  constexpr heed::axis<"m"> m;  constexpr heed::axis<"d", 16> d;
constexpr auto k = heed::cast<float>(heed::input<"k", std::int8_t>(m, d)) * heed::input<"scale">(m);
constexpr auto out = heed::attention<d, m>(heed::input<"q">(n, d), k, heed::input<"v">(m, d));
HEED_KERNEL(attend_bytes, out)
"""


def test_keys_of_a_byte():
    attend = heed.compile("#include <heed/heed.hpp>\n" + BYTES)
    random = numpy.random.default_rng(4)
    q, v = random.standard_normal((2, 16), "float32"), random.standard_normal((300, 16), "float32")
    k, scale = random.integers(-128, 128, (300, 16)).astype("int8"), random.random(300, "float32") / 50
    score = q.astype("float64") @ (k * scale.astype("float64")[:, None]).T / 4
    weight = numpy.exp(score - score.max(-1, keepdims=True))
    wanted = weight / weight.sum(-1, keepdims=True) @ v
    numpy.testing.assert_allclose(attend(q=q, k=k, scale=scale, v=v), wanted, atol=2e-6)
    with pytest.raises(heed.OperandError, match="operand 'k': expected int8, got int32"):
        attend(q=q, k=k.astype("int32"), scale=scale, v=v)
