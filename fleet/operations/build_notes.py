"""hadolint's advice on a Dockerfile that came from Git or an archive, as a step of its run.

What is typed was advised on before; of these nobody knows what they say until they are there.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from fleet.builds.lint import SIZE_LIMIT, lint
from fleet.builds.mask import Mask
from fleet.builds.steps import Record
from fleet.models import BuildSource

if TYPE_CHECKING:
    from fleet.jobs.work import Work

ADVICE = 900_000_000  # its number as a step: builders count from 1
MOST = 50


def tell_advice(work: Work, record: Record, mask: Mask, dockerfile: str) -> None:
    """Add the step, if there is any advice; it folds as every step that is done."""
    if record.run.build.source == BuildSource.DOCKERFILE or len(dockerfile) > SIZE_LIMIT:
        return
    found = lint(dockerfile)
    if not found:
        return
    said = ngettext(
        "%(n)d piece of advice on the Dockerfile",
        "%(n)d pieces of advice on the Dockerfile",
        len(found),
    )
    record.began(ADVICE, said % {"n": len(found)})
    for one in found[:MOST]:
        text = _("Line %(line)d, %(level)s %(code)s: %(text)s") % vars(one)
        work.report.line(mask(text), part=ADVICE)
    record.ended(ADVICE, None, cached=False)
