"""The dashboard's addresses, a list per noun."""

from __future__ import annotations

from django.urls import URLPattern, URLResolver, path

from dashboard.views import system

urlpatterns: list[URLPattern | URLResolver] = [
    path("healthz", system.healthz, name="healthz"),
    path("status/", system.status, name="status"),
]
