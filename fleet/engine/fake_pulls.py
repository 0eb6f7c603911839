"""The images of a fake engine, and the registries that it pulls them from."""

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
        wanted = self.private.get(reference.split("/", 1)[0])
        if wanted is not None:
            header = request.headers.get("X-Registry-Auth", "")
            if not header:
                raise Refusal(500, f'Head "http://{reference}": no basic auth credentials')
            given: dict[str, Any] = json.loads(base64.urlsafe_b64decode(header))
            if (given.get("username"), given.get("password")) != wanted:
                raise Refusal(500, "unauthorized: authentication required")
        if reference not in self.registry:
            raise Refusal(404, f"manifest for {reference} not found: manifest unknown")
        return self.registry[reference]

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

    async def _tell(
        self, response: web.StreamResponse, reference: str, layers: list[FakeLayer]
    ) -> None:
        async def say(status: str, layer: str = "", done: int = 0, total: int = 0) -> None:
            detail = {"current": done, "total": total} if total else {}
            said = {"status": status, "progressDetail": detail, **({"id": layer} if layer else {})}
            await response.write(json.dumps(said).encode() + b"\r\n")

        image_id = "sha256:" + hashlib.sha256(reference.encode()).hexdigest()
        ids = [layer.id_in(reference, number) for number, layer in enumerate(layers)]
        await say(f"Pulling from {reference.rpartition(':')[0]}", reference.rpartition(":")[2])
        there = image_id in self.store.known
        for layer in ids:
            await say("Already exists" if there else "Pulling fs layer", layer)
        for seconds in range(self.breaks_off, 0, -1):
            await say(f"Retrying in {seconds} seconds", ids[0])
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
