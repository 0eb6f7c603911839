"""Tags by template: `registry.example.com/app:{branch}-{short_sha}`."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime

from django.utils.translation import gettext as _

from fleet.registries.reference import InvalidReference, parse_reference

FIELD = re.compile(r"\{([^{}]*)\}")
FIELDS = ("branch", "short_sha", "date", "n")
OF_GIT = frozenset({"branch", "short_sha"})
BRANCH_LIMIT = 60
SAMPLE = {"branch": "main", "short_sha": "1a2b3c4", "date": "20260301", "n": "1"}


class BadTag(ValueError):
    """A template that makes no image's name; `str()` says why."""


def check_template(template: str, *, git: bool) -> str:
    """Return a template as it is kept. Raises BadTag."""
    template = template.strip()
    for name in FIELD.findall(template):
        if name not in FIELDS:
            known = ", ".join(f"{{{field}}}" for field in FIELDS)
            raise BadTag(
                _("“{%(name)s}” is not known. These are: %(known)s.")
                % {"name": name[:40], "known": known}
            )
        if name in OF_GIT and not git:
            raise BadTag(_("“{%(name)s}” is known only of builds from Git.") % {"name": name})
    name_of(template, SAMPLE)
    return template


def values_of(*, branch: str, commit: str, number: int, now: datetime) -> dict[str, str]:
    """Return what the fields of templates stand for in a run."""
    return {
        "branch": fit(branch),
        "short_sha": commit[:7],
        "date": f"{now:%Y%m%d}",
        "n": str(number),
    }


def fit(branch: str) -> str:
    """Return a branch's name as a tag may have it: `feature/Login` is `feature-Login`."""
    text = re.sub(r"[^A-Za-z0-9_.-]+", "-", branch)[:BRANCH_LIMIT]
    return re.sub(r"-{2,}", "-", text).strip("-.") or "none"


def name_of(template: str, values: Mapping[str, str]) -> str:
    """Return the image's name that a template makes. Raises BadTag."""
    text = FIELD.sub(lambda match: values[match[1]], template)
    try:
        found = parse_reference(text)
    except InvalidReference as error:
        raise BadTag(_("“%(name)s”: %(why)s") % {"name": text[:120], "why": error}) from None
    if found.digest:
        raise BadTag(_("“%(name)s”: leave out the digest.") % {"name": text[:120]})
    return found.familiar
