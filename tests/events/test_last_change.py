"""The last change before an end: deploys in each way that engines tell them, starts by somebody."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from fleet.actor import Actor
from fleet.models import Container
from tests.events.test_deaths import death_of, ended, own
from tests.events.test_filters import add_job
from tests.events.test_folds import NOW, STOP, died

__all__ = ["ended"]  # a fixture
pytestmark = pytest.mark.django_db
OLD, OLDER = "e" * 64, "d" * 64


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        (None, {"image": "shop:2"}, "Created from shop:2"),
        ({"image": "shop:1"}, {"image": "shop:2"},
         "Recreated with another image: shop:2, was shop:1"),
        ({"image": "shop:1", "image_id": "a"}, {"image": "shop:1", "image_id": "b"},
         "Recreated: shop:1 is another image than before under the same name"),
        ({"image": "shop:1", "config_hash": "a"}, {"image": "shop:1", "config_hash": "b"},
         "Recreated with another configuration (environment, command, ports …)"),
        ({"image": "shop:1"}, {"image": "shop:1"}, "Recreated from the same image: shop:1"),
    ],
)  # fmt: skip
def test_it_tells_the_last_deploy(
    actor: Actor, ended: Container, old: Any, new: Any, words: str
) -> None:
    if old:
        own(ended, [("create", -900, {"detail": old})], object_id="e" * 64)
    own(ended, [("create", -60, {"detail": new}), ("start", -59), died(1)])
    change = death_of(actor, ended).change
    assert change is not None and change.words == words
    assert change.at == NOW - timedelta(seconds=60)


@pytest.mark.parametrize(
    "temporary", ["eeeeeeeeeeee_web-1", "web-1.quayside-new-eeeeeeeeeeee-running"]
)
def test_a_name_that_was_taken_over_is_no_change_of_its_own(
    actor: Actor, ended: Container, temporary: str
) -> None:
    """Both Compose and an update make the new one under another name."""
    for ident, image, at in ((OLDER, "shop:1", -900), (OLD, "shop:2", -300)):
        name = "web-1" if ident == OLDER else "dddddddddddd_web-1"
        own(ended, [("create", at, {"detail": {"image": image}})],
            object_id=ident, object_name=name)  # fmt: skip
    renamed = ("rename", -299, {"detail": {"old_name": "dddddddddddd_web-1"}})
    own(ended, [renamed], object_id=OLD)
    created = ("create", -60, {"detail": {"image": "shop:3"}})
    own(ended, [created], object_name=temporary)
    own(ended, [("rename", -59, {"detail": {"old_name": temporary}}), ("start", -58), died(1)])
    change = death_of(actor, ended).change
    assert change is not None
    assert change.words == "Recreated with another image: shop:3, was shop:2"


def test_a_rename_is_a_change(actor: Actor, ended: Container) -> None:
    own(ended, [("create", -60), ("rename", -50, {"detail": {"old_name": "shop"}}), died(1)])
    change = death_of(actor, ended).change
    assert change is not None and change.words == "Renamed, was shop"


def test_it_is_found_behind_a_long_loop_of_crashes(actor: Actor, ended: Container) -> None:
    own(ended, [("create", -9000, {"detail": {"image": "shop:1"}})], object_id=OLD)
    own(ended, [("create", -8000, {"detail": {"image": "shop:2"}})])
    for number in range(130):
        own(ended, [("start", -60 * number - 30), died(1, -60 * number)])
    change = death_of(actor, ended).change
    assert change is not None
    assert change.words == "Recreated with another image: shop:2, was shop:1"


def test_a_start_by_somebody_is_found_there_too(actor: Actor, ended: Container) -> None:
    began = NOW - timedelta(seconds=7900)
    job = add_job(ended, "container.start", started_at=began, finished_at=began)
    own(ended, [("create", -8000), ("start", -7899)])
    for number in range(130):
        own(ended, [("start", -60 * number - 30), died(1, -60 * number)])
    change = death_of(actor, ended).change
    assert change is not None and (change.words, change.job) == ("Started", job)


def test_a_later_restart_by_somebody_is_the_last_change(actor: Actor, ended: Container) -> None:
    began = NOW - timedelta(seconds=100)
    job = add_job(ended, "container.restart", started_at=began, finished_at=began)
    own(ended, [("create", -500), ("start", -499), *[(s[0], s[1] - 100) for s in STOP]])
    own(ended, [("start", -98.5), ("restart", -98.4), died(1)])
    change = death_of(actor, ended).change
    assert change is not None and (change.words, change.job) == ("Restarted", job)


def test_a_restart_by_its_policy_is_no_change(actor: Actor, ended: Container) -> None:
    own(ended, [("start", -20), died(1)])
    change = death_of(actor, ended).change
    assert change is not None and (change.words, change.at) == ("Created", ended.created_at)
