"""Make one small font of the icons that Quayside uses, and the style sheet that names them.

A font because of the cost: an icon as an SVG mask is a document of its own for the browser, and a
layer of its own for each place where it stands; a glyph is a letter.
"""

from __future__ import annotations

import re
from pathlib import Path

from fontTools.merge import Merger
from fontTools.subset import Options, Subsetter
from fontTools.ttLib import TTFont

# The icons that templates name, one a line; `filled/` in front means the filled set.
ICONS = Path(__file__).with_name("icons.txt")
RULE = re.compile(r"\.ti-([\w-]+):before\s*\{\s*content:\s*\"\\([0-9a-f]+)\"")
SETS = {"": "tabler-icons", "filled": "tabler-icons-filled"}
FONT = "icons.woff"
EPOCH = 3_000_000_000  # seconds since 1904, as fonts count


def wanted() -> dict[str, list[str]]:
    """Return the icons' plain names by set."""
    names: dict[str, list[str]] = {kind: [] for kind in SETS}
    for name in ICONS.read_text(encoding="utf-8").split():
        kind, _, plain = name.rpartition("/")
        names[kind].append(plain)
    return names


def write_icons(source: Path, target: Path) -> None:
    """Write the font and icons.css from the folder `dist` of the package of web fonts.

    Raises KeyError for an icon that the set does not have.
    """
    rules, parts = [], []
    for kind, names in wanted().items():
        sheet = (source / f"{SETS[kind]}.css").read_text(encoding="utf-8")
        known = {name: int(code, 16) for name, code in RULE.findall(sheet)}
        codes = {name: known[name] for name in names}
        suffix = f"-{kind}" if kind else ""
        rules += [f'.qi-{name}{suffix}{{--qi:"\\{code:x}"}}' for name, code in codes.items()]
        part = target / f"{SETS[kind]}.part.ttf"
        subset(source / "fonts" / f"{SETS[kind]}.ttf", set(codes.values()), part)
        parts.append(part)
    merge(parts, target / FONT)
    face = (
        f'@font-face{{font-family:"Tabler Icons";font-display:block;'
        f'src:url("{FONT}") format("woff")}}'
    )
    (target / "icons.css").write_text("\n".join([face, *rules]) + "\n", "utf-8")


def subset(font: Path, codes: set[int], target: Path) -> None:
    """Write a font with just these code points."""
    found = TTFont(font)
    options = Options()
    options.layout_features = []
    options.hinting = False
    subsetter = Subsetter(options)
    subsetter.populate(unicodes=codes)
    subsetter.subset(found)
    found.save(target)


def merge(parts: list[Path], target: Path) -> None:
    """Merge fonts into one compressed one; the parts are deleted."""
    merged = Merger().merge([str(part) for part in parts])
    merged.recalcTimestamp = False
    merged["head"].created = merged["head"].modified = EPOCH  # the same icons, the same file
    merged.flavor = "woff"
    merged.save(target)
    for part in parts:
        part.unlink()
