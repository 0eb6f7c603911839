"""Addresses of jobs, and of actions that make them."""

from __future__ import annotations

from django.urls import path

from dashboard.views import actions, jobs

urlpatterns = [
    path("jobs/", jobs.job_list, name="job-list"),
    path("jobs/<int:pk>/", jobs.job_detail_view, name="job-detail"),
    path("jobs/<int:pk>/lines.txt", jobs.job_lines, name="job-lines"),
    path("jobs/<int:pk>/cancel/", jobs.job_cancel_view, name="job-cancel"),
    path("jobs/<int:pk>/retry/", jobs.job_retry_view, name="job-retry"),
    path("containers/bulk/", actions.container_bulk, name="container-bulk"),
    path("containers/<int:pk>/<slug:slug>/", actions.container_action, name="container-action"),
]
