"""Addresses of registries."""

from __future__ import annotations

from django.urls import path

from dashboard.views import registries, registry_content, registry_delete, registry_search

urlpatterns = [
    path("registries/", registries.index, name="registry-list"),
    path("registries/add/", registries.add, name="registry-add"),
    path("registries/test/", registries.test_form, name="registry-test-new"),
    path("registries/search/", registry_search.search_hub, name="registry-search"),
    path("registries/<int:pk>/", registries.detail, name="registry-detail"),
    path("registries/<int:pk>/edit/", registries.edit, name="registry-edit"),
    path("registries/<int:pk>/edit/test/", registries.test_form, name="registry-test-edit"),
    path("registries/<int:pk>/test/", registries.test, name="registry-test"),
    path("registries/<int:pk>/remove/", registries.remove, name="registry-remove"),
    path("registries/<int:pk>/open/", registry_content.open_named, name="registry-open"),
    path(
        "registries/<int:pk>/repositories/",
        registry_content.repositories,
        name="registry-repositories",
    ),
    path(
        "registries/<int:pk>/repositories/<path:name>/",
        registry_content.repository,
        name="registry-repository",
    ),
    # Names have slashes: what follows one would be taken for a part of it, so it stands before.
    path(
        "registries/<int:pk>/rows/<path:name>/",
        registry_content.tag_rows,
        name="registry-tag-rows",
    ),
    path(
        "registries/<int:pk>/images/<path:name>/<str:reference>/",
        registry_content.image,
        name="registry-image",
    ),
    path(
        "registries/<int:pk>/same/<path:name>/<str:reference>/",
        registry_content.same,
        name="registry-same",
    ),
    path(
        "registries/<int:pk>/delete/<path:name>/<str:reference>/",
        registry_delete.delete_image,
        name="registry-image-delete",
    ),
]
