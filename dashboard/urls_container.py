"""Addresses of one container's page. They stand before the actions, which take any word."""

from __future__ import annotations

from django.urls import path

from dashboard.views import container, death, logs, siblings, updates

urlpatterns = [
    path("containers/<int:pk>/", container.detail, name="container-detail"),
    path("containers/<int:pk>/usage/", container.usage, name="container-usage"),
    path("containers/<int:pk>/health/", container.health, name="container-health"),
    path("containers/<int:pk>/logs/", container.logs, name="container-logs"),
    path("containers/<int:pk>/logs.txt", logs.log_file, name="container-log-file"),
    path("containers/<int:pk>/terminal/", container.terminal, name="container-terminal"),
    path("containers/<int:pk>/environment/", container.environment, name="container-environment"),
    path("containers/<int:pk>/environment/reveal/", container.reveal, name="container-reveal"),
    path("containers/<int:pk>/processes/", container.processes, name="container-processes"),
    path("containers/<int:pk>/changes/", container.changes, name="container-changes"),
    path("containers/<int:pk>/inspect/", container.inspect, name="container-inspect"),
    path("containers/<int:pk>/inspect.json", container.inspect_file, name="container-inspect-file"),
    path("containers/<int:pk>/events/", container.events, name="container-events"),
    path("containers/<int:pk>/death/", death.page, name="container-death"),
    path("containers/<int:pk>/jobs/", container.jobs, name="container-jobs"),
    path("containers/<int:pk>/image-check/", updates.check_container, name="container-image-check"),
    path("containers/<int:pk>/siblings/", siblings.of_container, name="container-siblings"),
]
