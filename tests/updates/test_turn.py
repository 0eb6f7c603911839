"""The update check: real registries, and small ones that refuse, count or hang."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
import redis
from django.utils import timezone

from fleet.models import Host, ImageUpdate, Registry, RegistryKind
from fleet.outbound.client import Limits
from fleet.selectors import updates as selected
from fleet.selectors.updates import updates_of_containers, updates_of_images
from fleet.updates import asking, turn
from fleet.updates.turn import check_due
from fleet.updates.wanted import KEPT, keep_rows
from tests.conftest import make_container, make_image
from tests.httpd import Asked, Reply, Server, serve
from tests.lab.registry import PASSWORD, USER, RegistryServer
from tests.services import redis_server

__all__ = ["redis_server"]
DIGEST = f"sha256:{'a' * 64}"
OTHER = f"sha256:{'b' * 64}"


def known(server: RegistryServer | Server, **fields: Any) -> Registry:
    """Add a registry at a loopback address, without an account unless told otherwise."""
    password = fields.pop("password", "")
    row = Registry(
        **{"name": "lab", "kind": RegistryKind.DISTRIBUTION, "url": server.url, "everywhere": True,
           "insecure": server.url.startswith("http:"), **fields}
    )  # fmt: skip
    row.password = password
    row.save()
    return row


def run(host: Host, image: str, digest: str, **fields: Any) -> Any:
    """Let a container run an image that came by a digest; returns the container."""
    name = image.rpartition(":")[0]
    row = make_image(host, tags=[image], digests=[f"{name}@{digest}"] if digest else [])
    return make_container(host, image, image=image, image_id=row.engine_id, **fields)


def state_of(container: Any) -> selected.Update:
    return updates_of_containers([container])[container.pk]


def again() -> None:
    """Let everything be due."""
    ImageUpdate.objects.update(next_check_at=timezone.now(), tags_at=None)


@contextlib.contextmanager
def registry_that(answer: Any) -> Iterator[Server]:
    """Run a small registry; `answer` says what it tells of a manifest or of tags."""

    def reply(asked: Asked) -> Reply:
        found: Reply = answer(asked)
        return found

    with serve(reply) as server:
        yield server


def manifest(digest: str = DIGEST, **headers: str) -> Reply:
    told = {"Docker-Content-Digest": digest, **{k.replace("_", "-"): v for k, v in headers.items()}}
    return Reply(200, b"", told)


def test_a_newer_image_and_newer_versions(host: Host, open_registry_server: RegistryServer) -> None:
    registry = open_registry_server
    known(registry)
    first = registry.push("upd/app", "1.2.3")
    container = run(host, f"{registry.host}/upd/app:1.2.3", first.digest)
    assert check_due() == 1
    found = state_of(container)
    assert (found.state, found.newer.newest, found.there_is) == ("current", "", False)
    registry.push("upd/app", "1.2.4", files={"a": b"1"})
    registry.push("upd/app", "1.3.0", files={"a": b"2"})
    registry.push("upd/app", "2.0.0", files={"a": b"3"})
    assert check_due() == 0  # it is not due
    again()
    assert check_due() == 1
    found = state_of(container)
    assert found.state == "newer_version" and found.version == "2.0.0"
    assert (found.newer.patch, found.newer.minor) == ("1.2.4", "1.3.0")
    registry.push("upd/app", "1.2.3", files={"a": b"rebuilt"})
    again()
    check_due()
    assert state_of(container).state == "newer_image"
    row = ImageUpdate.objects.get()
    hours = (row.next_check_at - timezone.now()).total_seconds() / 3600
    assert 5.3 < hours < 6.7 and row.failures == 0


def test_an_index_is_compared_by_its_own_digest(
    host: Host, open_registry_server: RegistryServer
) -> None:
    known(open_registry_server)
    index, images = open_registry_server.push_index("upd/multi", "1", "amd64", "arm64")
    right = run(host, f"{open_registry_server.host}/upd/multi:1", index.digest)
    check_due()
    assert state_of(right).state == "current"
    wrong = make_image(host, digests=[f"x@{images[0].digest}"])
    right.image_id = wrong.engine_id
    assert state_of(right).state == "newer_image"


def test_accounts_are_those_of_the_environment(
    host: Host, other_host: Host, locked_registry_server: RegistryServer
) -> None:
    server = locked_registry_server
    pushed = server.push("upd/locked", "1")
    image = f"{server.host}/upd/locked:1"
    row = known(server, username=USER, password=PASSWORD, everywhere=False)
    row.environments.add(host.environment)
    here, there = run(host, image, pushed.digest), run(other_host, image, pushed.digest)
    assert check_due() == 2
    assert state_of(here).state == "current"
    assert state_of(there).state == "unknown"  # nobody told us of that private address there
    assert "QUAYSIDE_OUTBOUND_ALLOW" in state_of(there).why
    row.password = "wrong"
    row.save()
    again()
    check_due()
    found = state_of(here)
    assert found.state == "unknown" and "user name and password" in found.why
    assert check_due() == 0


def test_what_is_no_name_is_not_asked_for(host: Host) -> None:
    make_container(host, "a", image=f"sha256:{'1' * 64}", image_id=f"sha256:{'1' * 64}")
    make_container(host, "b", image="0123456789ab", image_id=f"sha256:0123456789ab{'0' * 52}")
    make_container(host, "c", image=f"127.0.0.1:9/a@{DIGEST}")
    make_container(host, "d", image="127.0.0.1:9/a:1", state="exited")
    make_container(host, "e", image="a\x1b<script>:///")
    keep_rows()
    assert not ImageUpdate.objects.exists()


def test_it_waits_as_long_as_a_registry_says(host: Host) -> None:
    def answer(asked: Asked) -> Reply:
        return Reply(429, b"{}", {"Retry-After": "7200"})

    with registry_that(answer) as server:
        known(server)
        first = run(host, f"127.0.0.1:{server.port}/a:x", DIGEST)
        run(host, f"127.0.0.1:{server.port}/b:x", DIGEST)
        check_due()
        heads = [asked for asked in server.asked if asked.method == "HEAD"]
        assert len(heads) == 1  # the other one was not even asked for
        soonest = min(ImageUpdate.objects.values_list("next_check_at", flat=True))
        assert soonest > timezone.now() + timedelta(seconds=7000)
        run(host, f"127.0.0.1:{server.port}/c:x", DIGEST)  # nor one that comes later
        check_due()
        assert len([asked for asked in server.asked if asked.method == "HEAD"]) == 1
        assert "120 minutes" in state_of(first).why


def test_it_leaves_the_rest_of_a_limit_to_pulls(host: Host) -> None:
    def answer(asked: Asked) -> Reply:
        return manifest(ratelimit_limit="100;w=21600", ratelimit_remaining="12;w=21600")

    with registry_that(answer) as server:
        known(server)
        both = [run(host, f"127.0.0.1:{server.port}/{name}:x", DIGEST) for name in "ab"]
        check_due()
        assert len([asked for asked in server.asked if asked.method == "HEAD"]) == 1
        assert sorted(state_of(one).state for one in both) == ["current", "unknown"]
        row = ImageUpdate.objects.get(code="reserved")
        assert "12 more requests" in row.message
        told = ImageUpdate.objects.get(code="")
        assert (told.rate_limit, told.rate_remaining) == (100, 12)


def test_what_was_known_is_told_while_a_registry_is_away(host: Host) -> None:
    broken: list[int] = []

    def answer(asked: Asked) -> Reply:
        return Reply(broken[0], b"{}") if broken else manifest()

    with registry_that(answer) as server:
        known(server)
        container = run(host, f"127.0.0.1:{server.port}/a:x", DIGEST)
        check_due()
        broken.append(503)
        again()
        check_due()
        found = state_of(container)
        assert found.state == "current" and "fault of its own" in found.why
        row = ImageUpdate.objects.get()
        waits = []
        for _turn in range(3):
            again()
            check_due()
            row.refresh_from_db()
            waits.append(row.next_check_at - timezone.now())
        assert row.failures == 4
        assert waits[0] < waits[1] < waits[2] < timedelta(hours=3)
        broken[0] = 404
        again()
        check_due()
        assert state_of(container).state == "unknown"


def test_one_that_hangs_is_asked_once(host: Host, monkeypatch: pytest.MonkeyPatch) -> None:
    done = threading.Event()

    def answer(asked: Asked) -> Reply:
        done.wait(20)
        return manifest()

    monkeypatch.setattr(asking, "LIMITS", Limits(connect=0.2, read=0.2, total=0.3))
    with registry_that(answer) as server:
        known(server)
        for name in "abc":
            run(host, f"127.0.0.1:{server.port}/{name}:x", DIGEST)
        check_due()
        done.set()
        assert len(server.asked) == 1
        assert set(ImageUpdate.objects.values_list("code", flat=True)) == {"timeout"}


def test_tags_are_listed_once_a_day_for_all_of_a_repository(host: Host) -> None:
    def answer(asked: Asked) -> Reply:
        if asked.path.endswith("/tags/list"):
            return Reply(200, b'{"name": "a", "tags": ["1.0.0", "1.1.0", "1.2.0"]}')
        return manifest()

    with registry_that(answer) as server:
        known(server)
        old, new = (run(host, f"127.0.0.1:{server.port}/a:1.{n}.0", DIGEST) for n in (0, 1))
        run(host, f"127.0.0.1:{server.port}/a:latest", DIGEST)
        check_due()
        ImageUpdate.objects.update(next_check_at=timezone.now())
        check_due()
        lists = [asked for asked in server.asked if asked.path.endswith("/tags/list")]
        assert len(lists) == 1 and len(server.asked) == 7
        assert state_of(old).newer.minor == state_of(new).newer.minor == "1.2.0"


def test_rows_go_when_nothing_runs_them(host: Host) -> None:
    container = run(host, "nginx:1.27", DIGEST)
    keep_rows()
    row = ImageUpdate.objects.get()
    assert row.reference == "docker.io/library/nginx:1.27"
    container.delete()
    keep_rows()
    assert ImageUpdate.objects.exists()
    ImageUpdate.objects.update(wanted_at=timezone.now() - KEPT - timedelta(hours=1))
    keep_rows()
    assert not ImageUpdate.objects.exists()


def test_zero_hours_ask_for_nothing(host: Host, settings: Any) -> None:
    settings.UPDATE_HOURS = 0
    run(host, "nginx:1.27", DIGEST)
    assert check_due() == 0 and not ImageUpdate.objects.exists()


def test_what_was_built_here_has_no_digest(host: Host) -> None:
    container = run(host, "shop/web:1", "")
    keep_rows()
    ImageUpdate.objects.update(digest=DIGEST, checked_at=timezone.now())
    assert "no digest of a registry" in state_of(container).why
    image = make_image(host, tags=["other:1"])
    assert updates_of_images([image]) == {}


def test_two_turns_do_not_ask_at_the_same_time(
    host: Host,
    redis_server: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    client = redis.Redis.from_url(redis_server, decode_responses=True)
    monkeypatch.setattr(turn, "redis_client", lambda: client)
    run(host, "127.0.0.1:9/a:x", DIGEST)  # refused by the policy: nothing is connected to
    client.set(turn.LOCK, "another")
    assert check_due() == 0 and client.get(turn.LOCK) == "another"
    client.delete(turn.LOCK)
    assert check_due() == 1 and client.get(turn.LOCK) is None
    assert ImageUpdate.objects.get().code == "address_refused"
    client.close()


def test_a_claimed_row_is_not_claimed_again(host: Host) -> None:
    run(host, "nginx:1.27", DIGEST)
    keep_rows()
    first, second = ImageUpdate.objects.get(), ImageUpdate.objects.get()
    assert turn.claim(first) and not turn.claim(second)
