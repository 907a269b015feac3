#!/usr/bin/env python3
"""The site as `./dev docs` builds it: every link inside it leads to a file and a heading that are there, nothing that a browser
loads comes from a network, no comment that marks a test is left, the search knows the pages; and, where there is a Chromium, it finds
something on a page that was opened from disk.

    built.py ROOT           builds and checks, status 1 if there is a fault
    built.py --self-test    shows that each kind of fault is found
"""
import html.parser
import json
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile
import urllib.parse

LOADED = {("script", "src"), ("img", "src"), ("iframe", "src"), ("source", "src"), ("source", "srcset"), ("link", "href"), ("form", "action")}
MARK = re.compile(r"^\s*(test|rejected|output|study|printed|files|end of)\b")


class Page(html.parser.HTMLParser):
    """The links of a page, what it loads, the places in it, its comments."""

    def __init__(self, text):
        super().__init__()
        self.links, self.loaded, self.places, self.comments = [], [], set(), []
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        for name, value in attrs:
            if name == "id":
                self.places.add(value)
            if (tag, name) in LOADED and value and dict(attrs).get("rel") not in ("canonical", "next", "prev"):
                self.loaded.append(value)
            if (tag, name) == ("a", "href") and value:
                self.links.append(value)

    def handle_comment(self, data):
        self.comments.append(data)


def faults(site):
    """What is wrong with the site in a folder."""
    # (A server's page for what is not there knows no place of its own.)
    pages = {path: Page(path.read_text(encoding="utf-8")) for path in sorted(site.rglob("*.html")) if path != site / "404.html"}
    found = []
    for path, page in pages.items():
        name = path.relative_to(site)
        found += [f"{name}: the mark of a test is left: <!--{comment}-->" for comment in page.comments if MARK.match(comment)]
        found += [f"{name}: loads {address}" for address in page.loaded if re.match(r"(https?:)?//", address)]
        for link in page.links + page.loaded:
            if re.match(r"(https?:)?//|mailto:|javascript:|data:", link):
                continue
            address, anchor = urllib.parse.urldefrag(link)
            there = (path.parent / urllib.parse.unquote(address)).resolve() if address else path
            there = there / "index.html" if there.is_dir() else there
            if not there.is_file():
                found.append(f"{name}: nothing is at {link}")
            elif anchor and there in pages and not anchor.startswith("__") and urllib.parse.unquote(anchor) not in pages[there].places:
                found.append(f"{name}: no place {link}")
    for style in sorted(site.rglob("*.css")):
        for address in re.findall(r"(?:@import\s+|url\(\s*)[\"']?((?:https?:)?//[^\"')\s]+)", style.read_text(encoding="utf-8")):
            found.append(f"{style.relative_to(site)}: loads {address}")
    index = site / "search" / "search_index.json"
    known = {urllib.parse.urldefrag(entry["location"])[0] for entry in json.loads(index.read_text(encoding="utf-8"))["docs"]} if index.exists() else set()
    for path in pages:
        name = path.relative_to(site).as_posix()
        address = "" if name == "index.html" else name
        if not name.startswith("source/") and not known & {name, address}:
            found.append(f"{name}: the search does not know it")
        if name.startswith("source/") and name in known:
            found.append(f"{name}: the search knows a source")
    return found


def search_fault(site, browser):
    """Does the search find something on a page from disk? What is wrong, or None."""
    address = (site / "language.html").resolve().as_uri() + "?q=softmax"
    command = [browser, "--headless", "--no-sandbox", "--disable-gpu", "--virtual-time-budget=20000", "--dump-dom", address]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    found = re.findall(r'class="md-search-result__link"', done.stdout)
    return None if found else f"the search finds nothing from disk, says {browser}: {done.stderr[-500:]}"


def self_test():
    """Each bad site must be refused with one fault that says so; the good one must pass."""
    first = '<!-- theme --><link rel="stylesheet" href="a.css"><a href="b/two.html#part">x</a> <a href="https://example.com">y</a><a href="#top" id="top">z</a>'
    second = '<h1 id="part">Part</h1><a href="../">home</a><script src="../a.js"></script>'
    style = "a { background: url(data:x) }"
    index = ["", "b/two.html", "b/two.html#part"]
    cases = [
        (first, second, style, index, None),
        (first.replace("two.html#", "three.html#"), second, style, index, "index.html: nothing is at b/three.html#part"),
        (first.replace("#part", "#whole"), second, style, index, "index.html: no place b/two.html#whole"),
        (first.replace("#top", "#bottom"), second, style, index, "index.html: no place #bottom"),
        (first.replace("theme", "test: a"), second, style, index, "the mark of a test is left"),
        (first, second.replace("../a.js", "https://example.com/a.js"), style, index, "two.html: loads https://example.com/a.js"),
        (first, second.replace("../a.js", "//example.com/a.js"), style, index, "two.html: loads //example.com/a.js"),
        (first, second, style.replace("data:x", "'https://example.com/x'"), index, "a.css: loads https://example.com/x"),
        (first, second, style + "@import 'https://example.com/y';", index, "a.css: loads https://example.com/y"),
        (first, second, style, index[:1], "b/two.html: the search does not know it"),
        (first, second, style, index + ["source/a.html"], "source/a.html: the search knows a source"),
    ]
    failures = 0
    for one, two, sheet, known, complaint in cases:
        with tempfile.TemporaryDirectory() as directory:
            site = pathlib.Path(directory).resolve()
            files = {"index.html": one, "b/two.html": two, "source/a.html": "<p>x</p>", "a.css": sheet, "a.js": "",
                     "search/search_index.json": json.dumps({"docs": [{"location": name} for name in known]})}
            for name, text in files.items():
                (site / name).parent.mkdir(exist_ok=True)
                (site / name).write_text(text, encoding="utf-8")
            found = faults(site)
        right = not found if complaint is None else len(found) == 1 and complaint in found[0]
        failures += not right
        print(f"{'right' if right else 'WRONG'}: {complaint or 'a good site'}" + ("" if right else f": {found}"))
    return failures


def main(arguments):
    if arguments == ["--self-test"]:
        return 1 if self_test() else 0
    if len(arguments) != 1:
        sys.exit(__doc__)
    root = pathlib.Path(arguments[0])
    if subprocess.run([root / "dev", "docs"], check=False).returncode != 0:
        sys.exit("./dev docs failed")
    site = root / "build" / "docs-site"
    found = faults(site)
    browser = shutil.which("chromium")
    if not browser:
        print("there is no chromium: the search from disk is not tried")
    elif (fault := search_fault(site, browser)):
        found.append(fault)
    print(*found, sep="\n")
    print(f"{len(list(site.rglob('*.html')))} pages")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
