"""A small fleet with somebody of each role, for the tests that walk all routes."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime

import pytest
from allauth.usersessions.models import UserSession
from django.core.cache import cache
from django.utils import timezone

from fleet.models import (
    ApiToken,
    Build,
    BuildRun,
    BuildSchedule,
    Container,
    Environment,
    Event,
    Grant,
    Host,
    Image,
    ImageUpdate,
    Job,
    JobLine,
    JobState,
    Registry,
    Role,
    SavedFilter,
    Team,
    User,
    Webhook,
)
from fleet.registries.reference import parse_reference
from fleet.tokens import create_token
from tests.conftest import grant, make_container, make_host, make_image, password_hash
from tests.scans.rows import make_scan
from tests.walk_routes import ROLES


@dataclass
class World:
    """Who asks, and for what."""

    people: dict[str, User | None]
    environment: Environment
    empty_environment: Environment
    host: Host
    idle_host: Host
    container: Container
    image: Image
    event: Event
    job: Job
    failed_job: Job
    build: Build  # from Git, with a run that waits
    idle_build: Build
    schedule: BuildSchedule  # of `build`, the viewer's
    webhook: Webhook
    person: User
    team: Team
    role: Role
    grant: Grant
    token: ApiToken
    session: UserSession
    own_filter: SavedFilter  # the viewer's
    shared_filter: SavedFilter  # the viewer's, for everybody
    registry: Registry  # of the host's environment


@pytest.fixture
def world(db: None) -> World:
    """Make a small fleet, and somebody of each role."""
    cache.clear()  # attempts at sign-in are counted there
    here, there = (Environment.objects.create(name=name) for name in ("staging", "production"))
    host = make_host("stage-1", here)
    make_host("prod-1", there)
    container = make_container(host, image_id=f"sha256:{1:064x}")
    people = {name: None if name == "anonymous" else make_person(name) for name in ROLES}
    for name, role, on in (
        ("elsewhere", "operator", there),
        ("viewer", "viewer", host),
        ("operator", "operator", here),
        ("administrator", "administrator", None),
    ):
        user = people[name]
        assert user is not None
        grant(user, role, on)
    build = make_build(host, "shop", runs=1)
    schedule, webhook = make_triggers(build, people["viewer"])
    person, team = make_person("pat"), Team.objects.create(name="Night")
    for tag in ("lab/busybox:1", "shop/web:1"):
        make_answer(tag)
    make_scan(container.image_id)
    return World(
        people=people,
        environment=here,
        empty_environment=Environment.objects.create(name="empty"),
        host=host,
        idle_host=make_host("stage-2", here),
        container=container,
        image=make_image(host, container.image_id),
        event=Event.objects.create(
            host=host, at=datetime(2026, 1, 2, tzinfo=UTC), kind="start", object_kind="container",
            object_id=container.engine_id, object_name="web-1",
        ),
        job=make_job(container, JobState.QUEUED),
        failed_job=make_job(container, JobState.FAILED),
        build=build,
        idle_build=make_build(host, "idle"),
        schedule=schedule,
        webhook=webhook,
        person=person,
        team=team,
        role=Role.objects.create(name="restarter", permissions=["container.restart"]),
        grant=grant(person, "viewer", host),
        token=create_token(person, "ci")[0],
        session=UserSession.objects.create(user=person, ip="10.0.0.1", session_key="x" * 32),
        own_filter=save_filter(people["viewer"], "Mine", shared=False),
        shared_filter=save_filter(people["viewer"], "Ours", shared=True),
        registry=make_registry(here),
    )  # fmt: skip


def make_triggers(build: Build, owner: User | None) -> tuple[BuildSchedule, Webhook]:
    """Make one of each, of an owner."""
    owned = {"build": build, "owner": owner, "owner_name": "viewer"}
    webhook = Webhook(name="stage-1", kind="github", public_id="somebodys", branches="*", **owned)
    webhook.secret = "hunter2-hunter2-hunter2"
    webhook.save()
    return BuildSchedule.objects.create(cron="0 3 * * *", **owned), webhook


def make_answer(tag: str) -> None:
    """A registry was asked for it just now, so that nothing is asked again."""
    reference = parse_reference(tag)
    ImageUpdate.objects.create(
        reference=reference.full,
        place=reference.host,
        repository=reference.repository,
        tag=reference.tag,
        asked_at=timezone.now(),
    )


def make_person(name: str) -> User:
    """Make a user with the tests' password."""
    return User.objects.create(username=name, password=password_hash())


def save_filter(owner: User | None, name: str, *, shared: bool) -> SavedFilter:
    """Save a filter that finds the world's container."""
    assert owner is not None
    return SavedFilter.objects.create(owner=owner, name=name, query="q=web", shared=shared)


def make_registry(environment: Environment) -> Registry:
    """Make a registry that serves an environment; nothing listens at its address."""
    made = Registry.objects.create(
        name="for stage-1", kind="distribution", url="https://127.0.0.1:9", username="ann"
    )
    made.password = "hunter2"
    made.save()
    made.environments.add(environment)
    return made


def make_job(container: Container, state: str) -> Job:
    """Make a job on a container, asked for by Quayside itself."""
    job = Job.objects.create(
        operation="container.restart",
        host=container.host,
        host_name=container.host.name,
        target_kind="container",
        target_id=container.pk,
        target_engine_id=container.engine_id,
        target_name=container.name,
        state=state,
    )
    JobLine.objects.create(job=job, number=1, text="Restarting")
    return job


def make_build(host: Host, name: str, runs: int = 0) -> Build:
    """Make a build's row, and runs of it that wait."""
    build = Build.objects.create(
        name=name, host=host, source="git", git_url="https://git.test/app.git", next_number=runs + 1
    )
    for number in range(1, runs + 1):
        job = Job.objects.create(
            operation="build.run", queue="transfer", host=host, host_name=host.name,
            target_kind="build", target_id=build.pk, target_name=name,
        )  # fmt: skip
        BuildRun.objects.create(build=build, number=number, job=job)
    return build
