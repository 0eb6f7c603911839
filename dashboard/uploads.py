"""The addresses that take larger bodies, from whom they take them, or only small ones.

Django reads a whole body before any view can look at who sends it. So that nobody fills the disk
who may not upload anything, this is asked first: by the head of the request alone.
"""

from __future__ import annotations

import io
import re
from importlib import import_module
from pathlib import Path
from typing import Any

from asgiref.sync import sync_to_async
from django.conf import settings
from django.contrib.auth import get_user
from django.core.handlers.asgi import ASGIRequest

from dashboard.api.auth import bearer_of
from dashboard.body_limit import LIMIT, announced
from dashboard.intake import MAY_LOAD
from dashboard.room import ROOM, Room
from fleet.access import AccessError, access_build
from fleet.actor import Actor, actor_for
from fleet.moves.store import LOAD

# Pages take forms, the API takes the file as the body.
ARCHIVE = {
    "POST": re.compile(r"^/builds/(\d{1,18})/archive/?\Z"),
    "PUT": re.compile(r"^/api/v1/builds/(\d{1,18})/archive/?\Z"),
}
TAR = {
    "POST": re.compile(r"^/images/load/?\Z"),
    "PUT": re.compile(r"^/api/v1/images/load/?\Z"),
}
HOOK = re.compile(r"^/hooks/")
# Anybody may send there. GitHub tells of up to 2,048 commits in one push, some 3 MB.
HOOK_BYTES = 5 * 1024 * 1024
AROUND = 64 * 1024  # bytes of a form around its file


async def body_limit_of(scope: dict[str, Any]) -> int:
    """Return how many bytes the body of a request may have; 0: as many as any other."""
    if HOOK.match(scope["path"]):
        return HOOK_BYTES
    method, path = scope["method"], scope["path"]
    if method not in TAR:
        return 0
    if TAR[method].match(path):
        scope[MAY_LOAD] = await sync_to_async(_may_load)(scope)
        if not scope[MAY_LOAD]:
            return 0
        straight = Path(settings.IMAGE_TAR_DIR) if method == "PUT" else None
        scope[ROOM] = Room(announced(scope), straight)
        return max(LIMIT, settings.IMAGE_TAR_BYTES + AROUND)
    found = ARCHIVE[method].match(path)
    if found is None or not await sync_to_async(_may_upload)(scope, int(found[1])):
        return 0
    scope[ROOM] = Room(announced(scope))
    return max(LIMIT, settings.BUILD_CONTEXT_BYTES + AROUND)


def _may_upload(scope: dict[str, Any], build_id: int) -> bool:
    actor = _actor(scope)
    if actor is None:
        return False
    try:
        access_build(actor, build_id, "build.update")
    except AccessError:
        return False
    return True


def _may_load(scope: dict[str, Any]) -> bool:
    actor = _actor(scope)
    return actor is not None and bool(actor.access.reach(LOAD))


def _actor(scope: dict[str, Any]) -> Actor | None:
    request: Any = ASGIRequest(scope, io.BytesIO())
    if "authorization" in request.headers:
        return bearer_of(request)
    key = request.COOKIES.get(settings.SESSION_COOKIE_NAME)
    if not key:
        return None
    request.session = import_module(settings.SESSION_ENGINE).SessionStore(key)
    user: Any = get_user(request)
    return actor_for(user) if user.is_authenticated else None
