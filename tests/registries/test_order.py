"""The order in which people read tags."""

from __future__ import annotations

from fleet.registries.order import by_version


def test_versions_come_before_names_and_the_newest_first() -> None:
    tags = ("edge", "1.9", "v2.0.1", "1.10.0", "1", "latest", "1.9.12", "1.9.2", "main", "v2")
    assert by_version(tags) == (
        "latest", "v2", "v2.0.1", "1", "1.10.0", "1.9", "1.9.12", "1.9.2", "edge", "main",
    )  # fmt: skip


def test_what_is_early_comes_after_its_release() -> None:
    assert by_version(("2.0-rc1", "2.0", "2.0-rc10")) == ("2.0", "2.0-rc10", "2.0-rc1")


def test_numbers_of_any_length_are_sorted() -> None:
    assert by_version(("9" * 128, "10", "")) == ("9" * 128, "10", "")
