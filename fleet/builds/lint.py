"""hadolint's advice on a Dockerfile, where the program is there."""

from __future__ import annotations

import json
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import structlog
from django.conf import settings

from fleet.programs import ProgramSlow, find_program, plain_environment, run_program

SECONDS = 5.0
# It takes some milliseconds for each line, and people wait for it.
SIZE_LIMIT = 64 * 1024
DATA_BYTES = 512 * 1024 * 1024
OUTPUT_BYTES = 4 * 1024 * 1024
MOST = 200
TEXT_LIMIT = 500
LEVELS = ("error", "warning", "info", "style")
DOCS = "https://github.com/hadolint/hadolint/wiki/"
SHELL_DOCS = "https://www.shellcheck.net/wiki/"
log = structlog.get_logger(__name__)


@dataclass(frozen=True)
class Advice:
    """One thing that could be better: `code` is hadolint's (DL…) or shellcheck's (SC…)."""

    line: int
    level: str
    code: str
    text: str

    @property
    def url(self) -> str:
        """Where it is explained; "" where it is plain."""
        start = {"DL": DOCS, "SC": SHELL_DOCS}.get(self.code[:2], "")
        return start + self.code if start and self.code != "DL1000" else ""


def lint(dockerfile: str) -> list[Advice] | None:
    """Return advice in the order of lines; None where there is no hadolint, or it failed."""
    program = find_program("hadolint", settings.HADOLINT)
    if not program:
        return None
    with tempfile.TemporaryDirectory(prefix="quayside-lint-") as name:
        folder = Path(name)
        place = folder / "Dockerfile"
        place.write_text(dockerfile, "utf-8", "surrogateescape")
        argv = [*_bound(), program, "--format", "json", "--no-fail", "--no-color", place.name]
        try:
            done = run_program(argv, folder, environment=plain_environment(folder), seconds=SECONDS)
            said = json.loads(done.text(OUTPUT_BYTES))
        except (OSError, ProgramSlow, ValueError) as error:
            log.warning("hadolint_failed", error=repr(error))
            return None
    found = (
        [_advice(one) for one in said if isinstance(one, dict)] if isinstance(said, list) else []
    )
    return sorted(found[:MOST], key=lambda one: (one.line, LEVELS.index(one.level)))


def _bound() -> tuple[str, ...]:
    """What keeps it from all memory, where util-linux is there to see to it."""
    found = find_program("prlimit")
    return (found, f"--data={DATA_BYTES}", f"--cpu={int(SECONDS) + 1}") if found else ()


def _advice(said: dict[str, Any]) -> Advice:
    level, line = said.get("level"), said.get("line")
    return Advice(
        line=line if isinstance(line, int) and line > 0 else 1,
        level=level if level in LEVELS else "info",
        code=str(said.get("code", ""))[:12],
        text=" ".join(str(said.get("message", "")).split())[:TEXT_LIMIT],
    )
