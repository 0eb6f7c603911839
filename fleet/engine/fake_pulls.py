"""The images of a fake engine, and the registries that it pulls them from and pushes them to."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import json
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web

from fleet.engine.fake_images import FakeImages
from fleet.engine.fake_state import Refusal

STEPS = 4  # how often a layer tells how far it is


@dataclass
class FakeLayer:
    """One layer of an image in a registry."""

    size: int

    def id_in(self, reference: str, number: int) -> str:
        """Its id, as engines show it."""
        return hashlib.sha256(f"{reference} {number}".encode()).hexdigest()[:12]


@dataclass
class FakePulls:
    """``registry`` is what there is to fetch, by ``name:tag``; it goes to ``store``.

    ``private`` names a user and a password for each registry that asks; ``refuse`` is an error
    in the middle of every pull, and ``step`` how long a layer takes to tell more.
    """

    store: FakeImages
    registry: dict[str, list[FakeLayer]] = field(default_factory=dict)
    private: dict[str, tuple[str, str]] = field(default_factory=dict)
    refuse: str = ""
    step: float = 0.0
    editions: dict[str, int] = field(default_factory=dict)  # counts up with each push of a name
    stuck: bool = False  # says the same of a layer for ever, as where containerd keeps images
    breaks_off: int = 0  # how often the first layer is tried again
    under_way: int = 0

    async def on_create(self, request: web.Request) -> web.StreamResponse:
        """``POST /images/create``."""
        name, tag = request.query["fromImage"], request.query.get("tag", "")
        reference = f"{name}@{tag}" if ":" in tag else f"{name}:{tag}"
        return await self._pull(request, reference)

    def _check(self, request: web.Request, reference: str) -> list[FakeLayer]:
        """Return the layers, if who asks may have them."""
        if reference.lower() != reference:
            raise Refusal(400, "invalid reference format: repository name must be lowercase")
        self._check_login(request, reference)
        if reference not in self.registry:
            raise Refusal(404, f"manifest for {reference} not found: manifest unknown")
        return self.registry[reference]

    def _check_login(self, request: web.Request, reference: str) -> None:
        wanted = self.private.get(reference.split("/", 1)[0])
        if wanted is None:
            return
        header = request.headers.get("X-Registry-Auth", "")
        given: dict[str, Any] = json.loads(base64.urlsafe_b64decode(header)) if header else {}
        if not given.get("username"):
            raise Refusal(500, f'Head "http://{reference}": no basic auth credentials')
        if (given.get("username"), given.get("password")) != wanted:
            raise Refusal(500, "unauthorized: authentication required")

    async def on_push(self, request: web.Request, name: str) -> web.StreamResponse:
        """``POST /images/{name}/push``: an unknown name is told in the stream, as engines do."""
        reference = f"{name}:{request.query.get('tag', 'latest')}"
        response = web.StreamResponse(headers={"Content-Type": "application/json"})
        await response.prepare(request)
        self.under_way += 1
        try:
            await self._send(request, response, reference)
        except Refusal as refusal:
            error = {"errorDetail": {"message": refusal.message}, "error": refusal.message}
            await response.write(json.dumps(error).encode() + b"\r\n")
        finally:
            self.under_way -= 1
        return response

    async def _send(
        self, request: web.Request, response: web.StreamResponse, reference: str
    ) -> None:
        async def say(status: str, layer: str = "", done: int = 0, total: int = 0) -> None:
            detail = {"current": done, "total": total} if total else {}
            said = {"status": status, "progressDetail": detail, **({"id": layer} if layer else {})}
            await response.write(json.dumps(said).encode() + b"\r\n")

        name, _colon, tag = reference.rpartition(":")
        await say(f"The push refers to repository [{name}]")
        if reference not in self.store.names:
            raise Refusal(404, f"An image does not exist locally with the tag: {name}")
        self._check_login(request, reference)
        image = self.store.find(reference)
        layers = [(hashlib.sha256(text.encode()).hexdigest()[:12], n) for text, n in image.layers]
        there = reference in self.registry
        for layer, _size in layers:
            await say("Preparing", layer)
        while self.stuck:
            await asyncio.sleep(0.01)
            await say("Pushing", layers[0][0], 1, layers[0][1])
        for layer, size in layers:
            for step in range(1, STEPS + 1) if not there else ():
                await asyncio.sleep(self.step)
                await say("Pushing", layer, size * step // STEPS, size)
            await say("Layer already exists" if there else "Pushed", layer)
            if self.refuse:
                raise Refusal(500, self.refuse)
        self.registry[reference] = [FakeLayer(size) for _layer, size in layers]
        await say(f"{tag}: digest: {image.id} size: 528")

    async def _pull(self, request: web.Request, reference: str) -> web.StreamResponse:
        layers = self._check(request, reference)
        response = web.StreamResponse(headers={"Content-Type": "application/json"})
        await response.prepare(request)
        self.under_way += 1
        try:
            await self._tell(response, reference, layers)
        finally:
            self.under_way -= 1
        return response

    def image_id(self, reference: str) -> str:
        """The id of what there is to fetch by a name; the first is that of containers so named."""
        edition = self.editions.get(reference, 0)
        named = f"{reference} {edition}" if edition else reference
        return "sha256:" + hashlib.sha256(named.encode()).hexdigest()

    async def _tell(
        self, response: web.StreamResponse, reference: str, layers: list[FakeLayer]
    ) -> None:
        async def say(status: str, layer: str = "", done: int = 0, total: int = 0) -> None:
            detail = {"current": done, "total": total} if total else {}
            said = {"status": status, "progressDetail": detail, **({"id": layer} if layer else {})}
            await response.write(json.dumps(said).encode() + b"\r\n")

        image_id = self.image_id(reference)
        ids = [layer.id_in(reference, number) for number, layer in enumerate(layers)]
        await say(f"Pulling from {reference.rpartition(':')[0]}", reference.rpartition(":")[2])
        there = image_id in self.store.known
        for layer in ids:
            await say("Already exists" if there else "Pulling fs layer", layer)
        for seconds in range(self.breaks_off, 0, -1):
            await say(f"Retrying in {seconds} seconds", ids[0])
        while self.stuck:
            await asyncio.sleep(0.01)
            await say("Downloading", ids[0], 1, layers[0].size)
        for status in () if there else ("Downloading", "Extracting"):
            for layer, facts in zip(ids, layers, strict=True):
                for step in range(1, STEPS + 1):
                    await asyncio.sleep(self.step)
                    await say(status, layer, facts.size * step // STEPS, facts.size)
                await say(
                    "Download complete" if status == "Downloading" else "Pull complete", layer
                )
            if self.refuse:
                error = {"errorDetail": {"message": self.refuse}, "error": self.refuse}
                await response.write(json.dumps(error).encode() + b"\r\n")
                return
        if not there:
            digest = f"{reference.partition('@')[0].rpartition(':')[0]}@{image_id}"
            self.store.add(reference, id=image_id, digests=[digest])
        await say(f"Digest: {image_id}")
        words = "Image is up to date" if there else "Downloaded newer image"
        await say(f"Status: {words} for {reference}")
