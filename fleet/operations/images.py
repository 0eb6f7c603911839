"""What can be done with images."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Annotated

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from pydantic import AfterValidator, Field

from fleet.engine.progress import LayerProgress, Said
from fleet.engine.pulls import Pulled, platform_fits
from fleet.operations.references import LENGTH, check_reference
from fleet.operations.registry import Operation, Params, register
from fleet.operations.registry_auth import auth_for

if TYPE_CHECKING:
    from fleet.jobs.work import Work

PLATFORM = re.compile(r"[a-z0-9]{1,20}/[a-z0-9_]{1,20}(/[a-z0-9]{1,10})?")


def _check_platform(value: str) -> str:
    if value and not PLATFORM.fullmatch(value):
        raise ValueError(_("A platform is written like linux/amd64 or linux/arm64/v8."))
    return value


class PullParams(Params):
    """Which image, and for which platform; empty: the one of the host."""

    reference: Annotated[str, Field(max_length=LENGTH), AfterValidator(check_reference)]
    platform: Annotated[str, Field(max_length=60), AfterValidator(_check_platform)] = ""


def _pull(work: Work) -> None:
    params = work.params_as(PullParams)
    pulled = pull_image(work, params.reference, params.platform)
    if pulled is not None:
        _tell(work, pulled, params.platform)


def pull_image(work: Work, reference: str, platform: str = "") -> Pulled | None:
    """Fetch an image as a job, with its progress; return what came of it. Raises EngineError."""
    auth = auth_for(work.host, reference)
    pulled: Pulled | None = None
    retried: set[str] = set()
    with work.report.awaiting():
        for news in work.engine.pull(reference, platform or None, auth):
            if isinstance(news, LayerProgress):
                work.report.part(news.layer, news.state, news.done, news.total)
                tell_retry(work, news, retried)
            elif isinstance(news, Said):
                work.report.line(news.text, level="engine")
            else:
                pulled = news
    return pulled


def tell_retry(work: Work, news: LayerProgress, retried: set[str]) -> None:
    """Say it once when a layer broke off: the engine counts the seconds down, each in a line."""
    if news.state != "retrying":
        retried.discard(news.layer)
    elif news.layer not in retried:
        retried.add(news.layer)
        said = _("Layer %(layer)s broke off; the engine will try it again.")
        work.report.line(said % {"layer": news.layer}, level="error")


def _tell(work: Work, pulled: Pulled, platform: str) -> None:
    from fleet.jobs.work import Failed

    work.report.line(_("Image %(id)s for %(platform)s.") % {
        "id": pulled.image_id, "platform": pulled.platform or "?",
    })  # fmt: skip
    if platform and pulled.platform and not platform_fits(platform, pulled.platform):
        raise Failed(
            _("The registry has this image only for %(found)s, and the host has that one now.")
            % {"found": pulled.platform}
        )


PULL = register(
    Operation(
        name="image.pull",
        target="host",
        verb=gettext_lazy("Pull"),
        doing=gettext_lazy("Pulling %(target)s"),
        done=gettext_lazy("Pulled %(target)s"),
        sentence=gettext_lazy(
            "Fetches an image from its registry; containers that run stay as they are."
        ),
        icon="download",
        params=PullParams,
        repeatable=True,
        queue="transfer",
        about="reference",
        run=_pull,
    )
)
