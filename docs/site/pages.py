"""The pages of the site: which of them is made of which file, and their text.

Pages are README.md, what lies in docs/, one for each numbered example, and, so that every link leads somewhere without a
network, one for each file and folder that a page links to. Links are written anew: from the places of files to those of pages.
"""
import functools
import pathlib
import re
import subprocess

import page_text

# Sections that are pages of their own here: of a page, the title of a section of the second level and its page. (Those of the gallery
# are, too, each entry one.)
SECTIONS = {"docs/language.md": {"Gradients": "gradients.md"}}
GALLERY = "docs/gallery.md"
PICTURES = (".png", ".svg", ".jpg", ".jpeg", ".gif", ".webp", ".pdf", ".html")
LANGUAGES = {".hpp": "cpp", ".cpp": "cpp", ".h": "c", ".c": "c", ".py": "python", ".sh": "bash", ".toml": "toml", ".json": "json",
             ".cmake": "cmake", "CMakeLists.txt": "cmake", ".gnuplot": "gnuplot"}
LARGEST_SOURCE = 100_000
LEFT_OUT = ("__pycache__",)


class Fault(Exception):
    """What is wrong with a page."""


def documents(root):
    """The Markdown pages from which the site starts, from the root: README.md and what lies in docs/."""
    pages = [path for path in (root / "docs").rglob("*.md") if (root / "docs" / "site") not in path.parents]
    return ["README.md", *sorted(path.relative_to(root).as_posix() for path in pages)]


def examples(root):
    """The numbered examples in order, from the root."""
    return sorted(path.relative_to(root).as_posix() for path in (root / "examples").glob("[0-9][0-9]_*.cpp"))


def example_page(example):
    return f"tutorial/{pathlib.PurePosixPath(example).stem}.md"


def page_of(root, path):
    """The page in which a file or folder of the project is shown."""
    if path == "README.md":
        return "index.md"
    if path in examples(root):
        return example_page(path)
    if path.startswith("docs/") and path.endswith(".md"):
        return path.removeprefix("docs/")
    if (root / path).suffix in PICTURES:
        return path.removeprefix("docs/")
    return f"source/{path}/index.md" if (root / path).is_dir() else f"source/{path}.md"


def folder_of(path):
    """The folder, where a path is that of the README.md that its page begins with; any other path as it is."""
    return path.removesuffix("/README.md") if not path.startswith("docs/") else path


def relative(page, other):
    """The link from one page to another."""
    here, there = page.split("/")[:-1], other.split("/")
    while here and len(there) > 1 and here[0] == there[0]:
        here, there = here[1:], there[1:]
    return "/".join([".."] * len(here) + there)


def section(text, title):
    """Where the section of the second level with this title begins and ends, as lines from 0."""
    inside = [(number, level, name) for number, level, name, _ in page_text.headings(text) if level <= 2]
    for index, (number, level, name) in enumerate(inside):
        if level == 2 and name == title:
            return number, inside[index + 1][0] if index + 1 < len(inside) else len(text.splitlines())
    raise Fault(f"no section {title}")


def sections(root, path):
    """The sections of a file that are pages of their own: titles and pages."""
    if path != GALLERY or not (root / path).exists():
        return SECTIONS.get(path, {})
    titles = [name for _, level, name, _ in page_text.headings((root / path).read_text(encoding="utf-8")) if level == 2]
    return {title: f"gallery/{title.replace(' ', '_')}.md" for title in titles}


def home(root, path, anchor):
    """The page, and the anchor in it, of an anchor of a file: a section may have a page of its own."""
    for title, page in sections(root, path).items():
        text = (root / path).read_text(encoding="utf-8")
        first, last = section(text, title)
        for number, _, _, name in page_text.headings(text):
            if name == anchor and first <= number < last:
                return page, "" if number == first else anchor
    return page_of(root, path), anchor


def linked(root, path, page, text, needed):
    """The text of a file, with links from page to page; `needed` gets the files and folders that need one."""
    pieces, end = [], 0
    for start, stop, target in page_text.links(text):
        if page_text.is_elsewhere(target):
            continue
        file, anchor = page_text.split_target(target)
        there = page_text.resolved(path, file)
        if not there or not (root / there).exists():
            raise Fault(f"{path}:{page_text.line_of(text, start)}: nothing is at {target}")
        there = folder_of(there)
        needed.add(there)
        other, anchor = home(root, there, anchor)
        inside = "" if other == page and anchor else relative(page, other)
        pieces += [text[end:start], inside + (f"#{anchor}" if anchor else "")]
        end = stop
    return "".join([*pieces, text[end:]])


def readable(text):
    """The text as Python-Markdown wants it: no comments, lists in lists by four, bars as they are in a table's code."""
    lines = []
    for line, is_prose in page_text.prose_lines(without_comments(text)):
        if is_prose:
            line = re.sub(r"^ {2,3}(?=(?:[-*+]|\d+[.)]) )", "    ", line)
            if line.startswith("|"):
                line = page_text.SPAN.sub(lambda span: span[0].replace("\\|", "|"), line)
        lines.append(line)
    return "".join(lines)


def without_comments(text):
    """The text without the comments outside of code: they mark what the tests look at."""
    prose = "".join(line if is_prose else re.sub(r"[^\n]", " ", line) for line, is_prose in page_text.prose_lines(text))
    pieces, end = [], 0
    for comment in page_text.COMMENT.finditer(prose):
        pieces.append(text[end:comment.start()])
        end = comment.end()
    return "".join([*pieces, text[end:]])


def fenced(text, language=""):
    """A block of code, in a fence that the text does not hold."""
    fence = "`" * max(3, *(len(run) + 1 for run in re.findall("`+", text) or [""]))
    return f"{fence}{language}\n{text.rstrip()}\n{fence}\n"


def meta(**entries):
    """What stands above a page for the theme."""
    return "---\n" + "".join(f"{key}: {value}\n" for key, value in entries.items()) + "---\n"


def document_pages(root, path, needed):
    """The pages of a Markdown file: one, and those of its sections that have their own."""
    text, pages = (root / path).read_text(encoding="utf-8"), {}
    page = page_of(root, path)
    lines, rest = text.splitlines(keepends=True), text
    for title, own in sections(root, path).items():
        first, last = section(text, title)
        # Headings one level up; the places of links are looked for in the file that they are in.
        part = "".join(re.sub(r"^#(?=#+ )", "", line) if is_prose else line for line, is_prose in page_text.prose_lines("".join(lines[first:last])))
        pages[own] = readable(linked(root, path, own, part, needed))
        said = f"## {title}\n\n[{title}](#{page_text.slug(title)}) have a page of their own.\n\n"
        rest = rest.replace("".join(lines[first:last]), "" if path == GALLERY else said)  # the gallery has a table of them
    pages[page] = readable(linked(root, path, page, rest, needed))
    return pages


def opening_comment(text):
    """The comment that a source opens with, as prose, and the rest of the source."""
    lines = text.splitlines(keepends=True)
    count = next((index for index, line in enumerate(lines) if not line.startswith("//")), len(lines))
    return "".join(line.removeprefix("//").removeprefix(" ") for line in lines[:count]), "".join(lines[count:])


@functools.lru_cache
def run(program, _built):
    """What a program prints; nothing if it fails or takes long."""
    try:
        done = subprocess.run([program], capture_output=True, text=True, timeout=30, check=False)
    except subprocess.TimeoutExpired:
        return ""
    return done.stdout if done.returncode == 0 else ""


def printed(root, programs, example):
    """What an example prints, if it has been built and is not older than what it was made of; else nothing."""
    program = programs / pathlib.PurePosixPath(example).stem if programs else None
    if not program or not program.exists():
        return ""
    built = program.stat().st_mtime
    made_of = [root / example, *(root / "include").rglob("*.hpp"), *(root / "examples" / "support").iterdir()]
    return "" if any(file.stat().st_mtime > built for file in made_of) else run(program, built)


def tutorial_page(root, example, programs):
    """The page of an example: its opening comment as prose, its source, and what it prints where that is known."""
    comment, source = opening_comment((root / example).read_text(encoding="utf-8"))
    name = pathlib.PurePosixPath(example).stem
    number, title = name.split("_", 1)
    prose = re.sub(r"^\d+\. ", "", comment)
    text = f"# {int(number)}. {title.replace('_', ' ').capitalize()}\n\n{prose}\n{fenced(source.lstrip(), 'cpp')}"
    output = printed(root, programs, example)
    if output:
        text += f"\nIt prints\n\n{fenced(output, 'text')}"
    return text + f"\nThe file is `{example}`; `./dev explain {number}` shows what became of its graphs.\n"


def first_sentence(file):
    """Of the comment that a file opens with, so far as it has one."""
    text = file.read_text(encoding="utf-8")
    if file.suffix == ".py":
        found = re.search(r'^(?:#!.*\n)?"""(.+?)(?:\n\n|""")', text, re.DOTALL)
        words = found[1] if found else ""
    elif LANGUAGES.get(file.suffix) in ("cpp", "c"):
        words = re.sub(r"^\d+\. ", "", opening_comment(text)[0])
    else:
        words = "".join(line.lstrip("# ") for line in text.splitlines(keepends=True) if line.startswith("# ")) if text.startswith(("# ", "#!")) else ""
    sentence = re.split(r"(?<=[^.][.!?])\s+(?=[A-Z0-9`])", " ".join(words.split()), maxsplit=1)[0]
    return re.sub(r"([*_<>\[\]|\\])", r"\\\1", sentence)


def is_shown(file):
    """Is a file text that a page may hold?"""
    if file.stat().st_size > LARGEST_SOURCE:
        return False
    try:
        file.read_text(encoding="utf-8")
    except UnicodeDecodeError:
        return False
    return True


def file_page(root, path):
    """The page of a source."""
    file = root / path
    if not is_shown(file):
        return f"# {file.name}\n\n`{path}`, {file.stat().st_size:,} bytes, is not shown.\n"
    language = LANGUAGES.get(file.name) or LANGUAGES.get(file.suffix, "text")
    return f"# {file.name}\n\n`{path}`\n\n{fenced(file.read_text(encoding='utf-8'), language)}"


def folder_page(root, path, needed):
    """The page of a folder: what its README.md says, then its files and folders with the first sentence of each."""
    folder, page = root / path, page_of(root, path)
    lines, about = [], ""
    for entry in sorted(folder.iterdir(), key=lambda entry: (entry.is_file(), entry.name)):
        if entry.name.startswith(".") or entry.name in LEFT_OUT:
            continue
        there = entry.relative_to(root).as_posix()
        if entry.name == "README.md":
            about = readable(linked(root, there, page, re.sub(r"\A# .*\n", "", entry.read_text(encoding="utf-8")), needed))
            continue
        needed.add(there)
        line = f"- [{entry.name.replace('_', chr(92) + '_')}{'/' if entry.is_dir() else ''}]({relative(page, page_of(root, there))})"
        sentence = first_sentence(entry) if entry.is_file() and is_shown(entry) else ""
        lines.append(line + (f": {sentence}" if sentence else "") + "\n")
    return f"# {folder.name}\n\n`{path}/`\n\n" + (f"{about.strip()}\n\n" if about else "") + "".join(lines)


def all_pages(root, programs=None):
    """Every page by its address in the site; a picture is the file that it is."""
    root = pathlib.Path(root)
    pages, needed, done = {}, set(), set()
    for path in documents(root):
        pages.update(document_pages(root, path, needed))
        done.add(path)
    for example in examples(root):
        pages[example_page(example)] = tutorial_page(root, example, programs)
        done.add(example)
    while needed - done:
        path = min(needed - done)
        done.add(path)
        page = page_of(root, path)
        if (root / path).suffix in PICTURES:
            pages[page] = root / path
            continue
        text = folder_page(root, path, needed) if (root / path).is_dir() else file_page(root, path)
        pages[page] = meta(title=f'"{path}"', search="{exclude: true}") + text
    return pages
