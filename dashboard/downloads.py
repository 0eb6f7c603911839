"""Answers that are given piece by piece: files to pages and by the API, and what goes on."""

from __future__ import annotations

from collections.abc import AsyncIterable, AsyncIterator, Collection

from django.http import HttpRequest, StreamingHttpResponse

from dashboard.api.auth import caller_again
from fleet.actor import Actor
from fleet.moves.downloads import open_download


def streamed(
    pieces: AsyncIterable[bytes | str], content_type: str, *, name: str = ""
) -> StreamingHttpResponse:
    """Return an answer that is made while it is sent; with a name it is a file to be saved."""
    response = StreamingHttpResponse(pieces, content_type=content_type)
    # Django would pack each piece by itself, as many files of which clients read the first.
    response["Content-Encoding"] = "identity"
    response["Cache-Control"] = "private, no-store"
    response["X-Accel-Buffering"] = "no"  # nginx would keep pieces back
    if name:
        response["Content-Disposition"] = f'attachment; filename="{name}"'
    return response


async def nothing() -> AsyncIterator[bytes]:
    """Yield nothing: who asks by HEAD gets the names only."""
    return
    yield b""


def tar_response(
    request: HttpRequest, actor: Actor, pks: Collection[int], *, packed: bool
) -> StreamingHttpResponse:
    """Return images of one host as a file. Raises NotSaved, Unknown or Refused."""
    download = open_download(actor, pks, caller_again(request), packed=packed)
    kind = "application/gzip" if packed else "application/x-tar"
    return streamed(download, kind, name=download.name)
