"""Images given out as files, to pages and by the API."""

from __future__ import annotations

from collections.abc import Collection

from django.http import HttpRequest, StreamingHttpResponse

from dashboard.api.auth import caller_again
from fleet.actor import Actor
from fleet.moves.downloads import open_download


def tar_response(
    request: HttpRequest, actor: Actor, pks: Collection[int], *, packed: bool
) -> StreamingHttpResponse:
    """Return images of one host as a file. Raises NotSaved, Unknown or Refused."""
    download = open_download(actor, pks, caller_again(request), packed=packed)
    kind = "application/gzip" if packed else "application/x-tar"
    response = StreamingHttpResponse(download, content_type=kind)
    response["Content-Disposition"] = f'attachment; filename="{download.name}"'
    response["Cache-Control"] = "private, no-store"
    # Whoever sits in between must neither pack it again nor keep it all.
    response["Content-Encoding"] = "identity"
    response["X-Accel-Buffering"] = "no"
    return response
