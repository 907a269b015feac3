"""What is read off a header's text: names, namespaces, kernels; which of them a call of heed.compile means."""

import pytest

import heed
from heed.declaration import Declaration

TEXT = """#include <heed/heed.hpp>
namespace mine {  // namespace comment {
using namespace heed;
constexpr axis<"n"> n;
constexpr auto out = sum<n>(input<"{x">(n));
inline constexpr auto both{results(out, out)};
auto f() { constexpr auto local = 1; return local; }
}
namespace other::deep { constexpr auto second = mine::out; constexpr auto both = second; }
/* constexpr auto hidden = 1; HEED_KERNEL(hidden, out) */
"""


def chosen(text, *results, wrt=(), name=None):
    return Declaration(text, None).choose(results, wrt, name)


def test_names_lie_in_namespaces():
    declaration = Declaration(TEXT, None)
    assert declaration.names == {"out": ["mine"], "both": ["mine", "other::deep"], "second": ["other::deep"]}
    assert declaration.namespaces == ["mine", "other::deep"] and not declaration.kernels


@pytest.mark.parametrize(
    "results, line",
    [
        ((), "namespace mine { HEED_KERNEL(kernel, out) }\n"),
        (("out",), "namespace mine { HEED_KERNEL(kernel, out) }\n"),
        (("second",), "namespace other::deep { HEED_KERNEL(kernel, second) }\n"),
        (("mine::out",), "HEED_KERNEL(kernel, mine::out)\n"),
        (
            ("exp(out)",),
            "namespace mine { inline constexpr auto heed_result_1 = exp(out); HEED_KERNEL(kernel, heed_result_1) }\n",
        ),
        (("gradient<out>(wrt(x))",), "namespace mine { HEED_KERNEL(kernel, gradient<out>(wrt(x))) }\n"),
        (
            ("out", "2 * out"),
            "namespace mine { inline constexpr auto heed_result_2 = 2 * out; "
            "HEED_KERNEL(kernel, heed::results(out, heed_result_2)) }\n",
        ),
        (("out", "both"), "namespace mine { HEED_KERNEL(kernel, heed::results(out, both)) }\n"),
    ],
)
def test_what_is_meant(results, line):
    text = TEXT.replace("constexpr auto both = second;", "") if "both" in results else TEXT
    assert chosen(text, *results).line() == line


def test_gradients_by_names_of_inputs():
    line = 'namespace mine { HEED_KERNEL(k, out, heed::wrt_named<"x", "y">(out)) }\n'
    assert chosen(TEXT, "out", wrt=("x", "y"), name="k").line() == line


def test_the_headers_own_kernels():
    one = TEXT.replace("both{", "kept{") + "namespace mine { HEED_KERNEL(attend, out, wrt(x, y)) }\n"
    assert chosen(one).exported and chosen(one).name == "attend"
    assert chosen(one, "attend").exported
    assert chosen(one, wrt="x").line() == 'namespace mine { HEED_KERNEL(attend, out, heed::wrt_named<"x">(out)) }\n'
    assert not chosen(one, "out").exported
    two = one + "namespace mine { HEED_KERNEL(pair, results(out, kept)) }\n"
    assert chosen(two, "pair").line() == "namespace mine { HEED_KERNEL(pair, results(out, kept)) }\n"
    assert chosen(two, "attend").line() == "namespace mine { HEED_KERNEL(attend, out, wrt(x, y)) }\n"
    with pytest.raises(heed.DeclarationError, match="exports attend, pair: name one"):
        chosen(two)


@pytest.mark.parametrize(
    "results, sentence",
    [
        (("nobody",), "the text declares no 'nobody'; it declares out, both, second"),
        (("both",), "several namespaces for 'both': mine::both, other::deep::both: give it qualified"),
        (("out", "second"), "lie in several namespaces"),
    ],
)
def test_what_is_not_meant(results, sentence):
    with pytest.raises(heed.DeclarationError, match=sentence):
        chosen(TEXT, *results)


def test_a_header_without_a_result():
    with pytest.raises(heed.DeclarationError, match="neither a HEED_KERNEL nor a constant called 'out'"):
        chosen("constexpr auto result = 1;\n")


@pytest.mark.parametrize(
    "arguments, named, sentence",
    [
        ((None,), {}, "expected a header or its text, got NoneType"),
        ((b"bytes\n",), {}, "expected a header or its text, got bytes"),
        ((TEXT, 7), {}, "results, wrt and name are texts, got 7"),
        ((TEXT, "out"), {"wrt": [None]}, "results, wrt and name are texts, got None"),
        ((TEXT, "out"), {"name": "no name"}, "'no name' is no name for a C function"),
        ((TEXT, "out"), {"name": "while"}, "cannot be called 'while', which is a word of C"),
        ((TEXT, "out"), {"name": "int8_t"}, "cannot be called 'int8_t', which is a type or a macro"),
        ((TEXT, "out"), {"name": "exp"}, "cannot be called 'exp': programs call another function 'exp'"),
        ((TEXT + "HEED_KERNEL(short, mine::out)\n",), {}, "cannot be called 'short', which is a word of C"),
        ((TEXT, "out"), {"defines": {"A B": "1"}}, "a definition is a name and a text"),
        ((TEXT, "out"), {"defines": {"A": 1}}, "a definition is a name and a text"),
        ((TEXT, "out"), {"defines": {"A": "1\n#error"}}, "a definition is a name and a text"),
    ],
)
def test_what_is_no_argument(arguments, named, sentence):
    with pytest.raises(heed.DeclarationError, match=sentence):
        heed.compile(*arguments, **named)


def test_a_file_that_is_not_there(tmp_path):
    with pytest.raises(heed.DeclarationError, match="nowhere.hpp cannot be read: No such file"):
        heed.compile(tmp_path / "nowhere.hpp")
    (tmp_path / "latin.hpp").write_bytes(b"// \xe4\n")
    with pytest.raises(heed.DeclarationError, match="is not UTF-8"):
        heed.compile(tmp_path / "latin.hpp")


def test_names_given_twice():
    with pytest.raises(heed.DeclarationError, match="wrt names 'x' more than once"):
        chosen(TEXT, "out", wrt=("x", "x"))
    twice = TEXT + "HEED_KERNEL(one, mine::out)\nHEED_KERNEL(one, other::deep::second)\n"
    with pytest.raises(heed.DeclarationError, match="two kernels of the text are called 'one'"):
        chosen(twice)


def test_nothing_is_no_header():
    with pytest.raises(heed.DeclarationError, match="expected a header or its text, got an empty text"):
        heed.compile("")
