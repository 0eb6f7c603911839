"""Words for pages about people."""

from __future__ import annotations

import re

from django import template
from django.utils.translation import gettext as _

from fleet.selectors.audit import action_words

register = template.Library()

# The first that fits: browsers claim to be those before them.
BROWSERS = (
    ("Edge", r"Edg(?:e|A|iOS)?/"),
    ("Opera", r"OPR/|Opera"),
    ("Firefox", r"Firefox/|FxiOS/"),
    ("Chrome", r"Chrome/|CriOS/|Chromium/"),
    ("Safari", r"Safari/"),
    ("curl", r"^curl/"),
    ("Python", r"^python|aiohttp|requests"),
)
SYSTEMS = (
    ("Android", r"Android"),
    ("iPhone", r"iPhone"),
    ("iPad", r"iPad"),
    ("Windows", r"Windows"),
    ("macOS", r"Mac OS X|Macintosh"),
    ("ChromeOS", r"CrOS"),
    ("Linux", r"Linux|X11"),
)


@register.filter
def action_name(action: str) -> str:
    """Return what an action of the audit log is called, for people."""
    return action_words(action)[0]


@register.filter
def action_sentence(action: str) -> str:
    """Return what an action of the audit log does, in a sentence."""
    return action_words(action)[1]


@register.filter
def browser(user_agent: str) -> str:
    """Return “Firefox on Linux” for what a browser says of itself."""
    found = _first(BROWSERS, user_agent)
    system = _first(SYSTEMS, user_agent)
    if found and system:
        return _("%(browser)s on %(system)s") % {"browser": found, "system": system}
    return found or system or _("unknown browser")


@register.filter
def plainly(value: object) -> str:
    """Return a value of an audit entry's details as people write it: `rack=b2, tier=db`."""
    if isinstance(value, dict):
        return ", ".join(f"{key}={plainly(held)}" for key, held in value.items())
    if isinstance(value, list):
        return ", ".join(plainly(held) for held in value)
    return str(value)


def _first(known: tuple[tuple[str, str], ...], text: str) -> str:
    return next((name for name, pattern in known if re.search(pattern, text)), "")
