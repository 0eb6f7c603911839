"""Saving, changing and deleting filters of the containers' list, audited."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any
from urllib.parse import parse_qsl

from django.db import IntegrityError, transaction
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from fleet.access import Refused, Unknown, access_filter
from fleet.actor import Actor
from fleet.audit import record
from fleet.models import SavedFilter, User
from fleet.models.saved_filters import NAME_LIMIT, QUERY_LIMIT
from fleet.operations.errors import Invalid
from fleet.operations.inputs import Reader
from fleet.selectors.container_query import FILTERS, ContainerQuery

LIMIT = 50  # of one user
FIELDS = ("name", "query", "shared")
PEOPLE = "people.manage"  # who has it may delete what others have shared
# What stands in the list's address beside the filter: it is left out.
BESIDE = {"sort", "page", "size", "rows", "all", "columns"}


class NotYours(Refused):
    """It belongs to somebody else, or nothing belongs to who asks."""

    def __init__(self, action: str, target: SavedFilter | None = None) -> None:
        super().__init__(action, target)
        if target is None:
            self.args = (_("A token that may less than its owner cannot save filters."),)
        else:
            sentence = _("You may not do this: the filter belongs to %(owner)s.")
            self.args = (sentence % {"owner": target.owner.username},)


def saved_filter_create(*, actor: Actor, data: Mapping[str, Any]) -> SavedFilter:
    """Save a filter from `name`, `query` and `shared`. Raises Refused or Invalid."""
    if actor.user is None:
        raise Unknown(_("user"))
    if actor.narrowed:
        raise NotYours("filter.create")
    with _at_once(actor.user):
        if SavedFilter.objects.filter(owner=actor.user).count() >= LIMIT:
            sentence = _("You have %(limit)d saved filters. Delete one first.")
            raise Invalid({"": [sentence % {"limit": LIMIT}]})
        row = _read({"query": "", **data}, SavedFilter(owner=actor.user))
        row.save(force_insert=True)
        record(actor, "filter.create", row, detail=_facts(row))
    return row


def saved_filter_update(*, actor: Actor, filter_id: int, data: Mapping[str, Any]) -> SavedFilter:
    """Change what `data` names of a filter of one's own. Raises Unknown, Refused or Invalid."""
    row = access_own_filter(actor, filter_id, "filter.update")
    with _at_once(row.owner):
        row = SavedFilter.objects.select_related("owner").filter(pk=row.pk).first() or row
        before = _facts(row)
        row = _read(data, row)
        row.updated_at = timezone.now()
        changed = SavedFilter.objects.filter(pk=row.pk).update(
            **_facts(row), updated_at=row.updated_at
        )
        if not changed:
            raise Unknown(_("saved filter"))
        after = _facts(row)
        changes = {key: [before[key], after[key]] for key in after if before[key] != after[key]}
        record(actor, "filter.update", row, detail={"changes": changes})
    return row


def saved_filter_remove(*, actor: Actor, filter_id: int) -> SavedFilter:
    """Delete one's own filter, or (who manages people) a shared one. Raises Unknown or Refused."""
    row = access_own_filter(actor, filter_id, "filter.remove")
    with transaction.atomic():
        record(actor, "filter.remove", row, detail={"of": row.owner.username, **_facts(row)})
        SavedFilter.objects.filter(pk=row.pk).delete()
    return row


def access_own_filter(actor: Actor, pk: int, action: str) -> SavedFilter:
    """Return a saved filter that the actor may change. Raises Unknown, or Refused."""
    row = access_filter(actor, pk)
    if may_change(actor, row) or (action == "filter.remove" and may_remove(actor, row)):
        return row
    raise NotYours(action, row)


def may_change(actor: Actor, row: SavedFilter) -> bool:
    """Return whether a filter is the actor's own."""
    return actor.user is not None and row.owner_id == actor.user.pk and not actor.narrowed


def may_remove(actor: Actor, row: SavedFilter) -> bool:
    """Return whether the actor may delete a filter that they may use."""
    return may_change(actor, row) or actor.access.may(PEOPLE)


@contextmanager
def _at_once(owner: User) -> Iterator[None]:
    """Run a change of one's filters, one at a time; a name that was taken meanwhile is told."""
    try:
        with transaction.atomic():
            User.objects.select_for_update().get(pk=owner.pk)
            yield
    except IntegrityError as error:
        raise Invalid({"name": [_taken()]}) from error


def _read(data: Mapping[str, Any], row: SavedFilter) -> SavedFilter:
    reader = Reader(data, FIELDS)
    row.name = reader.text("name", row.name, limit=NAME_LIMIT)
    _check_name(reader, row)
    if reader.has("query"):
        row.query = _query(reader)
    row.shared = reader.switch("shared", row.shared)
    reader.finish()
    return row


def _check_name(reader: Reader, row: SavedFilter) -> None:
    if "name" in reader.problems:
        return
    if not row.name:
        return reader.refuse("name", gettext_lazy("Enter a name."))
    if not row.name.isprintable():
        return reader.refuse("name", gettext_lazy("Use one line of printable characters."))
    # Compared here too: SQLite takes É and é for different letters.
    others = SavedFilter.objects.filter(owner=row.owner).exclude(pk=row.pk)
    if row.name.casefold() in {name.casefold() for name in others.values_list("name", flat=True)}:
        reader.refuse("name", _taken())


def _taken() -> str:
    return _("You have a saved filter of this name already.")


def _query(reader: Reader) -> str:
    """Return the query string's filter in its one spelling; what finds nothing is refused."""
    text = reader.text("query", limit=QUERY_LIMIT).removeprefix("?")
    if "query" in reader.problems:
        return ""
    query = ContainerQuery.from_text(text)
    for sentence in _wrong(text, query):
        reader.refuse("query", sentence)
    if not query.filtered:
        reader.refuse("query", gettext_lazy("There is nothing to save: set a filter first."))
    elif len(query.filter_text) > QUERY_LIMIT:
        reader.refuse("query", gettext_lazy("This filter is too long to be saved."))
    return query.filter_text


def _wrong(text: str, query: ContainerQuery) -> Iterator[str]:
    for name in dict(parse_qsl(text)).keys() - {"q", *FILTERS, *BESIDE}:
        yield _("There is no filter “%(name)s”.") % {"name": name[:40]}
    for sentences in query.filter_problems.values():
        yield from sentences
    for key in query.hidden_labels:
        words = _("Values of the label “%(key)s” are hidden and not saved: look for it alone.")
        yield words % {"key": key[:40]}


def _facts(row: SavedFilter) -> dict[str, Any]:
    return {name: getattr(row, name) for name in FIELDS}
