"""scripts/vendor_css.py: the style sheet that stays."""

from __future__ import annotations

from pathlib import Path

import pytest

from scripts.vendor_css import selectors, slim

SHEET = Path(__file__).resolve().parents[2] / "static/vendor/tabler/tabler.min.css"


def body(css: str, ours: str = "") -> str:
    """Return what stays of a sheet, without the layer around it."""
    return slim(css, ours).split("@layer tabler{", 1)[1].removesuffix("}\n")


@pytest.mark.parametrize(
    ("css", "left"),
    [
        (".btn{color:red}.carousel{color:red}", ".btn{color:red}"),
        (".btn,.carousel .btn{color:red}", ".btn{color:red}"),
        (".btn-x:not(.carousel){color:red}", ".btn-x:not(.carousel){color:red}"),
        ("@media print{.carousel{color:red}}", ""),
        ("p{color:red}", "p{color:red}"),
    ],
)
def test_it_keeps_the_families_that_we_use(css: str, left: str) -> None:
    assert body(css) == left


def test_it_drops_custom_properties_that_nobody_reads() -> None:
    css = ':root{--a:1;--b:var(--c);--c:2;--d:url("data:image/svg+xml;utf8,<svg/>");--e:3}'
    assert body(css + "p{margin:var(--b)}", "i{margin:var(--e)}") == (
        ":root{--b:var(--c);--c:2;--e:3}p{margin:var(--b)}"
    )


def test_it_splits_selectors_at_their_own_commas() -> None:
    assert selectors(":is(a,b) [title='x'],:root:not(.a):not([b=c]) d") == [
        ":is(a,b) [title='x']",
        ":root:not(.a):not([b=c]) d",
    ]


def test_the_sheet_that_we_serve_is_whole() -> None:
    text = SHEET.read_text("utf-8")
    assert text.count("{") == text.count("}")
    assert text.count("(") == text.count(")")
    assert ".visually-hidden" in text
