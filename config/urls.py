"""All addresses: the dashboard's pages, its API, and sign-in."""

from __future__ import annotations

from django.urls import include, path

from dashboard.api import api

urlpatterns = [
    path("api/v1/", api.urls),
    path("accounts/", include("dashboard.accounts_urls")),
    path("", include("dashboard.urls")),
]

handler400 = "dashboard.views.errors.bad_request"
handler403 = "dashboard.views.errors.forbidden"
handler404 = "dashboard.views.errors.not_found"
handler429 = "dashboard.views.errors.too_many"  # of allauth
handler500 = "dashboard.views.errors.server_error"
