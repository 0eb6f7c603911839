"""Addresses of images."""

from __future__ import annotations

from django.urls import path

from dashboard.views import pulls

urlpatterns = [
    path("images/pull/", pulls.image_pull, name="image-pull"),
]
