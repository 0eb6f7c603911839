"""What pages show of transfers, live: words, bars, and the sums of larger jobs."""

from __future__ import annotations

from typing import Any

import pytest
from django.http import QueryDict

from dashboard.job_words import transfer_words
from dashboard.live.topics.base import TOPICS, Part
from dashboard.live.topics.jobs import layer_part
from fleet.access import visible_hosts
from fleet.actor import Actor
from fleet.engine.fake import FakeEngine
from fleet.jobs.claims import claim_job
from fleet.jobs.meter import PARTS_LIMIT
from fleet.jobs.reporter import JobReporter
from fleet.models import Environment, Host, Job, JobParts
from fleet.operations.many_hosts import ask_on_hosts
from fleet.selectors.transfers import Transfer
from tests.conftest import make_host
from tests.pulls.conftest import IMAGE

MIB = 1024 * 1024


@pytest.mark.parametrize(
    ("transfer", "words"),
    [
        (None, ""),
        (Transfer(0, 0, None, None), ""),
        (Transfer(10, 5 * MIB, None, 2 * MIB), "5.0 MiB · 2.0 MiB/s"),
        (Transfer(10, 5 * MIB, 9 * MIB, 2 * MIB), "5.0 MiB of 9.0 MiB · 2.0 MiB/s · 2 s left"),
        (Transfer(10, 5 * MIB, 605 * MIB, 2 * MIB),
         "5.0 MiB of 605.0 MiB · 2.0 MiB/s · 5 min 0 s left"),
        (Transfer(90, 9 * MIB, 9 * MIB, 2 * MIB), "9.0 MiB"),
        (Transfer(100, 9 * MIB, 9 * MIB, None), "9.0 MiB"),
    ],
)  # fmt: skip
def test_it_says_how_much_how_fast_and_how_long(transfer: Transfer | None, words: str) -> None:
    assert transfer_words(transfer) == words


def test_a_part_is_drawn_as_data() -> None:
    facts = {"label": "<b>", "state": "downloading", "done": 1, "total": 4}
    html = layer_part(0, facts).render()
    assert "&lt;b&gt;" in html and "<b>" not in html and 'value="25"' in html
    odd = layer_part(1, {"label": "x", "state": "<odd>", "done": 0, "total": 0}).render()
    assert "&lt;odd&gt;" in odd and 'value="0"' in odd


@pytest.fixture
def parent(actor: Actor, host: Host, fake: FakeEngine, staging: Environment) -> Job:
    """A pull on two hosts, the first of which has begun."""
    make_host("stage-2", staging, url=fake.url)
    params = {"reference": IMAGE}
    return ask_on_hosts("image.pull", actor=actor, hosts=visible_hosts(actor), params=params).job


def parts(actor: Actor, topic: str, args: str) -> dict[str, Part]:
    return TOPICS[topic].load(actor, QueryDict(args)).parts


def test_what_a_host_moves_reaches_the_pages_of_the_larger_job(
    actor: Actor, parent: Job, monkeypatch: pytest.MonkeyPatch
) -> None:
    told: list[Any] = []
    monkeypatch.setattr("fleet.jobs.reporter.publish", told.append)
    child = claim_job(parent.children.order_by("pk")[0].pk)
    assert child is not None
    views = [("job", f"id={parent.pk}", "job-bar"), ("jobs", "", f"job-{parent.pk}"),
             ("tray", "open=1", f"tray-job-{parent.pk}")]  # fmt: skip
    before = [parts(actor, topic, args)[part].rev for topic, args, part in views]
    reporter = JobReporter(child)
    reporter.part("layer", "downloading", 3 * MIB, 4 * MIB)
    reporter.flush()
    assert told[0].ids == [child.pk, parent.pk]
    for (topic, args, part), rev in zip(views, before, strict=True):
        drawn = parts(actor, topic, args)[part]
        assert drawn.rev != rev
        assert "3.0 MiB" in drawn.render()
    own = parts(actor, "job", f"id={child.pk}")
    assert "downloading" in own["job-part-0"].render()


def test_a_page_bears_all_parts_that_are_kept(actor: Actor, parent: Job) -> None:
    child = parent.children.order_by("pk")[0]
    Job.objects.filter(pk=child.pk).update(bytes_done=1)
    one = {"label": "a" * 80, "state": "waiting", "done": 0, "total": 0}
    JobParts.objects.create(job=child, parts=[one] * PARTS_LIMIT)
    found = TOPICS["job"].load(actor, QueryDict(f"id={child.pk}"))
    assert len(found.lists["job-parts"]) == PARTS_LIMIT
    assert len(found.parts) < TOPICS["job"].most
