"""Words stand out from their ground in both themes (WCAG AA), computed from the tokens."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

SHEET = Path(__file__).resolve().parents[2] / "static" / "css" / "tokens.css"
PAIR = re.compile(r"--([\w-]+): light-dark\((#\w{6}), (#\w{6})\);")
TOKENS = {name: (light, dark) for name, light, dark in PAIR.findall(SHEET.read_text("utf-8"))}
GROUNDS = ("bg", "surface", "raised", "sunken", "hover", "selected")
INKS = ("ink", "ink-soft", "ink-strong", "link")
STATE_INKS = ("ok", "busy", "warn", "bad", "paused")
AA_TEXT, AA_SHAPE = 4.5, 3.0
PAIRS = [
    *((ink, ground, AA_TEXT) for ink in INKS for ground in GROUNDS),
    *(("ink-faint", ground, AA_TEXT) for ground in GROUNDS),
    *((f"{one}-ink", ground, AA_TEXT) for one in STATE_INKS for ground in ("surface", "hover")),
    *((f"{one}-ink", f"{one}-soft", AA_TEXT) for one in STATE_INKS),
    ("ink-soft", "idle-soft", AA_TEXT),
    *(("field-line", ground, AA_SHAPE) for ground in ("raised", "surface")),
    *(("ring", ground, AA_SHAPE) for ground in GROUNDS),
]


def luminance(colour: str) -> float:
    """Return the relative luminance of `#rrggbb`."""
    parts = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    red, green, blue = (p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one: str, other: str) -> float:
    """Return the contrast ratio of two colours, 1 to 21."""
    low, high = sorted((luminance(one), luminance(other)))
    return (high + 0.05) / (low + 0.05)


@pytest.mark.parametrize("theme", [0, 1], ids=["light", "dark"])
@pytest.mark.parametrize(("ink", "ground", "least"), PAIRS)
def test_it_can_be_read(ink: str, ground: str, least: float, theme: int) -> None:
    assert contrast(TOKENS[ink][theme], TOKENS[ground][theme]) >= least


@pytest.mark.parametrize("fill", ["accent", "accent-hover", "bad-fill"])
@pytest.mark.parametrize("theme", [0, 1], ids=["light", "dark"])
def test_it_can_be_read_on_filled_buttons(fill: str, theme: int) -> None:
    assert contrast("#ffffff", TOKENS[fill][theme]) >= AA_TEXT
