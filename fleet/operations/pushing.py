"""Pushing one name of an image, for every operation that does."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.utils.translation import gettext as _

from fleet.engine.images import image_id, inspect_image
from fleet.engine.progress import LayerProgress, Said
from fleet.engine.raw import as_str
from fleet.operations.images import tell_retry
from fleet.operations.registry_auth import auth_for

if TYPE_CHECKING:
    from fleet.jobs.work import Work


def push_name(work: Work, name: str, prefix: str = "") -> str:
    """Push a name, telling each layer (its part's label after `prefix`); return the digest, if
    the engine tells it. Raises EngineError."""
    retried: set[str] = set()
    digest = ""
    with work.report.awaiting():
        for news in work.engine.push(name, auth_for(work.host, name)):
            if isinstance(news, LayerProgress):
                work.report.part(f"{prefix}{news.layer}", news.state, news.done, news.total)
                tell_retry(work, news, retried)
            elif isinstance(news, Said):
                work.report.line(news.text, level="engine")
            else:
                digest = news.digest
    if digest:
        work.report.line(_("The registry has it as %(digest)s.") % {"digest": digest})
    return digest


def check_still(work: Work, name: str, engine_id: str) -> None:
    """Raise Failed when the name means another image by now: that one must not be pushed."""
    from fleet.jobs.work import Failed

    if not still_means(work, name, engine_id):
        said = _("%(name)s is another image by now on this host. Nothing was pushed.")
        raise Failed(said % {"name": name})


def still_means(work: Work, name: str, engine_id: str) -> bool:
    """Return whether a name is that of this image on the host. Raises EngineError."""
    return image_id(as_str(inspect_image(work.engine, name).get("Id"))) == engine_id
