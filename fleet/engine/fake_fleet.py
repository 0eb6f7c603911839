"""Many fake engines, as a program::

    python -m fleet.engine.fake_fleet --hosts 100 --containers 100 --dir /tmp/fakes [--churn 5]

makes 100 sockets ``h1.sock`` … in that folder.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import random
import signal
from pathlib import Path

from fleet.engine.fake import FakeEngine


def populate(fake: FakeEngine, containers: int) -> None:
    """A plausible host: mostly running, some stopped, compose projects of five."""
    for number in range(1, containers + 1):
        project = f"app{(number - 1) // 5 + 1}"
        service = ("web", "api", "worker", "db", "cache")[number % 5]
        fake.state.add(
            f"{fake.state.name}-{project}-{service}-{number}",
            f"registry.example/{service}:1.{number % 7}",
            state="exited" if number % 11 == 0 else "running",
            labels={"com.docker.compose.project": project, "com.docker.compose.service": service},
        )


async def churn(fakes: list[FakeEngine], per_second: float) -> None:
    """Restart random containers for ever."""
    choose = random.Random(1)  # noqa: S311 - which container restarts is no secret
    while True:
        await asyncio.sleep(1 / per_second)
        state = choose.choice(fakes).state
        if state.containers:
            state.restart(choose.choice(list(state.containers.values())))


async def serve(hosts: int, containers: int, folder: Path, per_second: float) -> None:
    """Run until SIGINT or SIGTERM."""
    folder.mkdir(parents=True, exist_ok=True)
    fakes = [FakeEngine(folder / f"h{i}.sock", name=f"h{i}") for i in range(1, hosts + 1)]
    for fake in fakes:
        await fake.start()
        populate(fake, containers)
    ended = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, ended.set)
    restless = asyncio.create_task(churn(fakes, per_second)) if per_second else None
    print(f"{hosts} engines with {containers} containers each in {folder}", flush=True)  # noqa: T201
    await ended.wait()
    if restless is not None:
        restless.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await restless
    for fake in fakes:
        await fake.stop()


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(
        prog="python -m fleet.engine.fake_fleet", description="Fake engines"
    )
    parser.add_argument("--hosts", type=int, default=3)
    parser.add_argument("--containers", type=int, default=20)
    parser.add_argument("--dir", type=Path, required=True)
    parser.add_argument("--churn", type=float, default=0.0, help="restarts per second")
    options = parser.parse_args()
    asyncio.run(serve(options.hosts, options.containers, options.dir, options.churn))


if __name__ == "__main__":
    main()
