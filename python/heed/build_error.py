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
FACTS = re.compile(r"given<false((?:, [^\n]*)?)>(?:'| evaluates|\s)")
FACT = re.compile(r"(\w*fact)<[^{}<>]*(?:<[^{}<>]*>)?\{\"([^\"]*)\"\}(?:, ?([^<>]*?))? ?>")
TEXT = re.compile(r"text<\d+>\{\"([^\"]*)\"\}")
TWICE = re.compile(r"heed_part_(\w+?)__|heed_kernel_(\w+)")
ERROR = re.compile(
    r"^(?P<where>[^\n:]+:\d+)(?::\d+)?: (?:fatal |internal compiler )?error: (?P<what>[^\n]*)", re.MULTILINE
)


def facts_of(text):
    """What a refused rule was given, as words: heads = 12, width = 30; empty where the compiler does not say."""
    given = FACTS.search(text)
    if not given:
        return ""
    facts = [f"{name} = {value}" if value else name for _, name, value in FACT.findall(given[1])]
    return ", ".join(facts or TEXT.findall(given[1]))


def line_of(header, text):
    """Where in the user's header the compiler got stuck: `variants.hpp:12`, or the header alone."""
    found = re.search(rf"(?:^|[\s/]){re.escape(header)}:(\d+)", text)
    return f"{header}:{found[1]}" if found else header


def compiler_error(header, text):
    """The BuildError of a compilation that failed: heed's own rule and its facts, else the compiler's first error."""
    redefined = re.search(r"[^\n]*(?:redefinition|redeclar|conflicting declaration|already defined)[^\n]*", text)
    if redefined and (twice := TWICE.search(redefined[0])):
        return BuildError(f"heed: {header}: two kernels are called '{twice[1] or twice[2]}'", text)
    if rule := RULE.search(text):
        facts = facts_of(text)
        return BuildError(rule[1].rstrip() + (f" ({facts})" if facts else "") + f", at {line_of(header, text)}", text)
    if own := re.search(r"error: (?:#error )?\"?(heed: [^\n\"]*)", text):
        return BuildError(f"{own[1]}, at {line_of(header, text)}", text)
    if missing := re.search(r"fatal error: ([^\n:]*): No such file|fatal error: '([^\n']*)' file not found", text):
        return BuildError(f"heed: {header} includes {missing[1] or missing[2]}, which is not found", text)
    if first := ERROR.search(text):
        return BuildError(f"heed: {line_of(header, text)} does not compile: {first['what']}", text)
    return BuildError(f"heed: {header} does not compile", text)
