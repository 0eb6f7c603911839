"""Newer versions among tags."""

from __future__ import annotations

import pytest

from fleet.registries.versions import Newer, newer_tags


@pytest.mark.parametrize(
    ("tag", "tags", "newer"),
    [
        (
            "1.25.3",
            "1.25.3 1.25.4 1.25.10 1.26.0 2.0.0 latest",
            Newer("1.25.10", "1.26.0", "2.0.0"),
        ),
        ("v1.2.3", "v1.2.4 1.9.9 v1.2.2", Newer("v1.2.4")),
        ("1.25", "1.26 1.25.4 1 2.0", Newer("", "1.26", "2.0")),
        ("16", "17 16.4 17.0 9", Newer("", "", "17")),
        ("3.18-alpine", "3.19-alpine 3.20 3.20-slim", Newer("", "3.19-alpine")),
        ("1.2.3-alpine3.18", "1.2.3-alpine3.19 1.2.4-alpine3.19 1.2.4", Newer("1.2.4-alpine3.19")),
        ("1.2.3-alpine", "1.2.4-alpine3.19 1.2.4-alpine", Newer("1.2.4-alpine3.19")),
        ("2.0.0-rc1", "2.0.0-rc2 2.0.0-beta9", Newer("2.0.0-rc2")),
        ("2.0.0-rc1", "2.0.0-rc2 2.0.0", Newer("2.0.0")),
        ("1.0.0", "1.0.1-rc1 1.1.0-beta 2.0.0-alpha.1 1.0.0-dev", Newer()),
        ("1.2.3-r1", "1.2.3-r2", Newer("1.2.3-r2")),
        ("2024.01.15", "2024.02.01 2025.01.01 3.0.0", Newer("", "2024.02.01", "2025.01.01")),
        ("20240115", "20240201 7 202402011200", Newer("", "", "20240201")),
        ("latest", "1.0 2.0 latest", Newer()),
        ("stable-1.2.3", "stable-1.2.4 1.2.5 beta-1.2.9", Newer("stable-1.2.4")),
        ("a1b2c3d", "b1b2c3d 9999999", Newer()),
        ("1.2.3", "1.2.3 1.2.2 0.9 nonsense 99999999999999999999.1.1", Newer()),
        ("", "1.0", Newer()),
    ],
)
def test_newer_tags_are_of_the_same_kind(tag: str, tags: str, newer: Newer) -> None:
    assert newer_tags(tag, tags.split()) == newer
    assert newer_tags(tag, reversed(tags.split())) == newer


def test_the_newest_of_all_is_told() -> None:
    assert newer_tags("1.0.0", ["1.0.1", "1.1.0", "2.0.0"]).newest == "2.0.0"
    assert newer_tags("1.0.0", ["1.0.1", "1.1.0"]).newest == "1.1.0"
    assert newer_tags("1.0.0", []).newest == ""
