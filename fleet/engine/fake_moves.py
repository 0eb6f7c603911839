"""Saving images of a fake engine as a tar, and loading one."""

from __future__ import annotations

import asyncio
import io
import json
import tarfile
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web

from fleet.engine.fake_images import FakeImage, FakeImages
from fleet.engine.fake_state import Refusal

PIECE = 64 * 1024


def _going() -> asyncio.Event:
    event = asyncio.Event()
    event.set()
    return event


@dataclass
class FakeMoves:
    """``refuse`` is an error that a load ends with, as real engines tell it after their 200.

    With ``halt`` cleared, what is saved stops in the middle; with ``copied``, before it begins.
    """

    store: FakeImages
    refuse: str = ""
    under_way: int = 0
    halt: asyncio.Event = field(default_factory=_going)
    copied: asyncio.Event = field(default_factory=_going)

    async def on_save(self, request: web.Request) -> web.StreamResponse:
        """``GET /images/get``."""
        names = request.query.getall("names", [])
        found: dict[str, list[str]] = {}
        for name in names:
            found.setdefault(self.store.find(name).id, []).append(name)
        images = [(self.store.known[ident], asked) for ident, asked in found.items()]
        data = (len(images) == 1 and images[0][0].archive) or _packed(images)
        response = web.StreamResponse(headers={"Content-Type": "application/x-tar"})
        self.under_way += 1
        try:
            await self.copied.wait()
            await response.prepare(request)
            for at in range(0, len(data), PIECE):
                await response.write(data[at : at + PIECE])
                await self.halt.wait()
        finally:
            self.under_way -= 1
        return response

    async def on_load(self, request: web.Request) -> web.StreamResponse:
        """``POST /images/load``."""
        self.under_way += 1
        try:
            data = b"".join([piece async for piece in request.content.iter_any()])
        finally:
            self.under_way -= 1
        response = web.StreamResponse(headers={"Content-Type": "application/json"})
        await response.prepare(request)
        try:
            if self.refuse:
                raise Refusal(500, self.refuse)
            told: list[dict[str, Any]] = [{"stream": f"{line}\n"} for line in self._load(data)]
        except Refusal as refusal:
            told = [{"errorDetail": {"message": refusal.message}, "error": refusal.message}]
        for line in told:
            await response.write(json.dumps(line).encode() + b"\r\n")
        return response

    def _load(self, data: bytes) -> list[str]:
        said = []
        for item in _manifest(data):
            ident, names = f"sha256:{item['Config'].removesuffix('.json')}", item["RepoTags"] or []
            it = self.store.known.get(ident) or self.store.add(id=ident)
            for name in names:
                if name not in it.tags:
                    self.store.tag(it, name)
                said.append(f"Loaded image: {name}")
            said += [] if names else [f"Loaded image ID: {ident}"]
        return said


def _packed(images: list[tuple[FakeImage, list[str]]]) -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=tarfile.USTAR_FORMAT) as tar:

        def add(name: str, data: bytes) -> None:
            info = tarfile.TarInfo(name)
            info.size = len(data)
            tar.addfile(info, io.BytesIO(data))

        manifest = []
        for it, asked in images:
            bare = it.id.removeprefix("sha256:")
            layers = [f"{bare[:12]}{number}/layer.tar" for number in range(len(it.layers))]
            for path, (_text, size) in zip(layers, it.layers, strict=True):
                add(path, bytes(size))
            add(f"{bare}.json", json.dumps(it.inspect()).encode())
            names = [name for name in asked if name in it.tags] or None
            manifest.append({"Config": f"{bare}.json", "RepoTags": names, "Layers": layers})
        add("manifest.json", json.dumps(manifest).encode())
    return out.getvalue()


def _manifest(data: bytes) -> list[Any]:
    try:
        with tarfile.open(fileobj=io.BytesIO(data), mode="r:*") as tar:
            told = tar.extractfile("manifest.json")
            found: list[Any] = json.load(told) if told else []
            return found
    except tarfile.TarError as error:
        raise Refusal(500, "Error processing tar file: archive/tar: invalid tar header") from error
    except KeyError as error:
        raise Refusal(500, "open /tmp/repositories: no such file or directory") from error
