"""A real log by the API, through the whole of Quayside: what scripts do with `curl -N`."""

from __future__ import annotations

import json
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from tests.browser.conftest import Api
from tests.lab.lab import Lab
from tests.stack import Stack
from tests.waiting import eventually

pytestmark = [pytest.mark.browser, pytest.mark.lab, pytest.mark.timeout(120)]
# From 1 on, twenty lines a second; after a restart from 1 again.
COUNT = "n=0; while :; do n=$((n+1)); echo line $n; sleep 0.05; done"


@contextmanager
def following(stack: Stack, path: str) -> Iterator[Iterator[dict[str, Any]]]:
    """Follow a log; its lines as they come."""
    request = urllib.request.Request(  # noqa: S310 - our own address
        f"{stack.url}/api/v1{path}", headers={"Authorization": f"Bearer {stack.token}"}
    )
    with urllib.request.urlopen(request, timeout=30) as response:  # noqa: S310
        yield map(json.loads, response)


def test_a_script_follows_a_log_through_a_restart(
    stack: Stack, api: Api, hosts: dict[str, int], lab: Lab
) -> None:
    name = "follow-1"
    lab[1].docker("run", "-d", "--init", "--name", name, "lab/busybox:1", "sh", "-c", COUNT)
    query = f"/containers?host=lab-1&q={name}"
    eventually(lambda: api("GET", query)["count"] == 1, "it is known", seconds=30)
    pk = api("GET", query)["items"][0]["id"]
    try:
        with following(stack, f"/containers/{pk}/logs?follow=true&tail=1") as coming:
            first = next(coming)["text"]
            start = int(first.removeprefix("line "))
            numbers = [int(next(coming)["text"].removeprefix("line ")) for _ in range(40)]
            assert numbers == list(range(start + 1, start + 41))
            lab[1].docker("restart", "-t", "0", name)
            told = next(line for line in coming if "mark" in line)
            assert told["mark"] in {"ended", "restarted"}
            again = next(line["text"] for line in coming if "at" in line)
            assert again == "line 1"
            lab[1].docker("rm", "-f", name)
            *_, last = coming
            assert last["end"] == "removed"
    finally:
        lab[1].clear()
