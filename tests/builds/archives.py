"""Archives as tests send them: entries by name, packed as people or attackers pack them."""

from __future__ import annotations

import io
import tarfile
import zipfile
from pathlib import Path

from fleet.builds.errors import ContextRefused


def entry(name: str, **more: object) -> tarfile.TarInfo:
    """Return a tar's entry with some of its facts set."""
    made = tarfile.TarInfo(name)
    made.mode = 0o644
    for key, value in more.items():
        setattr(made, key, value)
    return made


def link(name: str, to: str) -> tarfile.TarInfo:
    """Return a symbolic link."""
    return entry(name, type=tarfile.SYMTYPE, linkname=to)


def tar(place: Path, *entries: tarfile.TarInfo | tuple[str, bytes], mode: str = "w") -> Path:
    """Write a tar of entries and of (name, bytes)."""
    with tarfile.open(place, mode) as made:  # type: ignore[call-overload]
        for one in entries:
            if isinstance(one, tuple):
                made.addfile(entry(one[0], size=len(one[1])), io.BytesIO(one[1]))
            else:
                made.addfile(one)
    return place


def zipped(place: Path, *entries: tuple[str | zipfile.ZipInfo, bytes]) -> Path:
    """Write a zip."""
    with zipfile.ZipFile(place, "w", zipfile.ZIP_DEFLATED) as made:
        for name, data in entries:
            made.writestr(name, data)
    return place


def code_of(refused: BaseException) -> str:
    """Return the code of a refusal; its sentence must be complete."""
    assert isinstance(refused, ContextRefused)
    assert "%(" not in str(refused)
    return refused.code
