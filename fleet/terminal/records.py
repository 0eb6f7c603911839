"""What the audit log tells of a terminal: that it was opened and closed, never what was typed."""

from __future__ import annotations

import asyncio
import time
from copy import copy
from dataclasses import dataclass, field, replace
from typing import Any

import structlog
from django.db import close_old_connections

from fleet import audit
from fleet.actor import Actor
from fleet.models import AuditResult, Container, User
from fleet.terminal.ask import Ask

log = structlog.get_logger(__name__)


@dataclass
class Record:
    """Who opened what, and where."""

    actor: Actor
    container: Container
    ask: Ask
    _since: float = field(default_factory=time.monotonic)

    async def opened(self) -> None:
        """Somebody is about to have it. Raises when that cannot be written: then nobody has."""
        await asyncio.to_thread(self._write, "terminal.open", self.ask.told())
        self._since = time.monotonic()

    async def closed(self, name: str, why: str, exit_code: int | None, *, began: bool) -> None:
        """It is over, after so long, or could not begin."""
        told = self.ask.told() | {"why": why}
        if name and not self.ask.command:
            told["command"] = name
        if began:
            told["seconds"] = round(time.monotonic() - self._since, 1)
        if exit_code is not None:
            told["exit_code"] = exit_code
        result = AuditResult.ALLOWED if began else AuditResult.FAILED
        try:
            await asyncio.to_thread(self._write, "terminal.close", told, result)
        except Exception:
            log.exception("terminal_unrecorded", user=self.actor.name)

    def _write(self, action: str, told: dict[str, Any], result: str = AuditResult.ALLOWED) -> None:
        close_old_connections()
        try:
            user = copy(self.actor.user)
            if user and not User.objects.filter(pk=user.pk).exists():
                user.pk = None  # removed meanwhile: the name is what stays
            actor = replace(self.actor, user=user)
            audit.record(actor, action, self.container, detail=told, result=result)
        finally:
            close_old_connections()
