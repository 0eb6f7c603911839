"""Rows of a large fleet, and how long the container list and its search take.

    python -m bench.rows                       100 hosts × 100 containers, then 200 requests each
    python -m bench.rows --hosts 3 --containers 50 --requests 0       just make rows

Works on the configured database (migrated); hosts are named `bench-…` and made anew each time.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import random
import statistics
import time
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")

PREFIX = "bench-"
IMAGES = (
    "nginx:1.27", "redis:7.4", "postgres:17", "registry.example.org/team/shop:4.2.1",
    "registry.example.org/team/warehouse/worker:2026.11.3", "grafana/grafana:11.3.0",
)  # fmt: skip
STATES = ("running",) * 8 + ("exited", "paused")
HEALTHS = ("healthy",) * 6 + ("", "", "unhealthy", "starting")
PATHS = {
    "list": "/containers/",
    "list of 250": "/containers/?size=250",
    "search": "/containers/?q=shop+web-4",
    "search, no match": "/containers/?q=nothing-has-this-name",
    "by host": "/containers/?sort=host&page=40",
    "with updates": "/containers/?update=yes",
    "by label": "/containers/?label=tier%3Dback&state=running",
    "of a stack": "/containers/?stack=shop-7",
    "of a service": "/containers/?service=web-7",
    "of a service of a stack": "/containers/?stack=shop-7&service=web-7",
    "names of stacks": "/containers/stacks/",
    "names of services": "/containers/services/",
    "names of a stack's": "/containers/services/?stack=shop-7",
}


def make_rows(hosts: int, containers: int) -> None:
    """Make hosts and containers, in place of those of an earlier run."""
    from django.utils import timezone

    from fleet.models import Container, Environment, Host, Image

    Host.objects.filter(name__startswith=PREFIX).delete()
    now = timezone.now()
    environments = [
        Environment.objects.get_or_create(name=f"{PREFIX}{name}")[0]
        for name in ("production", "staging", "testing")
    ]
    made = Host.objects.bulk_create(
        Host(
            name=f"{PREFIX}{number:03}",
            url=f"tcp://{PREFIX}{number:03}.example.org:2376",
            environment=environments[number % 3],
            state="unreachable" if number % 40 == 39 else "reachable",
            last_seen=now - timedelta(minutes=3),
        )
        for number in range(hosts)
    )
    for host in made:
        Container.objects.bulk_create(_containers(host, containers), batch_size=500)
        Image.objects.bulk_create(_images(host))
    _answers()


def _images(host: Any) -> Iterator[Any]:
    """Yield an image for each name; every fourth host has not pulled for a while."""
    from django.utils import timezone

    from fleet.models import Image

    for image in IMAGES:
        digest = _digest(image if host.pk % 4 else f"{image} of last year")
        digests = [f"{image.rpartition(':')[0]}@{digest}"]
        yield Image(
            host=host,
            engine_id=_digest(image, "config"),
            name=image,
            tags=[image],
            digests=digests,
            seen_at=timezone.now(),
        )


def _answers() -> None:
    """Let the registries have said something of each name; of every other a newer version."""
    from django.utils import timezone

    from fleet.models import ImageUpdate
    from fleet.updates.wanted import keep_rows

    keep_rows()
    for row in ImageUpdate.objects.all():
        name = f"{row.repository}:{row.tag}".removeprefix("library/")
        image = next((image for image in IMAGES if image.endswith(name)), name)
        row.digest, row.checked_at = _digest(image), timezone.now()
        row.newer_minor = "99.1" if len(name) % 2 else ""
        row.save()


def _digest(*parts: str) -> str:
    return f"sha256:{hashlib.sha256(' '.join(parts).encode()).hexdigest()}"


def _containers(host: Any, count: int) -> Iterator[Any]:
    from django.utils import timezone

    from fleet.models import Container

    now, chance = timezone.now(), random.Random(host.pk)
    for number in range(count):
        stack, service = f"shop-{number % 20}", f"web-{number}"
        image, state = chance.choice(IMAGES), chance.choice(STATES)
        name = f"{stack}-{service}-1"
        yield Container(
            host=host,
            engine_id=f"{chance.getrandbits(256):064x}",
            name=name,
            names=[name],
            image=image,
            image_id=_digest(image, "config"),
            command="/docker-entrypoint.sh nginx -g 'daemon off;'",
            state=state,
            health=chance.choice(HEALTHS) if state == "running" else "",
            exit_code=chance.choice((0, 0, 1, 137)) if state == "exited" else None,
            ports=[_port(8000 + number, ip) for ip in ("0.0.0.0", "::")],  # noqa: S104
            mounts=[{"type": "volume", "name": f"{stack}-data", "destination": "/data"}],
            networks=[{"name": f"{stack}_default", "ip": "172.18.0.2"}],
            labels=_labels(stack, service, number),
            compose_project=stack,
            compose_service=service,
            created_at=now - timedelta(minutes=chance.randrange(100_000)),
            started_at=now - timedelta(minutes=chance.randrange(10_000)),
            seen_at=now,
            search=f"{name} {image} {stack} {service} {host.name} ".lower() + "label value " * 20,
        )


def _port(number: int, ip: str) -> dict[str, Any]:
    return {"container_port": 80, "protocol": "tcp", "host_ip": ip, "host_port": number}


def _labels(stack: str, service: str, number: int) -> dict[str, str]:
    compose = {
        "com.docker.compose.project": stack,
        "com.docker.compose.service": service,
        "com.docker.compose.config-hash": f"{number:064x}",
        "com.docker.compose.project.config_files": f"/srv/stacks/{stack}/compose.yaml",
        "org.opencontainers.image.description": "A long description that images carry. " * 6,
    }
    return {**compose, "tier": "back" if number % 3 else "front"}


def measure(requests: int) -> None:
    """Print the milliseconds of each page, as an administrator sees it."""
    from django.test import Client

    from fleet.models import User

    user, _new = User.objects.get_or_create(username=f"{PREFIX}user", is_superuser=True)
    client = Client(headers={"host": "localhost"})
    client.force_login(user, backend="django.contrib.auth.backends.ModelBackend")
    for name, path in PATHS.items():
        took = [_request(client, path) for _ in range(requests + 3)][3:]
        p95 = statistics.quantiles(took, n=20)[-1]
        print(f"{name:<18} p50 {statistics.median(took):6.1f} ms   p95 {p95:6.1f} ms")


def _request(client: Any, path: str) -> float:
    start = time.perf_counter()
    response = client.get(path)
    assert response.status_code == 200, response.status_code
    return (time.perf_counter() - start) * 1000


def main() -> None:
    """Read the command line and run."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--hosts", type=int, default=100)
    parser.add_argument("--containers", type=int, default=100, help="on each host")
    parser.add_argument("--requests", type=int, default=200, help="for each page; 0: none")
    wanted = parser.parse_args()
    import django

    django.setup()
    if wanted.hosts:
        make_rows(wanted.hosts, wanted.containers)
    if wanted.requests:
        measure(wanted.requests)


if __name__ == "__main__":
    main()
