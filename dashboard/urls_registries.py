"""Addresses of registries."""

from __future__ import annotations

from django.urls import path

from dashboard.views import registries

urlpatterns = [
    path("registries/", registries.index, name="registry-list"),
    path("registries/add/", registries.add, name="registry-add"),
    path("registries/test/", registries.test_form, name="registry-test-new"),
    path("registries/<int:pk>/", registries.detail, name="registry-detail"),
    path("registries/<int:pk>/edit/", registries.edit, name="registry-edit"),
    path("registries/<int:pk>/edit/test/", registries.test_form, name="registry-test-edit"),
    path("registries/<int:pk>/test/", registries.test, name="registry-test"),
    path("registries/<int:pk>/remove/", registries.remove, name="registry-remove"),
]
