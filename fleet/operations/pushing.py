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


def push_name(work: Work, name: str, prefix: str = "", there: set[str] | None = None) -> str:
    """Push a name, telling each layer; return the digest, if the engine tells it.

    `prefix` begins the labels of layers; what is `there` was pushed with another name just now,
    and not told again. Raises EngineError.
    """
    retried: set[str] = set()
    there = set() if there is None else there
    digest = ""
    with work.report.awaiting():
        for news in work.engine.push(name, auth_for(work.host, name)):
            if isinstance(news, LayerProgress):
                label = f"{prefix}{news.layer}"
                if label in there:
                    continue
                work.report.part(label, news.state, news.done, news.total)
                tell_retry(work, news, retried)
                if news.state in ("done", "exists"):
                    there.add(label)
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
