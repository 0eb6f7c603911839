"""Templates make names of images, or say why not."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from fleet.builds.mask import Mask
from fleet.builds.tags import BadTag, check_template, fit, name_of, values_of

VALUES = values_of(
    branch="feature/Login #2", commit="1a2b3c4d5e", number=7, now=datetime(2026, 3, 1, tzinfo=UTC)
)


@pytest.mark.parametrize(
    ("template", "name"),
    [
        ("app", "app:latest"),
        ("registry.example.org:5000/team/app:{n}", "registry.example.org:5000/team/app:7"),
        ("app:{branch}-{short_sha}", "app:feature-Login-2-1a2b3c4"),
        ("app:{date}.{n}", "app:20260301.7"),
    ],
)
def test_they_make_names(template: str, name: str) -> None:
    assert check_template(f" {template} ", git=True) == template
    assert name_of(template, VALUES) == name


@pytest.mark.parametrize(
    "template", ["App:1", "app:{nothing}", "app:{", "a b", "app@{n}", "https://a/b"]
)
def test_they_say_why_not(template: str) -> None:
    with pytest.raises(BadTag) as refused:
        check_template(template, git=True)
    assert str(refused.value)


def test_what_only_git_knows_is_refused_elsewhere() -> None:
    with pytest.raises(BadTag, match="only of builds from Git"):
        check_template("app:{branch}", git=False)


@pytest.mark.parametrize(
    ("branch", "tag"), [("--x..", "x"), ("ünïcode", "n-code"), ("/", "none"), ("a" * 99, "a" * 60)]
)
def test_branches_are_made_fit(branch: str, tag: str) -> None:
    assert fit(branch) == tag


def test_secrets_are_masked_whole_and_line_by_line() -> None:
    mask = Mask(["top-secret", "first line\nsecond line\n", "ab", "secret"])
    assert mask("a top-secret, a secret: second line ab") == "a •••, a •••: ••• ab"
