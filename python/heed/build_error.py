"""What goes wrong while a library of kernels is made: one sentence, and the compiler's text where there is one."""

import re

from .errors import Error


class BuildError(Error):
    """str() is the sentence; `text` is all that a compiler or linker printed."""

    def __init__(self, sentence, text=""):
        super().__init__(sentence)
        self.sentence = sentence
        self.text = text


RULE = re.compile(r"static assertion failed(?: due to requirement '.*')?: \"?(heed: [^\n\"]*)")
# What a rule was given stands as template arguments in the message: given<false, axis_fact<text<1>{"d"}, 64>, ...>.
NAME = r"[\w:]*text<\d+>\{\"([^\"]*)\"\}"
AXIS = rf"[\w:]*axis<{NAME}, (-?\d+)>"
FACT = re.compile(rf"(?:axis|number|operand|element)_fact<{NAME}(?:, (-?\d+))? ?>|shape_fact<((?:{AXIS}(?:, )?)*) ?>")
REDEFINED = re.compile(r"redefinition|redeclar|conflicting declaration|already defined")
TWICE = re.compile(r"heed_part_(\w+?)__|heed_kernel_(\w+)")
ERROR = re.compile(
    r"^(?P<where>[^\n:]+:\d+)(?::\d+)?: (?:fatal |internal compiler )?error: (?P<what>[^\n]*)", re.MULTILINE
)


def fact(name, number):
    """A name and its number; -1 stands for an extent that a call brings."""
    return name if number in ("", None, "-1") else f"{name} = {number}"


def facts_of(text):
    """What a refused rule was given, as words: heads = 12, width = 30; empty where the compiler does not say."""
    for given in re.findall(r"given<[^'\n]*", text):  # the first that holds facts and no names of them
        facts = []
        for found in FACT.finditer(given):
            axes = ", ".join(fact(*axis) for axis in re.findall(AXIS, found[3] or ""))
            facts.append(f"[{axes}]" if found[1] is None else fact(found[1], found[2]))
        if facts:
            return ", ".join(facts)
    return ""


def line_of(header, text):
    """Where in the user's header the compiler got stuck: `variants.hpp:12`, or the header alone."""
    found = re.search(rf"(?:^|[\s/]){re.escape(header)}:(\d+)", text)
    return f"{header}:{found[1]}" if found else header


def line_around(text, found):
    """The whole line in which something was found; lines of a compiler's may be as long as a book."""
    return text[text.rfind("\n", 0, found.start()) + 1 :].partition("\n")[0]


def compiler_error(header, text):
    """The BuildError of a compilation that failed: heed's own rule and its facts, else the compiler's first error."""
    if (redefined := REDEFINED.search(text)) and (twice := TWICE.search(line_around(text, redefined))):
        return BuildError(f"heed: {header}: two kernels are called '{twice[1] or twice[2]}'", text)
    if rule := RULE.search(text):
        facts = facts_of(text[rule.start() :])
        return BuildError(rule[1].rstrip() + (f" ({facts})" if facts else "") + f", at {line_of(header, text)}", text)
    if own := re.search(r"error: (?:#error )?\"?(heed: [^\n\"]*)", text):
        return BuildError(f"{own[1]}, at {line_of(header, text)}", text)
    if missing := re.search(r"fatal error: ([^\n:]*): No such file|fatal error: '([^\n']*)' file not found", text):
        return BuildError(f"heed: {header} includes {missing[1] or missing[2]}, which is not found", text)
    if first := ERROR.search(text):
        return BuildError(f"heed: {line_of(header, text)} does not compile: {first['what']}", text)
    return BuildError(f"heed: {header} does not compile", text)
