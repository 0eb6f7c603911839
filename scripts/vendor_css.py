"""Make Tabler's style sheet lighter: without the widgets that Quayside does not have.

Works on whole families of classes, not on what templates use today, so that any other class of
Tabler may be used without a new run. The result sits in the cascade layer `tabler`: whatever our
own sheets say wins, without a fight over specificity.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

# Families of classes (the first word of the name) that need Tabler's scripts or that we replace.
FAMILIES = (
    "accordion|apexcharts|avatar|calendar|carousel|clr|coloris|countup|dropzone|fc|"
    "fslightbox|gallery|iti|jsvectormap|jvm|legend|litepicker|lightbox|marketing|modal|"
    "navbar|noUi|nouislider|offcanvas|otp|payment|placeholder|plyr|pricing|ribbon|"
    "scrollspy|signal|signature|social|sortable|stars|step|steps|tom-select|tooltip|tox|"
    "ts|turbo|tinymce|tracking|popover|chat|star-rating|testimonial"
)
BRANDS = (
    "facebook|twitter|linkedin|google|youtube|vimeo|dribbble|github|instagram|pinterest|"
    "vk|rss|flickr|bitbucket|tabler|apple|microsoft|gitlab|behance|tumblr|tiktok|slack|"
    "discord"
)
UNWANTED = re.compile(
    rf"\.(?:{FAMILIES})(?![a-z0-9])"
    rf"|\.[a-z-]+-(?:{BRANDS})(?![a-z0-9])"
    r"|\.theme-dark|\[data-theme=|body\[data-bs-theme=dark\] \[data-bs-theme=light\]"
)
BRAND_PROPERTY = re.compile(rf"--tblr-(?:{BRANDS})(?:-[a-z0-9]+)?:[^;}}]*;?")


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
    return re.split(r",(?![^(\[]*[)\]])", text)


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
            wanted = [name for name in selectors(head) if not UNWANTED.search(name)]
            body = BRAND_PROPERTY.sub("", body)
            kept += [f"{','.join(wanted)}{{{body}}}"] if wanted and body else []
    return "".join(kept)


def slim(css: str) -> str:
    """Return the sheet in its layer, below its licence banner."""
    banner = re.search(r"/\*!.*?\*/", css, re.S)
    bare = re.sub(r"/\*.*?\*/", "", css, flags=re.S)
    top = banner.group(0) if banner else ""
    return f'@charset "UTF-8";\n{top}\n@layer tabler{{{lighten(bare)}}}\n'
