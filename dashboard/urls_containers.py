"""Addresses of container tables, and of what pages remember."""

from __future__ import annotations

from django.urls import path

from dashboard.views import containers, logs, preferences

urlpatterns = [
    path("containers/", containers.container_list, name="container-list"),
    path("containers/stacks/", containers.container_stacks, name="container-stacks"),
    path("logs/", logs.fleet_logs, name="log-view"),
    path("preferences/", preferences.preferences, name="preferences"),
]
