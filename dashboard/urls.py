"""The dashboard's addresses, a list per noun."""

from __future__ import annotations

from django.urls import URLPattern, URLResolver, include, path

from dashboard.views import hooks, system, usage
from dashboard.views.api import api_docs

urlpatterns: list[URLPattern | URLResolver] = [
    path("healthz", system.healthz, name="healthz"),
    path("metrics", system.metrics, name="metrics"),
    path("api/docs", api_docs, name="api-docs"),
    path("hooks/<slug:public_id>/", hooks.receive, name="hook"),
    path("status/", system.status, name="status"),
    path("usage/", usage.top, name="usage-top"),
    path("usage/recent/", usage.recent, name="usage-recent"),
    path("", include("dashboard.urls_containers")),
    path("", include("dashboard.urls_container")),
    path("", include("dashboard.urls_images")),
    path("", include("dashboard.urls_hosts")),
    path("", include("dashboard.urls_registries")),
    path("", include("dashboard.urls_people")),
    path("", include("dashboard.urls_builds")),
    path("", include("dashboard.urls_jobs")),
]
