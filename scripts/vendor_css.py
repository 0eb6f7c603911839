"""Make Tabler's style sheet lighter: without the widgets that Quayside does not have.

Works on whole families of classes (the first word of a name), so that `btn-outline-primary` may be
used without a new run; the first use of a new family needs its name here. The result sits in the
cascade layer `tabler`: whatever our own sheets say wins, without a fight over specificity.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

FAMILIES = (
    "align|btn|card|d|disabled|empty|form|gap|h[1-6]|icon|justify|list|m[best]?|p[best]?|"
    "page|progress|tag|text|toast|visually|w"
)
SINGLE = "active|focus|grid|row|show"  # these names alone, not what begins with them
WANTED = re.compile(rf"(?:{FAMILIES})(?![a-z0-9])|(?:{SINGLE})(?![\w-])")
BRANDS = (
    "facebook|twitter|linkedin|google|youtube|vimeo|dribbble|github|instagram|pinterest|"
    "vk|rss|flickr|bitbucket|tabler|apple|microsoft|gitlab|behance|tumblr|tiktok|slack|"
    "discord"
)
UNWANTED = re.compile(
    rf"\.[a-z-]+-(?:{BRANDS})(?![a-z0-9])"
    r"|\[data-(?:vc|bs-sidebar)|\.theme-dark|\[data-theme="
    r"|body\[data-bs-theme=dark\] \[data-bs-theme=light\]"
)
CLASS = re.compile(r"\.(-?[a-zA-Z_][\w-]*)")
# A value may hold a semicolon in quotes or brackets: data URIs do.
VALUE = r"(?:[^;}\"'(]|\"[^\"]*\"|'[^']*'|\((?:[^()\"']|\"[^\"]*\"|'[^']*'|\([^()]*\))*\))*"
PROPERTY = re.compile(rf"(?<![\w-])(--[\w-]+):{VALUE};?")
USE = re.compile(r"var\(\s*(--[\w-]+)")


def blocks(css: str) -> Iterator[tuple[str, str]]:
    """Yield (selector or at-rule, body) of each top-level block; a bodyless rule is dropped."""
    depth = start = opened = 0
    for at, char in enumerate(css):
        if char == "{":
            depth += 1
            opened = at if depth == 1 else opened
        elif char == "}":
            depth -= 1
            if depth == 0:
                yield css[start:opened].split(";")[-1].strip(), css[opened + 1 : at]
                start = at + 1


def selectors(text: str) -> list[str]:
    """Split a selector list at its own commas, not at those inside brackets."""
    found, depth = [""], 0
    for char in text:
        depth += {"(": 1, "[": 1, ")": -1, "]": -1}.get(char, 0)
        if char == "," and not depth:
            found.append("")
        else:
            found[-1] += char
    return found


def is_wanted(selector: str) -> bool:
    """Whether a selector can match something of ours: each class belongs to a kept family."""
    plain = re.sub(r":not\([^)]*\)", "", selector)  # what must be absent is no reason
    return not UNWANTED.search(plain) and all(map(WANTED.match, CLASS.findall(plain)))


def lighten(css: str) -> str:
    """Return the rules that stay, in their order."""
    kept = []
    for head, body in blocks(css):
        if head.startswith(("@media", "@supports")):
            inner = lighten(body)
            kept += [f"{head}{{{inner}}}"] if inner else []
        elif head.startswith("@"):
            kept.append(f"{head}{{{body}}}")
        else:
            wanted = [name for name in selectors(head) if is_wanted(name)]
            kept += [f"{','.join(wanted)}{{{body}}}"] if wanted and body else []
    return "".join(kept)


def without_idle_properties(css: str, ours: str) -> str:
    """Drop custom properties that neither the sheet itself nor our own sheets (`ours`) read."""
    read = set(USE.findall(css)) | set(USE.findall(ours))
    fewer = PROPERTY.sub(lambda found: found[0] if found[1] in read else "", css)
    fewer = re.sub(r"(?<=[{}])[^{}@]+\{\}", "", fewer)
    # What only a dropped one read is idle now.
    return css if fewer == css else without_idle_properties(fewer, ours)


def slim(css: str, ours: str = "") -> str:
    """Return the sheet in its layer, below its licence banner.

    `ours` is the text of all style sheets that may read its custom properties.
    """
    banner = re.search(r"/\*!.*?\*/", css, re.S)
    bare = re.sub(r"/\*.*?\*/", "", css, flags=re.S)
    top = banner.group(0) if banner else ""
    kept = without_idle_properties(lighten(bare), ours)
    return f'@charset "UTF-8";\n{top}\n@layer tabler{{{kept}}}\n'
