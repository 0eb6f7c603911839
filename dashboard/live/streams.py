"""The streams of one page: tasks that end with it."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import structlog
from django.http import QueryDict
from django.utils import translation
from django.utils.translation import gettext as _

from dashboard.live.threads import run
from dashboard.live.topics.base import Send, Stream
from dashboard.live.viewer import BrowserGone, Viewer
from fleet import audit
from fleet.access import AccessError, Refused
from fleet.actor import Actor
from fleet.cancel import cancel
from fleet.models import AuditResult

log = structlog.get_logger(__name__)

RETRY_SECONDS = 1.0  # until rights are looked at again that could not be read


@dataclass
class Flow:
    """An open stream."""

    stream: Stream
    args: QueryDict
    task: asyncio.Task[None] | None = None
    begun: bool = False  # it has been checked; until then whoever opens it looks
    failed: bool = False  # the page has been told


class Streams:
    """Opens, checks and cancels streams; at most one of each name at a time."""

    def __init__(self, viewer: Viewer, send: Send) -> None:
        self.viewer = viewer
        self._send = send
        self._flows: dict[str, Flow] = {}
        self._checking: asyncio.Task[None] | None = None
        self._unchecked = False
        self._changes = 0
        self._writing: set[asyncio.Task[None]] = set()

    async def open(self, stream: Stream, args: QueryDict) -> None:
        """Begin a stream in place of the one of its name; returns at once."""
        await self.close(stream.name)
        flow = Flow(stream, args)
        self._flows[stream.name] = flow
        flow.task = asyncio.create_task(self._run(flow))

    async def close(self, name: str) -> None:
        """End a stream and wait until it has cleaned up."""
        flow = self._flows.pop(name, None)
        if flow is not None and flow.task is not None:
            await cancel(flow.task)

    async def close_all(self) -> None:
        """End all of them."""
        if self._checking is not None:
            self._checking.cancel()
        for name in list(self._flows):
            await self.close(name)

    def check_soon(self) -> None:
        """The viewer's rights may have changed: end what is no longer allowed."""
        self._unchecked = True
        self._changes += 1
        if self._checking is None or self._checking.done():
            self._checking = asyncio.create_task(self._check_all())

    async def _check_all(self) -> None:
        """Check until all are: who could not be looked at now is looked at again."""
        failing = False
        while self._unchecked:
            self._unchecked = False
            flows = [flow for flow in self._flows.values() if flow.begun and not flow.failed]
            failed = [flow for flow in flows if not await self._is_checked(flow, quiet=failing)]
            if failing := bool(failed):
                self._unchecked = True
                await asyncio.sleep(RETRY_SECONDS)

    async def _is_checked(self, flow: Flow, *, quiet: bool) -> bool:
        """Check one and end what may not stay; False after an error that is not the viewer's."""
        try:
            await self._check(flow)
        except AccessError as refused:
            await self._end(flow, refused)
        except Exception:
            if not quiet:
                log.exception("live_stream_check_failed", stream=flow.stream.name)
            return False
        return True

    async def _end(self, flow: Flow, refused: AccessError) -> None:
        """End a stream unless the page has opened another one in its place."""
        name = flow.stream.name
        if flow.failed or self._flows.get(name) is not flow:
            return
        await self.close(name)
        if name not in self._flows:
            await self._gone(flow, str(refused))

    async def _check(self, flow: Flow) -> Any:
        seer = self.viewer.seer
        return await run(flow.stream.check, seer.actor, flow.args, language=seer.language)

    async def _run(self, flow: Flow) -> None:
        try:
            target = await self._begin(flow)
            await flow.stream.run(target, flow.args, self._send)
        except AccessError as refused:
            if isinstance(refused, Refused):
                self._write_soon(flow, refused)
            await self._failed(flow, str(refused))
        except BrowserGone:
            return
        except Exception:
            log.exception("live_stream_failed", stream=flow.stream.name)
            with translation.override(self.viewer.seer.language):
                text = _("This stream has ended by a mistake of Quayside. Reload the page.")
            await self._failed(flow, text)

    async def _begin(self, flow: Flow) -> Any:
        """Return what the stream needs, by rights that have not changed while they were read."""
        changes = -1
        while changes != self._changes:
            changes = self._changes
            target = await self._check(flow)
        flow.begun = True
        return target

    async def _failed(self, flow: Flow, message: str) -> None:
        flow.failed = True
        await self._gone(flow, message)

    def _write_soon(self, flow: Flow, refused: Refused) -> None:
        """Write a refusal down, whether that works or not, and whether the page stays or not."""
        writing = asyncio.create_task(self._write(flow, refused))
        self._writing.add(writing)
        writing.add_done_callback(self._writing.discard)

    async def _write(self, flow: Flow, refused: Refused) -> None:
        try:
            await run(write_refusal, self.viewer.seer.actor, refused, flow.stream.name)
        except Exception:
            log.exception("live_refusal_not_written", stream=flow.stream.name)

    async def _gone(self, flow: Flow, message: str) -> None:
        with suppress(BrowserGone):
            await self._send({"type": "gone", "topic": flow.stream.name, "message": message})


def write_refusal(actor: Actor, error: Refused, stream: str) -> None:
    """Write down that somebody tried to follow what they may not."""
    audit.record(
        actor,
        error.permission,
        error.target,
        result=AuditResult.REFUSED,
        detail={"stream": stream},
    )
