"""/images/{id}/…: what can be done with an image of a host, a route for each operation."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest, JsonResponse
from ninja import Router

from dashboard.api.auth import caller
from dashboard.api.jobs import JobOut, accepted
from fleet.operations import Operation, operations_on
from fleet.operations.requests import request as request_job

router = Router(tags=["images"])


def _add(operation: Operation) -> None:
    """Add the route of one operation, with its parameters as the body."""

    def act(request: HttpRequest, image_id: int, params: Any = None) -> JsonResponse:
        values = params.model_dump() if params is not None else {}
        job = request_job(operation.name, actor=caller(request), target_id=image_id, params=values)
        return accepted(job)

    act.__annotations__ = {
        "request": HttpRequest,
        "image_id": int,
        "params": operation.params | None,
        "return": JsonResponse,
    }
    act.__doc__ = str(operation.sentence)
    router.post(
        f"/{{int:image_id}}/{operation.slug}",
        response={202: JobOut},
        summary=f"{operation.verb} an image",
        operation_id=f"image_{operation.slug}",
    )(act)


for _operation in operations_on("image"):
    if _operation.run is not None:
        _add(_operation)
