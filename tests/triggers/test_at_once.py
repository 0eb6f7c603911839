"""The same at the same time, as senders that are in a hurry and two beats do it."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from datetime import timedelta
from typing import Any

from django.db import connection
from django.utils import timezone

from fleet.actor import actor_for
from fleet.models import Build, BuildSchedule, Host, Job, User, WebhookDelivery
from fleet.operations.deliveries import delivery_prove, delivery_take
from fleet.operations.schedules import fire_due, schedule_create
from fleet.operations.webhooks import webhook_create
from fleet.triggers.signatures import Sent
from tests.triggers.senders import github, github_push


def at_once(call: Callable[[], Any], times: int = 4) -> list[Any]:
    """Call something in several threads that begin together."""
    found: list[Any] = []
    barrier = threading.Barrier(times)

    def run() -> None:
        barrier.wait(10)
        try:
            found.append(call())
        finally:
            connection.close()

    threads = [threading.Thread(target=run) for _number in range(times)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    return found


def test_once_however_many(transactional_db: None, host: Host, administrator: User) -> None:
    actor = actor_for(administrator)
    build = Build.objects.create(
        name="app", host=host, source="git", git_url="https://git.test/team/app.git"
    )
    webhook, secret = webhook_create(
        actor=actor, build_id=build.pk, data={"name": "x", "kind": "github"}
    )
    body = github_push()
    headers = {name.lower(): value for name, value in github(secret, body).items()}
    sent = Sent(headers, body, time.time())
    taken = at_once(lambda: delivery_take(delivery_prove(webhook.public_id, sent, "")))
    assert sorted(one.code for one in taken) == ["ok", "repeated", "repeated", "repeated"]
    assert WebhookDelivery.objects.count() == 4
    assert Job.objects.count() == 1
    Job.objects.update(state="succeeded")
    schedule_create(actor=actor, build_id=build.pk, data={"cron": "0 3 * * *"})
    BuildSchedule.objects.update(next_at=timezone.now() - timedelta(seconds=1))
    assert sorted(at_once(fire_due)) == [0, 0, 0, 1]
    assert Job.objects.count() == 2
