"""The images of a fake engine: those that its containers were made of, and what is added."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web

from fleet.engine.fake_state import FakeContainer, Refusal, time_text

Json = dict[str, Any]
Tell = Callable[..., None]
SIZE = 10**6


@dataclass
class FakeImage:
    """One image and all that is told of it."""

    id: str
    tags: list[str] = field(default_factory=list)
    digests: list[str] = field(default_factory=list)
    size: int = SIZE
    labels: dict[str, str] = field(default_factory=dict)
    env: list[str] = field(default_factory=list)
    layers: list[tuple[str, int]] = field(default_factory=lambda: [("ADD rootfs.tar / ", SIZE)])
    created_ns: int = field(default_factory=time.time_ns)
    architecture: str = "amd64"
    variant: str = ""
    archive: bytes = b""  # what `docker save` makes of it; empty: something of its kind

    @property
    def base(self) -> Json:
        """What the list and `inspect` have in common."""
        return {
            "Id": self.id,
            "RepoTags": list(self.tags),
            "RepoDigests": list(self.digests),
            "Size": self.size,
        }

    def summary(self) -> Json:
        """Its item of ``GET /images/json``."""
        seconds = self.created_ns // 10**9
        return {**self.base, "Created": seconds, "Labels": self.labels or None, "Containers": -1}

    def inspect(self) -> Json:
        """``GET /images/{id}/json``."""
        layers = [_digest(text) for text, size in self.layers if size]
        return {
            **self.base,
            "Created": time_text(self.created_ns),
            "Architecture": self.architecture,
            "Variant": self.variant,
            "Os": "linux",
            "Config": {"Env": self.env, "Cmd": ["sh"], "Labels": self.labels, "Entrypoint": None},
            "RootFS": {"Type": "layers", "Layers": layers},
        }

    def history(self) -> list[Json]:
        """``GET /images/{id}/history``, the last step first."""
        last = len(self.layers) - 1
        seconds = self.created_ns // 10**9
        return [
            {
                "Id": self.id if number == last else "<missing>",
                "Created": seconds,
                "CreatedBy": text,
                "Size": size,
                "Tags": (list(self.tags) or None) if number == last else None,
                "Comment": "",
            }
            for number, (text, size) in reversed(list(enumerate(self.layers)))
        ]


class FakeImages:
    """All images of one fake engine, and the part of the API that is about them."""

    def __init__(self, tell: Tell, users: Callable[[str], list[FakeContainer]]) -> None:
        self.known: dict[str, FakeImage] = {}
        self._tell, self._users = tell, users

    @property
    def names(self) -> set[str]:
        """All tags."""
        return {name for it in self.known.values() for name in it.tags}

    def id_of(self, name: str) -> str:
        """The id of the image that has a name; "" where a container brings its own."""
        return next((it.id for it in self.known.values() if name in (it.id, *it.tags)), "")

    def need(self, name: str, ident: str) -> None:
        """Have an image of that name, as containers of it do."""
        if ident not in self.known:
            tags = [] if name.startswith("sha256:") else [name]
            self.known[ident] = FakeImage(ident, tags)

    def add(self, *tags: str, size: int = SIZE, **more: Any) -> FakeImage:
        """A new image, as a pull brings it; without tags a dangling one."""
        ident = more.pop("id", "") or _digest("/".join(tags) or f"{time.time_ns()}")
        made = self.known[ident] = FakeImage(ident, [], size=size, **more)
        self._tell("image", "pull", tags[0] if tags else ident, {"name": tags[0] if tags else ""})
        for name in tags:
            self.tag(made, name)
        return made

    def tag(self, it: FakeImage, name: str) -> None:
        """Give a name, which another one loses."""
        for other in self.known.values():
            if name in other.tags:
                other.tags.remove(name)
        it.tags.append(name)
        self._tell("image", "tag", it.id, {"name": name})

    def remove(self, ref: str, force: bool) -> list[Json]:
        """Take a name away, and with its last one the image; by an id, all of it."""
        it = self.find(ref)
        if ref in it.tags and len(it.tags) > 1:
            return [self._untag(it, ref)]
        self._check_free(it, ref, force)
        done = [self._untag(it, name) for name in list(it.tags)]
        del self.known[it.id]
        self._tell("image", "delete", it.id, {"name": it.id})
        return [*done, {"Deleted": it.id}]

    def _untag(self, it: FakeImage, name: str) -> Json:
        it.tags.remove(name)
        self._tell("image", "untag", it.id, {"name": it.id})
        return {"Untagged": name}

    def _check_free(self, it: FakeImage, ref: str, force: bool) -> None:
        """Refuse what Docker refuses, in its words."""
        why = ""
        for user in self._users(it.id):
            kind = "running" if user.is_up else "stopped"
            if user.is_up or not force:
                why = f"image is being used by {kind} container {user.id[:12]}"
        if not why and len(it.tags) > 1 and not force:
            why = "image is referenced in multiple repositories"
        if why:
            must = "cannot" if "running" in why else "must"
            raise Refusal(409, f"conflict: unable to delete {ref[:19]} ({must} be forced) - {why}")

    def find(self, ref: str) -> FakeImage:
        """By id, start of an id, or tag. Raises ``Refusal`` 404."""
        for it in self.known.values():
            bare = it.id.removeprefix("sha256:")
            if ref in (it.id, *it.tags) or (len(ref) >= 12 and bare.startswith(ref)):
                return it
        raise Refusal(404, f"No such image: {ref}")

    async def answer(self, request: web.Request, parts: list[str]) -> web.StreamResponse:
        """Answer what is asked below ``/images/``; a name may have slashes."""
        if parts == ["json"]:
            return web.json_response([it.summary() for it in self.known.values()])
        *path, action = parts
        if request.method == "DELETE":
            force = request.query.get("force", "") in ("1", "true", "True")
            return web.json_response(self.remove("/".join(parts), force))
        it = self.find("/".join(path))
        if request.method == "POST" and action == "tag":
            self.tag(it, f"{request.query['repo']}:{request.query.get('tag') or 'latest'}")
            return web.Response(status=201)
        if action not in ("json", "history"):
            raise Refusal(404, "page not found")
        return web.json_response(it.inspect() if action == "json" else it.history())


def _digest(text: str) -> str:
    return "sha256:" + hashlib.sha256(text.encode()).hexdigest()
