"""Asking one registry, politely: what a tag stands for now, and once a day for newer versions.

What fails for one image waits for that image; what fails for the registry (it is away, it wants
no more requests, it does not take the account) ends the round there, and all of its rows wait.
"""

from __future__ import annotations

import random
import time
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import structlog
from django.conf import settings
from django.utils import timezone
from django.utils.translation import gettext as _

from fleet.models import ImageUpdate, Registry
from fleet.outbound.client import Limits
from fleet.registries.client import RegistryClient, open_registry
from fleet.registries.errors import RegistryError
from fleet.registries.reference import InvalidReference
from fleet.registries.versions import TAG, newer_tags
from fleet.updates.accounts import target_for

log = structlog.get_logger(__name__)

LIMITS = Limits(connect=5.0, read=8.0, total=12.0)
FIRST_WAIT = timedelta(minutes=15)
LONGEST_WAIT = timedelta(days=1)
RESERVE = 20  # requests that are left to people who pull, where a registry counts them
RESERVED_WAIT = timedelta(hours=1)
TAGS_AGE = timedelta(days=1)
TAG_PAGES, TAGS_A_PAGE = 10, 1000
NEWER = ("newer_patch", "newer_minor", "newer_major")
RESULT = ("digest", *NEWER, "code", "message")
SAVED = (
    *RESULT, "checked_at", "asked_at", "next_check_at", "tags_at", "failures", "rate_limit",
    "rate_remaining",
)  # fmt: skip
# Not about one image: no other of this registry would be answered either.
OF_PLACE = frozenset(
    {"dns", "dns_timeout", "refused", "timeout", "unreachable", "disconnected", "rate_limited",
     "address_refused", "auth_address_refused", "unauthorized", "moved", "bad_target", "reserved",
     "plain_http_on_https", "https_on_plain_http", "not_a_registry", "auth_unknown",
     "tls_unknown_authority", "tls_name", "tls_expired", "tls_not_yet_valid", "tls_invalid",
     "tls_ca", "insecure_redirect", "too_many_redirects"}
)  # fmt: skip


@dataclass
class Round:
    """Questions to one registry as one account; `changed` are ids of rows with another result."""

    registry: Registry | None
    place: str
    deadline: float  # of time.monotonic
    changed: list[int] = field(default_factory=list)
    listed: dict[str, tuple[str, ...]] = field(default_factory=dict)  # tags by repository

    def ask(self, rows: Iterable[ImageUpdate]) -> None:
        """Ask for each row and save what came; stops at what is the registry's own."""
        waiting = list(rows)
        try:
            with open_registry(target_for(self.registry, self.place), limits=LIMITS) as client:
                while waiting and time.monotonic() < self.deadline:
                    ended = self._ask_one(client, waiting[0])
                    waiting.pop(0)
                    if ended is not None:
                        raise ended
        except RegistryError as error:
            for row in waiting:
                self._failed(row, error)
        else:
            left = ImageUpdate.objects.filter(pk__in=[row.pk for row in waiting])
            left.update(next_check_at=timezone.now())

    def _ask_one(self, client: RegistryClient, row: ImageUpdate) -> RegistryError | None:
        """Return what ends the round after this row; raises RegistryError when before it."""
        before = _result(row)
        row.asked_at = timezone.now()
        try:
            digest = client.head(row.repository, row.tag)
        except InvalidReference as error:
            self._failed(row, RegistryError("invalid", message=str(error)))
            return None
        except RegistryError as error:
            if error.code in OF_PLACE:
                raise
            self._failed(row, error)
            return None
        row.digest, row.checked_at = digest, timezone.now()
        row.code, row.message, row.failures = "", "", 0
        row.next_check_at = row.checked_at + _usual_wait()
        ended = self._versions(client, row)
        self._save(row, before, client)
        return ended or _to_spare(client)

    def _versions(self, client: RegistryClient, row: ImageUpdate) -> RegistryError | None:
        """Look for newer versions when it is time; return what ends the round, if anything."""
        old = row.tags_at is None or row.tags_at < timezone.now() - TAGS_AGE
        if not TAG.match(row.tag) or not (old or row.repository in self.listed):
            return None
        row.tags_at = timezone.now()  # whatever comes of it: not again today
        try:
            self._compare(client, row)
        except RegistryError as error:
            log.info("tags_not_listed", reference=row.reference, code=error.code)
            return error if error.code == "rate_limited" else None
        return None

    def _compare(self, client: RegistryClient, row: ImageUpdate) -> None:
        if row.repository not in self.listed:
            self.listed[row.repository] = _all_tags(client, row.repository)
            self._tell_others(row)
        _set_newer(row, self.listed[row.repository])

    def _tell_others(self, row: ImageUpdate) -> None:
        """One list serves every tag of the repository that runs."""
        same = ImageUpdate.objects.filter(
            place=row.place, repository=row.repository, registry=row.registry_id
        ).exclude(pk=row.pk)
        for other in same:
            before = _result(other)
            _set_newer(other, self.listed[row.repository])
            other.tags_at = row.tags_at
            other.save(update_fields=[*NEWER, "tags_at"])
            if _result(other) != before:
                self.changed.append(other.pk)

    def _failed(self, row: ImageUpdate, error: RegistryError) -> None:
        before = _result(row)
        row.asked_at = timezone.now()
        row.code, row.message = error.code[:40], str(error).replace("\x00", "")[:1000]
        row.failures += 1
        row.next_check_at = row.asked_at + wait_after(error, row.failures)
        self._save(row, before)

    def _save(
        self, row: ImageUpdate, before: tuple[object, ...], client: RegistryClient | None = None
    ) -> None:
        if client is not None and client.rate_limit is not None:
            row.rate_limit = client.rate_limit.limit
            row.rate_remaining = client.rate_limit.remaining
        # Not save(): a row that was deleted meanwhile stays deleted.
        ImageUpdate.objects.filter(pk=row.pk).update(**{n: getattr(row, n) for n in SAVED})
        if _result(row) != before:
            self.changed.append(row.pk)


def _to_spare(client: RegistryClient) -> RegistryError | None:
    """Return why no more is asked, when what is left of a limit should be left to pulls."""
    told = client.rate_limit
    if told is None or told.remaining >= min(RESERVE, told.limit // 4):
        return None
    words = _("The registry allows %(left)s more requests for now (of %(limit)s): they are left to"
              " pulls. It is asked again later.")  # fmt: skip
    return RegistryError("reserved", message=words % {"left": told.remaining, "limit": told.limit})


def wait_after(error: RegistryError, failures: int) -> timedelta:
    """Return how long a row waits after a failure: what cannot get better soon waits longer."""
    if error.code == "reserved":
        return RESERVED_WAIT
    doubled: timedelta = FIRST_WAIT * 2 ** min(max(failures - 1, 0), 10)
    if error.permanent and error.code != "dns":  # without a network no name is found
        doubled = max(doubled, timedelta(hours=settings.UPDATE_HOURS))
    told = timedelta(seconds=error.retry_after)
    jitter: float = random.uniform(1.0, 1.1)  # noqa: S311
    return max(min(doubled, LONGEST_WAIT), told) * jitter


def waiting_until(place: str, registry: int | None) -> datetime | None:
    """Return until when a registry is left alone, because it was away or wanted no more."""
    rows = ImageUpdate.objects.filter(place=place, registry=registry, code__in=OF_PLACE)
    rows = rows.filter(next_check_at__gt=timezone.now())
    return rows.order_by("-next_check_at").values_list("next_check_at", flat=True).first()


def _usual_wait() -> timedelta:
    # Never twice the same: what was asked together need not be again.
    return timedelta(hours=settings.UPDATE_HOURS or 24) * random.uniform(0.9, 1.1)  # noqa: S311


def _all_tags(client: RegistryClient, repository: str) -> tuple[str, ...]:
    found: list[str] = []
    after = ""
    for _page in range(TAG_PAGES):
        page = client.tags(repository, after, TAGS_A_PAGE)
        found += page.tags
        after = page.after
        if not after:
            break
    return tuple(found)


def _set_newer(row: ImageUpdate, tags: tuple[str, ...]) -> None:
    found = newer_tags(row.tag, (tag for tag in tags if len(tag) <= 128))
    row.newer_patch, row.newer_minor, row.newer_major = found.patch, found.minor, found.major


def _result(row: ImageUpdate) -> tuple[object, ...]:
    return tuple(getattr(row, name) for name in RESULT)
