"""Addresses of the Fleet page, hosts, environments and events."""

from __future__ import annotations

from django.urls import path

from dashboard.views import environments, events, fleet, hosts, siblings

urlpatterns = [
    path("", fleet.index, name="fleet"),
    path("hosts/", hosts.index, name="host-list"),
    path("hosts/add/", hosts.add, name="host-add"),
    path("hosts/test/", hosts.test_form, name="host-test-new"),
    path("hosts/<int:pk>/", hosts.detail, name="host-detail"),
    path("hosts/<int:pk>/usage/", hosts.usage, name="host-usage"),
    path("hosts/<int:pk>/events/", hosts.events, name="host-events"),
    path("hosts/<int:pk>/jobs/", hosts.jobs, name="host-jobs"),
    path("hosts/<int:pk>/edit/", hosts.edit, name="host-edit"),
    path("hosts/<int:pk>/edit/test/", hosts.test_form, name="host-test-edit"),
    path("hosts/<int:pk>/test/", hosts.test, name="host-test"),
    path("hosts/<int:pk>/refresh/", hosts.refresh, name="host-refresh"),
    path("hosts/<int:pk>/disable/", hosts.switch, {"on": False}, name="host-disable"),
    path("hosts/<int:pk>/enable/", hosts.switch, {"on": True}, name="host-enable"),
    path("hosts/<int:pk>/forget-key/", hosts.forget_key, name="host-forget-key"),
    path("hosts/<int:pk>/remove/", hosts.remove, name="host-remove"),
    path("hosts/<int:pk>/siblings/", siblings.of_host, name="host-siblings"),
    path("environments/", environments.index, name="environment-list"),
    path("environments/add/", environments.add, name="environment-add"),
    path("environments/<int:pk>/edit/", environments.edit, name="environment-edit"),
    path("environments/<int:pk>/remove/", environments.remove, name="environment-remove"),
    path("environments/<int:pk>/siblings/", siblings.of_environment, name="environment-siblings"),
    path("events/density/", events.density, name="event-density"),
    path("events/", events.index, name="event-list"),
]
