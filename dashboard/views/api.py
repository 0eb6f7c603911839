"""The API's documentation page, from our own assets."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.http import require_GET


@require_GET
def api_docs(request: HttpRequest) -> HttpResponse:
    """Show every route of the API; they can be tried from here with the own session."""
    settings = {
        "url": reverse("api-1:openapi-json"),
        "persistAuthorization": False,
        "defaultModelsExpandDepth": 0,
        "docExpansion": "none",
    }
    return render(request, "system/api.html", {"settings": settings})
