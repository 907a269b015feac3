"""What links and headings a Markdown page has, as GitHub reads it: for the site, and for the test that checks both."""
import pathlib
import re

FENCE = re.compile(r"^ *(`{3,}|~{3,})")
HEADING = re.compile(r"^(#{1,6}) +(.+?) *#*$")
ITEM = re.compile(r"^ *(?:[-*+]|\d+[.)]) ")
# The text of a link may hold code and one more pair of brackets, an image for example.
LINK = re.compile(r"\[(?:[^\[\]]|\[[^\[\]]*\])*\]\((?P<target>[^()\s]*)(?: \"[^\"]*\")?\)")
# Links of other kinds: apart from their text, or in HTML.
OTHER_LINK = re.compile(r"^ {0,3}\[[^\]]+\]:|<(?:a|img)\s", re.MULTILINE)
COMMENT = re.compile(r"^<!--.*?-->[ \t]*$", re.DOTALL | re.MULTILINE)
SPAN = re.compile(r"(?<!`)(`+)(?!`)(.+?)(?<!`)\1(?!`)", re.DOTALL)


def prose_lines(text):
    """Each line with whether it is prose: neither in a fence nor indented code."""
    fence, blank, code, listed = None, True, False, False
    for line in text.splitlines(keepends=True):
        mark = FENCE.match(line)
        if fence:
            yield line, False
            if mark and mark[1].startswith(fence) and not line.strip(" `~\n"):
                fence = None
            continue
        if mark:
            fence, code, blank = mark[1], False, False
            yield line, False
            continue
        if line.strip():
            code = line.startswith("    ") and not listed and (blank or code)
            listed = bool(ITEM.match(line)) or listed and (line.startswith(" ") or not blank)
        blank = not line.strip()
        yield line, not code


def blanked(found):
    """As many characters without a meaning, line breaks kept."""
    return re.sub(r"[^\n]", " ", found[0])


def without_code(text):
    """The text with code and comments blanked out, so that places are the same."""
    prose = "".join(line if is_prose else re.sub(r"[^\n]", " ", line) for line, is_prose in prose_lines(text))
    # Code in a link's text stays inside its brackets, which are outside of the code.
    return SPAN.sub(blanked, COMMENT.sub(blanked, prose))


def links(text):
    """Of every link: where its target begins and ends in the text, and the target."""
    return [(found.start("target"), found.end("target"), found["target"]) for found in LINK.finditer(without_code(text))]


def line_of(text, place):
    """The number of the line of a place, from 1."""
    return text.count("\n", 0, place) + 1


def slug(title):
    """What stands behind # in a link to a heading."""
    plain = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", title)
    return re.sub(r"[^\w\- ]", "", plain).strip().lower().replace(" ", "-")


def headings(text):
    """Of every heading: the number of its line (from 0), its level, its title and its anchor."""
    found, seen = [], {}
    for number, (line, is_prose) in enumerate(prose_lines(text)):
        heading = HEADING.match(line.rstrip("\n")) if is_prose else None
        if heading:
            anchor = slug(heading[2])
            seen[anchor] = seen.get(anchor, -1) + 1
            found.append((number, len(heading[1]), heading[2], anchor + (f"-{seen[anchor]}" if seen[anchor] else "")))
    return found


def is_elsewhere(target):
    """Does a link lead out of the project?"""
    return re.match(r"[a-z][a-z0-9+.-]*:", target) is not None


def split_target(target):
    """A target's path and its anchor, each empty where there is none."""
    path, _, anchor = target.partition("#")
    return path, anchor


def resolved(page, path):
    """The path of a link on a page (both from the root), from the root; None outside of it."""
    parts = list(pathlib.PurePosixPath(page).parent.parts) if path else list(pathlib.PurePosixPath(page).parts)
    for part in path.split("/"):
        if part == "..":
            if not parts:
                return None
            parts.pop()
        elif part not in ("", "."):
            parts.append(part)
    return "/".join(parts)
