"""Asking a registry now whether there is something newer than an image, by hand."""

from __future__ import annotations

from datetime import timedelta

from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from fleet import audit
from fleet.access import access_container, access_image
from fleet.actor import Actor
from fleet.models import Container, Host, Image, ImageUpdate
from fleet.operations.errors import Invalid
from fleet.operations.registry import Operation, register
from fleet.registries.reference import Reference
from fleet.selectors.updates import Update, first_of, judge
from fleet.updates.accounts import Accounts
from fleet.updates.asking import waiting_until
from fleet.updates.names import tag_of
from fleet.updates.turn import ask_rows, claim
from fleet.updates.wanted import row_of

AT_MOST = 5  # names of one image
EVERY = timedelta(minutes=1)
SECONDS = 15.0

CHECK = register(
    Operation(
        name="image.check",
        target="image",
        verb=gettext_lazy("Check for updates"),
        doing=gettext_lazy("Checking %(target)s for updates"),
        done=gettext_lazy("Checked %(target)s for updates"),
        sentence=gettext_lazy("Asks a registry whether it has something newer than an image."),
        icon="refresh",
        repeatable=True,
        needs="image.pull",  # it asks with the environment's account, within the registry's limits
    )
)


def image_check(*, actor: Actor, image_id: int) -> Update | None:
    """Ask the registries of an image's names now, within some seconds; return what counts most.

    Raises Unknown, Refused, or Invalid: it has no name to ask for, was asked for within a minute,
    or its registry wants to be left alone.
    """
    image = access_image(actor, image_id, CHECK.permission)
    return _check(actor, image.host, image, image.tags[:AT_MOST], image.digests)


def container_image_check(*, actor: Actor, container_id: int) -> Update | None:
    """Do the same for the image of a container."""
    row = access_container(actor, container_id, CHECK.permission)
    image = Image.objects.filter(host=row.host_id, engine_id=row.image_id).first()
    names = [row.image] if tag_of(row.image, row.image_id) else []
    return _check(actor, row.host, image or row, names, image.digests if image else [])


def _check(
    actor: Actor, host: Host, target: Image | Container, names: list[str], digests: list[str]
) -> Update | None:
    references = [tag for name in names if (tag := tag_of(name)) is not None]
    if not references:
        raise Invalid({"": [_("This image has no name with a tag that a registry could be asked"
                              " for.")]})  # fmt: skip
    accounts = Accounts()
    rows = [_row(tag, accounts.of(host.environment_id, tag)) for tag in references]
    mine = [row for row in rows if _may_ask(row) and claim(row)]
    if not mine:
        raise Invalid({"": [_why_not(rows[0])]})
    for row in mine:
        ask_rows(row.place, row.registry_id, [row], SECONDS)
    found = first_of(judge(row, digests) for row in mine)
    detail = {"references": [row.reference for row in mine], "found": found and found.state}
    audit.record(actor, CHECK.name, target, detail=detail)
    return found


def _row(reference: Reference, registry: int | None) -> ImageUpdate:
    """Return the row, made now for what runs nowhere: it goes by itself after some days."""
    same = ImageUpdate.objects.filter(reference=reference.full, registry=registry)
    if not same.exists():
        ImageUpdate.objects.bulk_create([row_of(reference, registry)], ignore_conflicts=True)
    return same.get()


def _may_ask(row: ImageUpdate) -> bool:
    recent = row.asked_at is not None and row.asked_at > timezone.now() - EVERY
    return not recent and not _told_to_wait(row)


def _told_to_wait(row: ImageUpdate) -> bool:
    """Whether the registry itself said to come later; what was just away may be back."""
    waits = ImageUpdate.objects.filter(
        place=row.place, registry=row.registry_id, code__in=("rate_limited", "reserved")
    )
    return waits.filter(next_check_at__gt=timezone.now()).exists()


def _why_not(row: ImageUpdate) -> str:
    until = waiting_until(row.place, row.registry_id)
    if _told_to_wait(row) and until is not None:
        minutes = int((until - timezone.now()).total_seconds() // 60) + 1
        words = _("The registry %(name)s accepts no more requests for now. It is asked again in"
                  " %(minutes)s min.")  # fmt: skip
        return words % {"name": row.place, "minutes": minutes}
    return _("It was asked less than a minute ago. Wait a moment.")
