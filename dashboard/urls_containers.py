"""Addresses of container tables, of filters that are saved, and of what pages remember."""

from __future__ import annotations

from django.urls import path

from dashboard.views import containers, logs, preferences, saved_filters

urlpatterns = [
    path("containers/", containers.container_list, name="container-list"),
    path("containers/stacks/", containers.container_stacks, name="container-stacks"),
    path("containers/services/", containers.container_services, name="container-services"),
    path("logs/", logs.fleet_logs, name="log-view"),
    path("saved-filters/", saved_filters.index, name="saved-filter-list"),
    path("saved-filters/add/", saved_filters.add, name="saved-filter-add"),
    path("saved-filters/<int:pk>/", saved_filters.edit, name="saved-filter"),
    path("saved-filters/<int:pk>/remove/", saved_filters.remove, name="saved-filter-remove"),
    path("preferences/", preferences.preferences, name="preferences"),
]
