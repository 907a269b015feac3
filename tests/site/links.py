#!/usr/bin/env python3
"""Checks README.md, docs/ and the README.md of other folders: every link inside the project leads somewhere, to a heading where it
names one; and every page of docs/ and every numbered example stands in the navigation of the site, once. Needs no mkdocs.

    links.py ROOT           prints each fault, status 1 if there is one
    links.py --self-test    shows that each kind of fault is found
"""
import pathlib
import re
import sys
import tempfile

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / "docs" / "site"))
sys.dont_write_bytecode = True
import page_text  # pylint: disable=wrong-import-position
import pages as site  # pylint: disable=wrong-import-position

FOLDERS = ("bench", "examples", "python", "tests")
ENTRY = re.compile(r"^ +- (?:[^:\n]+: )?(\S+\.md)$", re.MULTILINE)


def is_exactly_there(root, path):
    """Is something at the path, written as it is on disk? Not every file system tells letters apart."""
    here = root
    for part in pathlib.PurePosixPath(path).parts:
        if not here.is_dir() or part not in {entry.name for entry in here.iterdir()}:
            return False
        here = here / part
    return True


def link_faults(root):
    """Every link that leads nowhere, as `file:line: what`."""
    found = []
    pages = site.documents(root) + [path.relative_to(root).as_posix() for folder in FOLDERS for path in sorted((root / folder).rglob("*.md"))]
    for page in pages:
        text = (root / page).read_text(encoding="utf-8")
        for other in page_text.OTHER_LINK.finditer(page_text.without_code(text)):
            found.append(f"{page}:{page_text.line_of(text, other.start())}: a link that nobody looks at: write [text](target)")
        for start, _, target in page_text.links(text):
            if page_text.is_elsewhere(target):
                continue
            place = f"{page}:{page_text.line_of(text, start)}"
            path, anchor = page_text.split_target(target)
            there = None if path.startswith("/") else page_text.resolved(page, path)
            if there is None or not is_exactly_there(root, there):
                found.append(f"{place}: nothing is at {target}")
            elif anchor or target.endswith("#"):
                file = root / there
                anchors = [name for *_, name in page_text.headings(file.read_text(encoding="utf-8"))] if file.suffix == ".md" else []
                if anchor not in anchors:
                    found.append(f"{place}: {there} has no heading {target}")
    return found


def navigation_faults(root):
    """What the navigation lacks, has twice, or has in vain."""
    entries = ENTRY.findall((root / "docs/site/mkdocs.yml").read_text(encoding="utf-8").partition("\nnav:\n")[2])
    wanted = [site.page_of(root, path) for path in site.documents(root) + site.examples(root)]
    wanted += [page for pages in site.SECTIONS.values() for page in pages.values()]
    found = [f"mkdocs.yml: {page} is not in the navigation" for page in wanted if page not in entries]
    found += [f"mkdocs.yml: {page} stands in the navigation twice" for page in sorted(set(entries)) if entries.count(page) > 1]
    found += [f"mkdocs.yml: the navigation has {page}, which no file becomes" for page in entries if page not in wanted]
    numbered = [page for page in entries if page.startswith("tutorial/")]
    return found + (["mkdocs.yml: the tutorial is out of order"] if numbered != sorted(numbered) else [])


def page_faults(root):
    """What is wrong with the text that the site is given."""
    try:
        made = site.all_pages(root)
    except site.Fault as fault:
        return [str(fault)]
    found = []
    for address, text in made.items():
        if not isinstance(text, str):
            continue
        prose = "".join(line for line, is_prose in page_text.prose_lines(text) if is_prose)
        if "<!--" in prose:
            found.append(f"{address}: a comment is left")
        for _, _, target in page_text.links(text):
            if not page_text.is_elsewhere(target):
                path, anchor = page_text.split_target(target)
                there = page_text.resolved(address, path)
                if there not in made:
                    found.append(f"{address}: no page {target}")
                elif anchor and anchor not in [name for *_, name in page_text.headings(made[there])]:
                    found.append(f"{address}: no heading {target}")
    return found


def faults(root):
    """All of them; the pages are made only of what has none."""
    return link_faults(root) + navigation_faults(root) or page_faults(root)


LANGUAGE = """# Words

Text with `code [no](link.md)` and [a link](other.md#two-words--more) and [`here`](#gradients), [apart](#of-two).

    indented [no](link.md)

<!-- test: a -->
```cpp
[](const auto& x) { return x[0](y); }
```

- one:
  - of [two](../examples/01_first.cpp)

| a `x \\| y` | b |
|---|---|
| [folder](../examples) | [file](../include/a.hpp) |

## Gradients

They [stand](#of-two) apart, [not here](#words).

### Of two

Two.

## Rest
"""


def write(root, language, navigation):
    """A small project."""
    files = {
        "README.md": "# A\n\n[words](docs/language.md#of-two), [elsewhere](https://example.com/none)\n",
        "docs/language.md": language,
        "docs/other.md": "# Other\n\n## Two `words`, & more\n\n[up](../README.md#a)\n",
        "docs/site/mkdocs.yml": f"site_name: x\nnav:\n{navigation}",
        "examples/01_first.cpp": "// 1. First things. Then others.\nint main() { return 0; }\n",
        "examples/README.md": "# Examples\n\n[first](01_first.cpp)\n",
        "examples/support/a.py": '"""What it is for. More."""\n',
        "include/a.hpp": "// What a header is.\n#pragma once\n",
    }
    for path, text in files.items():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text(text, encoding="utf-8")


def made_wrong(root):
    """What is not as it should be in the pages of the small project."""
    made = site.all_pages(root)
    wanted = {
        "README.md": "[words](gradients.md#of-two), [elsewhere](https://example.com/none)",
        "the code stays": "Text with `code [no](link.md)` and [a link](other.md#two-words--more) and [`here`](gradients.md), [apart](gradients.md#of-two).",
        "a list in a list": "\n    - of [two](tutorial/01_first.md)\n",
        "a bar in a table": "| a `x | y` | b |",
        "files and folders": "| [folder](source/examples/index.md) | [file](source/include/a.hpp.md) |",
        "a section of its own": "# Gradients\n\nThey [stand](#of-two) apart, [not here](language.md#words).\n\n## Of two\n\nTwo.\n",
        "and where it was": "## Gradients\n\n[Gradients](gradients.md) have a page of their own.\n\n## Rest\n",
        "an example": "# 1. First\n\nFirst things. Then others.\n\n```cpp\nint main() { return 0; }\n```\n",
        "a folder": "[first](../../tutorial/01_first.md)\n\n- [support/](support/index.md)\n- [01\\_first.cpp](../../tutorial/01_first.md): First things.\n",
        "a folder below": "- [a.py](a.py.md): What it is for.\n",
    }
    return [what for what, text in wanted.items() if not any(text in page for page in made.values())]


def self_test():
    """Each bad project must be refused with one fault that says so; the good one must pass, and become the right pages."""
    navigation = "  - index.md\n  - Words: language.md\n  - gradients.md\n  - other.md\n  - First:\n      - tutorial/01_first.md\n"
    cases = [
        (LANGUAGE, navigation, None),
        (LANGUAGE.replace("other.md#", "another.md#"), navigation, "docs/language.md:3: nothing is at another.md"),
        (LANGUAGE.replace("other.md#", "Other.md#"), navigation, "nothing is at Other.md"),
        (LANGUAGE.replace("../include", "/include"), navigation, "nothing is at /include/a.hpp"),
        (LANGUAGE.replace("../include", "../../include"), navigation, "nothing is at ../../include/a.hpp"),
        (LANGUAGE.replace("words--more", "words-more"), navigation, "docs/other.md has no heading other.md#two-words-more"),
        (LANGUAGE.replace("a.hpp)", "a.hpp#words)"), navigation, "include/a.hpp has no heading"),
        (LANGUAGE.replace("## Rest\n", "## Rest\n\n[x]: other.md\n"), navigation, "a link that nobody looks at"),
        (LANGUAGE.replace("Two.\n", 'Two.\n<img src="other.svg">\n'), navigation, "docs/language.md:26: a link that nobody looks at"),
        (LANGUAGE, navigation.replace("  - other.md\n", ""), "other.md is not in the navigation"),
        (LANGUAGE, navigation.replace("      - tutorial/01_first.md\n", ""), "tutorial/01_first.md is not in the navigation"),
        (LANGUAGE, navigation + "  - other.md\n", "other.md stands in the navigation twice"),
        (LANGUAGE, navigation + "  - none.md\n", "none.md, which no file becomes"),
        (LANGUAGE.replace("## Gradients", "## Slopes").replace("(#gradients)", "(#words)"), navigation, "no section Gradients"),
    ]
    failures = 0
    for language, entries, complaint in cases:
        with tempfile.TemporaryDirectory() as directory:
            root = pathlib.Path(directory)
            write(root, language, entries)
            try:
                found = faults(root) or made_wrong(root)
            except site.Fault as fault:
                found = [str(fault)]
        right = not found if complaint is None else len(found) == 1 and complaint in found[0]
        failures += not right
        print(f"{'right' if right else 'WRONG'}: {complaint or 'a good project'}" + ("" if right else f": {found}"))
    return failures


def main(arguments):
    if arguments == ["--self-test"]:
        return 1 if self_test() else 0
    if len(arguments) != 1 or not pathlib.Path(arguments[0], "docs").is_dir():
        sys.exit(__doc__)
    found = faults(pathlib.Path(arguments[0]).resolve())
    print(*found, sep="\n")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
