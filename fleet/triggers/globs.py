"""Which branches and tags a webhook is for: `main, release/*`."""

from __future__ import annotations

import re

from django.utils.translation import gettext as _

LENGTH_LIMIT = 500
GLOBS_LIMIT = 30
# Letters of a branch, and * and ? for any; a ! in front leaves out.
GLOB = re.compile(r"!?[^\x00-\x20\x7f~^:\[\]\\,!]{1,200}\Z")


class BadGlobs(ValueError):
    """What cannot be a filter; `str()` says why."""


def parse_globs(text: str) -> list[str]:
    """Return the patterns of a text, which commas, spaces or lines separate. Raises BadGlobs."""
    if len(text) > LENGTH_LIMIT:
        raise BadGlobs(
            _("This is too long: at most %(limit)d characters.") % {"limit": LENGTH_LIMIT}
        )
    found = list(dict.fromkeys(one for one in re.split(r"[\s,]+", text) if one))
    for glob in found:
        if not GLOB.match(glob):
            raise BadGlobs(
                _("“%(glob)s” cannot be a pattern: write main, release/* or !wip/*.")
                % {"glob": glob[:60]}
            )
    if len(found) > GLOBS_LIMIT:
        raise BadGlobs(_("These are too many: at most %(limit)d.") % {"limit": GLOBS_LIMIT})
    return found


def matches(globs: list[str], name: str) -> bool:
    """Return whether a name is meant: by some pattern, and by none that leaves it out.

    No pattern means no name; only such that leave out mean all others. A star means any letters,
    slashes too.
    """
    if not globs:
        return False
    wanted = [glob for glob in globs if not glob.startswith("!")]
    left_out = [glob[1:] for glob in globs if glob.startswith("!")]
    if any(_fits(glob, name) for glob in left_out):
        return False
    return not wanted or any(_fits(glob, name) for glob in wanted)


def _fits(glob: str, name: str) -> bool:
    """Compare in linear time: a pattern of stars must not keep a process busy."""
    pieces = [re.escape(piece).replace(r"\?", ".") for piece in re.split(r"\*+", glob)]
    if len(pieces) == 1:
        return re.fullmatch(pieces[0], name) is not None
    first, *middle, last = pieces
    start = re.match(first, name)
    end = re.search(f"(?:{last})\\Z", name)
    if start is None or end is None or start.end() > end.start():
        return False
    at, limit = start.end(), end.start()
    for piece in middle:
        found = re.compile(piece).search(name, at, limit)
        if found is None:
            return False
        at = found.end()
    return True
