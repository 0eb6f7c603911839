"""Addresses of builds."""

from __future__ import annotations

from django.urls import path

from dashboard.views import build_advice, build_cache, builds, schedules, webhooks

urlpatterns = [
    path("builds/", builds.index, name="build-list"),
    path("builds/cache/", build_cache.cache_prune, name="build-cache"),
    path("builds/add/", builds.add, name="build-add"),
    path("builds/lint/", build_advice.lint, name="build-lint"),
    path("builds/<int:pk>/", builds.detail, name="build-detail"),
    path("builds/<int:pk>/edit/", builds.edit, name="build-edit"),
    path("builds/<int:pk>/run/", builds.run, name="build-start"),
    path("builds/<int:pk>/run/other/", builds.other_ref, name="build-other-ref"),
    path("builds/<int:pk>/archive/", builds.archive, name="build-archive"),
    path("builds/<int:pk>/forget-key/", builds.forget_key, name="build-forget-key"),
    path("builds/<int:pk>/remove/", builds.remove, name="build-remove"),
    path("builds/<int:pk>/runs/<int:number>/", builds.run_detail, name="build-run"),
    path("builds/<int:pk>/runs/<int:number>/go-on/", builds.go_on, name="build-go-on"),
    path("builds/<int:pk>/runs/<int:number>/log.txt", builds.run_log, name="build-log"),
    path("builds/times/", schedules.times, name="schedule-times"),
    path("builds/<int:pk>/schedules/add/", schedules.add, name="schedule-add"),
    path("builds/<int:pk>/schedules/<int:schedule>/edit/", schedules.edit, name="schedule-edit"),
    path(
        "builds/<int:pk>/schedules/<int:schedule>/remove/",
        schedules.remove,
        name="schedule-remove",
    ),
    path("builds/<int:pk>/webhooks/add/", webhooks.add, name="webhook-add"),
    path("builds/<int:pk>/webhooks/<int:hook>/", webhooks.detail, name="webhook-detail"),
    path("builds/<int:pk>/webhooks/<int:hook>/edit/", webhooks.edit, name="webhook-edit"),
    path("builds/<int:pk>/webhooks/<int:hook>/rotate/", webhooks.rotate, name="webhook-rotate"),
    path("builds/<int:pk>/webhooks/<int:hook>/remove/", webhooks.remove, name="webhook-remove"),
]
