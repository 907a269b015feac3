#!/usr/bin/env python3
"""Checks that namespace heed holds what the documentation describes, and nothing else.

`using namespace heed;` must not take names away from a user that he has never heard of. So every name that the headers declare
directly in heed stands as code in docs/language.md, no namespace but `internal` lies in heed, and every `heed::name` that the
documentation writes is one of these names.

    names.py include/heed docs README.md    prints each violation, status 1 if there is one
    names.py --list include/heed            prints the names
    names.py --self-test                    shows that each kind of violation is found
"""
import pathlib
import re
import sys
import tempfile

TEXT = re.compile(r'//[^\n]*|/\*.*?\*/|"(?:\\.|[^"\\\n])*"|^[ \t]*#(?:[^\n]*\\\n)*[^\n]*', re.DOTALL | re.MULTILINE)
# The functions of the list in graph/operations.hpp, which heed.hpp takes out all at once.
LIST = re.compile(r"^#define HEED_FUNCTIONS\(F\)((?:[^\n]*\\\n)*[^\n]*)", re.MULTILINE)
CODE = re.compile(r"^```.*?^```|`[^`\n]+`", re.DOTALL | re.MULTILINE)
NOT_OF_CPP = {"heed"}                                      # heed::heed, the target of CMake


def without_templates(head):
    """A declaration without `template <...>`."""
    while (start := re.search(r"\btemplate\s*<", head)):
        depth, end = 1, start.end()
        while depth and end < len(head):
            depth += {"<": 1, ">": -1}.get(head[end], 0) if head[end - 1:end + 1] != "->" else 0
            end += 1
        head = head[:start.start()] + head[end:]
    return head.strip()


def declared(head):
    """The name that a declaration declares; None: none."""
    head = without_templates(head)
    for pattern in (r"using\s+(?:\w+::)+(operator\s*\S+|\w+)$", r"using\s+(\w+)\s*=", r"(?:class|struct|union|enum(?:\s+class)?|concept)\s+(\w+)",
                    r"(operator\s*[^\s\w(]+)\s*\(", r"(\w+)\s*\(", r"(\w+)\s*(?:<.*>)?\s*(?:=|$)"):
        if (found := re.search(pattern, head)):
            return re.sub(r"\s", "", found[1])
    return None


def names(root):
    """The names declared directly in heed, each with the places where, and the namespaces in heed."""
    places, inner = {}, {}
    for header in sorted(pathlib.Path(root).rglob("*.hpp")):
        text = header.read_text(encoding="utf-8")
        for found in LIST.finditer(text):
            for name in re.findall(r"\bF\((\w+),", found[1]):
                places.setdefault(name, f"{header.relative_to(root)}:{text.count(chr(10), 0, found.start()) + 1}")
        text = TEXT.sub(lambda m: re.sub(r"[^\n]", " ", m[0]), text)
        stack, start = [], 0
        for mark in re.finditer(r"[{};]", text):
            head = text[start:mark.start()].strip()
            start = mark.end()
            here = "::".join(filter(None, stack)) if None not in stack else None
            place = f"{header.relative_to(root)}:{text.count(chr(10), 0, mark.start()) + 1}"
            space = re.match(r"(?:inline\s+)?namespace\s+([\w:\s]+)$", head)
            if space and mark[0] == "{":
                stack.append(re.sub(r"\binline\b|\s", "", space[1]))
                path = "::".join(stack).split("::")
                if path[0] == "heed" and len(path) > 1:
                    inner.setdefault(path[1], place)
                continue
            qualified = re.match(r"(?:class|struct)\s+heed::(\w+)", without_templates(head)) if here == "" else None
            name = qualified[1] if qualified else declared(head) if here == "heed" and head else None
            if name:
                places.setdefault(name, place)
            if mark[0] == "{":
                stack.append(None)
            elif mark[0] == "}" and stack:
                stack.pop()
    return places, inner


def violations(root, docs, readme):
    """Every violation as a sentence."""
    places, inner = names(root)
    pages = {page: page.read_text(encoding="utf-8") for page in [*sorted(pathlib.Path(docs).glob("*.md")), pathlib.Path(readme)]}
    language = " ".join(CODE.findall(pages[pathlib.Path(docs, "language.md")]))
    found = []
    for name, place in places.items():
        sign = name.removeprefix("operator") if not name.isidentifier() else None
        if not (sign in language if sign else re.search(rf"\b{name}\b", language)):
            found.append(f"{place}: heed::{name} is not described in language.md: does it belong to heed::internal?")
    for space, place in inner.items():
        if space != "internal":
            found.append(f"{place}: namespace heed::{space}: what is not described belongs to heed::internal")
    for page, text in pages.items():
        for name in sorted(set(re.findall(r"\bheed::(\w+)", text)) - NOT_OF_CPP - {"internal"}):
            if name not in places:
                found.append(f"{page.name}: heed::{name} is no name of heed")
    return found


def self_test():
    good = "namespace heed {\ntemplate <class T = int(*)()> class tensor { int hidden; void lost(); };\nusing internal::operator+;\n}\n" \
           "namespace heed::internal::inline avx2 { struct node {}; void put(); }\nnamespace heed { using number = long; }\n"
    page = "`heed::tensor<T>` of `number`s, with `a + b`; the target is `heed::heed`, the rest is `heed::internal::graph`"
    cases = [
        (good, page, None),
        (good + "namespace heed { struct node { int x; }; }", page, "heed::node is not described"),
        (good + "namespace heed {\ntemplate <int N, bool B = (N > 1)>\nconstexpr int twice(int x) { return x; }\n}", page, "heed::twice is not described"),
        (good + "namespace heed { inline constexpr int most{3}; }", page, "heed::most is not described"),
        (good + "namespace heed { template <> inline constexpr int most<int> = 3; }", page, "heed::most is not described"),
        (good + "namespace heed { enum class kind { one }; }", page, "heed::kind is not described"),
        (good + "namespace heed { using internal::plan::execution_plan; }", page, "heed::execution_plan is not described"),
        (good + "namespace heed { using internal::operator-; }", page, "heed::operator- is not described"),
        (good + "namespace heed::run { int x; }", page, "namespace heed::run"),
        (good + "namespace heed { inline namespace avx2 { int x; } }", page, "namespace heed::avx2"),
        (good + "#define HEED_FUNCTIONS(F) \\\n  F(number, 1) \\\n  F(twice, 2, .exact = true)\n", page, "heed::twice is not described"),
        (good, page + " and tensor, node, `heed::run`", "heed::run is no name of heed"),
        (good.replace("class tensor", "class vector"), page + "`vector`", "heed::tensor is no name of heed"),
    ]
    failures = 0
    for header, text, complaint in cases:
        with tempfile.TemporaryDirectory() as directory:
            root = pathlib.Path(directory)
            (root / "a.hpp").write_text(header, encoding="utf-8")
            (root / "language.md").write_text(text, encoding="utf-8")
            found = violations(root, root, root / "language.md")
        found = sorted(set(found))                         # the page is its own README
        right = not found if complaint is None else len(found) == 1 and complaint in found[0]
        failures += not right
        print(f"{'right' if right else 'WRONG'}: {complaint or 'all is described'}" + ("" if right else f": {found}"))
    return failures


def main(arguments):
    if arguments == ["--self-test"]:
        return 1 if self_test() else 0
    if len(arguments) == 2 and arguments[0] == "--list":
        print(*sorted(names(arguments[1])[0]), sep="\n")
        return 0
    if len(arguments) != 3:
        sys.exit(__doc__)
    found = violations(*arguments)
    print(*found, sep="\n")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
